#include "cli/expect.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>

#include "attach/replay.h"
#include "attach/test_captures.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr std::string_view kRules =
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n";

Script script(std::string_view text) {
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(text, diagnostics);
  EXPECT_TRUE(script) << diagnostics.render("test", text);
  return *script;
}

struct Verdict {
  bool met = false;
  std::string said;
};

// A capture of these packets (a script too). One with mark 1 is cut after its IP header, one with
// mark 2 is no IP packet.
std::vector<uint8_t> capture_of(std::string_view text) {
  testing::CaptureBuilder builder;
  builder.pcap(0xa1b23c4d, link_type::kRaw);  // nanoseconds
  for (const ScriptPacket& one : script(text).packets) {
    std::vector<uint8_t> bytes = one.packet.bytes;
    uint32_t wire = static_cast<uint32_t>(bytes.size());
    if (one.packet.mark == 1) bytes.resize(20);
    if (one.packet.mark == 2) bytes[0] = 0;
    auto time = one.time.count();
    builder.pcap_record(1000 + static_cast<uint32_t>(time / 1'000'000'000),
                        static_cast<uint32_t>(time % 1'000'000'000), bytes, wire);
  }
  return builder.bytes;
}

// The capture of a host, held against a script.
Verdict check(std::string_view packets, std::string_view expected) {
  Engine::Config config{.hash_key = make_hash_key(1)};
  config.host.add(InterfaceName("eth0"), *Prefix::parse("192.168.1.2/24"));
  Engine engine(config, std::make_unique<SetStore>(make_hash_key(2)));
  auto rules = parse_rules(kRules, Family::kIpv4, &engine.sets());
  engine.set_program(Family::kIpv4, compile(*rules));
  Viewpoint viewpoint = Viewpoint::of_host(engine.host(), InterfaceName("eth0"));
  Capture capture = *Capture::from_memory(capture_of(packets));
  Replay replay(capture, engine, viewpoint, {});
  std::ostringstream said;
  ExpectationCheck expectations("t.flow", script(expected), said);
  replay.watch([&](const Judged& judged) { expectations.see(judged, engine); });
  for (std::span<const Judged> judged; replay.next(judged);) continue;
  bool met = expectations.met();
  return {met, said.str()};
}

constexpr std::string_view kExchange =
    "out udp 192.168.1.2:40000 > 192.168.1.1:53\n"
    "+3 in udp 192.168.1.1:53 > 192.168.1.2:40000\n"
    "+1 in udp 192.168.1.7:53 > 192.168.1.2:40000\n";

// What is expected of a flow is held against the flow as that packet left it.
TEST(ExpectationCheck, IsMet) {
  Verdict verdict = check(kExchange,
                          "out udp 192.168.1.2:40000 > 192.168.1.1:53 => ACCEPT NEW timeout 30\n"
                          "in udp 192.168.1.1:53 > 192.168.1.2:40000  => ACCEPT ESTABLISHED reply "
                          "timeout 30 status SEEN_REPLY rule filter/INPUT/1\n"
                          "in udp 192.168.1.7:53 > 192.168.1.2:40000\n");
  EXPECT_EQ(verdict.said, "");
  EXPECT_TRUE(verdict.met);
}

TEST(ExpectationCheck, SaysEachDifference) {
  Verdict verdict = check(kExchange,
                          "# what is wrong here\n"
                          "out udp 192.168.1.2:40000 > 192.168.1.1:53 => DROP NEW timeout 20\n"
                          "in udp 192.168.1.1:53 > 192.168.1.2:40000  => ACCEPT ESTABLISHED\n"
                          "in udp 192.168.1.7:53 > 192.168.1.2:40000  => ACCEPT NEW\n");
  EXPECT_EQ(verdict.said,
            "t.flow:2: packet 0: expected DROP NEW timeout 20; it is ACCEPT, timeout 30\n"
            "t.flow:4: packet 2: expected ACCEPT NEW; it is DROP\n");
  EXPECT_FALSE(verdict.met);
}

TEST(ExpectationCheck, IsAboutTheSamePackets) {
  struct {
    const char* expected;
    const char* said;
  } rows[] = {
      {"out udp 192.168.1.2:40000 > 192.168.1.1:53", ""},
      {"out udp 192.168.1.2:40000 > 192.168.1.1:54", "udp 192.168.1.2:40000 > 192.168.1.1:54"},
      {"out udp 192.168.1.2:40001 > 192.168.1.1:53", "udp 192.168.1.2:40001 > 192.168.1.1:53"},
      {"out udp 192.168.1.2:40000 > 192.168.1.3:53", "udp 192.168.1.2:40000 > 192.168.1.3:53"},
      {"out udp 192.168.1.4:40000 > 192.168.1.1:53", "udp 192.168.1.4:40000 > 192.168.1.1:53"},
      {"out tcp 192.168.1.2:40000 > 192.168.1.1:53", "tcp 192.168.1.2:40000 > 192.168.1.1:53"},
      {"out udp [fd00::2]:40000 > [fd00::1]:53", "udp [fd00::2]:40000 > [fd00::1]:53"},
      {"out udp 192.168.1.2:40000 > 192.168.1.1:53 frag 8 8", "udp 192.168.1.2 > 192.168.1.1"},
      {"out udp 192.168.1.2:40000 > 192.168.1.1:53 ihl 4", "a packet without a readable header"},
  };
  for (const auto& row : rows) {
    std::string said;
    if (*row.said) {
      said = fmt::format(
          "t.flow:1: packet 0: expected {}; the capture has udp 192.168.1.2:40000 > "
          "192.168.1.1:53\n",
          row.said);
    }
    Verdict verdict = check("out udp 192.168.1.2:40000 > 192.168.1.1:53 len 20", row.expected);
    EXPECT_EQ(verdict.said, said);
    EXPECT_EQ(verdict.met, said.empty()) << row.expected;
  }
}

TEST(ExpectationCheck, PassesOverWhatIsNotIp) {
  Verdict verdict =
      check("in udp 9.9.9.9:9 > 192.168.1.2:9 mark 2\nin udp 192.168.1.1:53 > 192.168.1.2:40000\n",
            "in udp 192.168.1.1:53 > 192.168.1.2:40000 => ACCEPT\n");
  EXPECT_EQ(verdict.said, "t.flow:1: packet 1: expected ACCEPT; it is DROP\n");
}

TEST(ExpectationCheck, ABrokenHeaderIsAPacketToo) {
  EXPECT_TRUE(check("in udp 192.168.1.1:53 > 192.168.1.2:9 ihl 4\n",
                    "in udp 192.168.1.1:53 > 192.168.1.2:9 ihl 4 => NONE reason bad-header\n")
                  .met);
}

// Ports that the capture cut off cannot differ; those that are not there can.
TEST(ExpectationCheck, AllowsForWhatTheCaptureCutOff) {
  EXPECT_TRUE(check("in udp 192.168.1.1:53 > 192.168.1.2:9 mark 1\n",
                    "in udp 192.168.1.1:53 > 192.168.1.2:9\n")
                  .met);
  EXPECT_FALSE(check("in udp 192.168.1.1:53 > 192.168.1.2:9 trim 0\n",
                     "in udp 192.168.1.1:53 > 192.168.1.2:9\n")
                   .met);
}

TEST(ExpectationCheck, CountsPackets) {
  constexpr std::string_view kOne = "out udp 192.168.1.2:40000 > 192.168.1.1:53\n";
  Verdict fewer = check(kOne, kExchange);
  EXPECT_EQ(fewer.said,
            "t.flow:2: expected udp 192.168.1.1:53 > 192.168.1.2:40000; the capture has no more "
            "IP packets\n");
  EXPECT_FALSE(fewer.met);
  Verdict more = check(kExchange, kOne);
  EXPECT_EQ(more.said, "t.flow: packet 1: the capture has 2 IP packets more than the script\n");
  EXPECT_FALSE(more.met);
  const std::string two = std::string(kOne) + "+3 in udp 192.168.1.1:53 > 192.168.1.2:40000\n";
  EXPECT_FALSE(check(kOne, two).met) << "one fewer";
  EXPECT_EQ(check(two, kOne).said,
            "t.flow: packet 1: the capture has 1 IP packet more than the script\n");
}

}  // namespace
}  // namespace sallyport
