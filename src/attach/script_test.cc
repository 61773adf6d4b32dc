#include "attach/script.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

using namespace std::chrono_literals;
using Path = ScriptPacket::Path;

Script good(std::string_view text) {
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(text, diagnostics);
  EXPECT_TRUE(script) << diagnostics.render("test", text);
  return script.value_or(Script{});
}

TEST(Script, Head) {
  Script script = good(
      "# what this shows\n"
      "host eth0=192.168.1.2/24 fe80::2/64\n"
      "forward inside 10.0.0.0/24\n"
      "group 239.255.255.250 ff02::c\n"
      "sysctl net.netfilter.nf_conntrack_udp_timeout=2\n"
      "compat none\n"
      "differs it is  not there yet  # a comment\n"
      "rules <<END\n"
      "*filter\n"
      "  # kept\n"
      "COMMIT\n"
      "END\n"
      "sets <<X\n"
      "X\n");
  ASSERT_EQ(script.host.size(), 2u);
  EXPECT_EQ(script.host[1].interface.text(), "eth0");
  EXPECT_EQ(script.host[1].address.text(), "fe80::2/64");
  EXPECT_TRUE(script.forwards);
  ASSERT_EQ(script.inside.size(), 1u);
  ASSERT_EQ(script.groups.size(), 2u);
  EXPECT_EQ(script.groups[1].family, Family::kIpv6);
  EXPECT_EQ(script.sysctls, (std::vector<std::pair<std::string, std::string>>{
                                {"net.netfilter.nf_conntrack_udp_timeout", "2"}}));
  EXPECT_FALSE(script.compat_linux);
  EXPECT_EQ(script.differs, "it is not there yet");
  ASSERT_TRUE(script.rules);
  EXPECT_EQ(script.rules->text, "*filter\n  # kept\nCOMMIT\n");
  EXPECT_EQ(script.rules->line, 9u);
  ASSERT_TRUE(script.sets);
  EXPECT_EQ(script.sets->text, "");
  EXPECT_FALSE(script.rules6);
}

TEST(Script, TimesAreSinceTheStart) {
  Script script = good(
      "in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "+0.5 in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "wait 2\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "@12.25 in udp 1.1.1.1:1 > 2.2.2.2:2\n");
  std::vector<Duration> times;
  times.reserve(script.packets.size());
  for (const ScriptPacket& packet : script.packets) times.push_back(packet.time);
  EXPECT_EQ(times, (std::vector<Duration>{0ms, 1ms, 501ms, 2502ms, 12250ms}));
}

TEST(Script, Ways) {
  Script script = good(
      "in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "in wlan0 47 1.1.1.1 > 2.2.2.2\n"
      "out lo udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "fwd in0 out0 udp 1.1.1.1:1 > 2.2.2.2:2\n");
  ASSERT_EQ(script.packets.size(), 4u);
  EXPECT_EQ(script.packets[0].path, Path::kIn);
  EXPECT_EQ(script.packets[0].in.text(), "eth0");
  EXPECT_EQ(script.packets[0].out.text(), "");
  EXPECT_EQ(script.packets[1].in.text(), "wlan0");
  EXPECT_EQ(script.packets[1].packet.spec.protocol, protocol::kGre);
  EXPECT_EQ(script.packets[2].path, Path::kOut);
  EXPECT_EQ(script.packets[2].out.text(), "lo");
  EXPECT_EQ(script.packets[3].path, Path::kForward);
  EXPECT_EQ(script.packets[3].out.text(), "out0");
}

TEST(Script, OfABridgeWaysNamePorts) {
  Script script = good(
      "host br0=192.168.1.2/24\n"
      "bridge br0 eth0 eth1\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "fwd eth1 eth0 udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "fwd eth1 eth2 udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "fwd eth2 br0 udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "fwd eth0 br0 udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "out br0 udp 1.1.1.1:1 > 2.2.2.2:2\n");
  struct Seen {
    Path path;
    std::string_view in, out, port_in, port_out;
    bool operator==(const Seen&) const = default;
  };
  std::vector<Seen> seen;
  for (const ScriptPacket& packet : script.packets) {
    seen.push_back({packet.path, packet.in.text(), packet.out.text(), packet.ports.in.text(),
                    packet.ports.out.text()});
  }
  EXPECT_EQ(seen, (std::vector<Seen>{{Path::kIn, "br0", "", "eth0", ""},
                                     {Path::kBridged, "br0", "br0", "eth1", "eth0"},
                                     {Path::kForward, "br0", "eth2", "eth1", ""},
                                     {Path::kForward, "eth2", "br0", "", ""},
                                     {Path::kForward, "br0", "br0", "eth0", ""},
                                     {Path::kOut, "", "br0", "", ""}}));
}

TEST(Script, ExpectationsAreReadAndWrittenAlike) {
  constexpr const char* kTexts[] = {
      "ACCEPT",
      "DROP INVALID",
      "STOLEN -",
      "ACCEPT NEW original timeout 30",
      "ACCEPT ESTABLISHED reply tcp SYN_RECV timeout 60 status ASSURED,SEEN_REPLY,EXPECTED",
      "ACCEPT UNTRACKED status -",
      "DROP NEW gone rule filter/INPUT/policy",
      "DROP rule raw/user chain/3 reason hotdrop",
      "NONE reason group-not-joined",
  };
  for (std::string text : kTexts) {
    if (text.find("user chain") != std::string::npos)
      text.replace(text.find("user chain"), 10, "user");
    Script script = good("in udp 1.1.1.1:1 > 2.2.2.2:2 => " + text + "  # why\n");
    ASSERT_EQ(script.packets.size(), 1u);
    ASSERT_TRUE(script.packets[0].expected);
    EXPECT_EQ(script.packets[0].expected->text(), text);
  }
}

TEST(Script, KnowsWhereAnExpectationGoes) {
  Script script = good("in udp 1.1.1.1:1 > 2.2.2.2:2 len 5   => DROP # why\n");
  EXPECT_EQ(script.packets[0].line, 1u);
  EXPECT_EQ(script.packets[0].end_column, 35u);
  EXPECT_EQ(script.packets[0].comment_column, 46u);
}

TEST(Script, AllErrorsAtOnce) {
  constexpr const char* kText =
      "host eth0=192.168.1.300/24\n"
      "group 10.0.0.1\n"
      "inn udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2 => ACEPT\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2 => DROP DROP\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2 => DROP gone timeout 3\n"
      "+x in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "@0 in udp 1.1.1.1:1 > 2.2.2.2:2\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2 )\n"
      "sysctl net.netfilter.x\n"
      "in udp 1.1.1.1:1 > 2.2.2.2:2 => DROP rule INPUT/3\n"
      "group 224.0.0.251\n"
      "rules <<END\n";
  Diagnostics diagnostics;
  EXPECT_FALSE(parse_script(kText, diagnostics));
  std::vector<std::pair<uint32_t, uint32_t>> places;
  for (const Diag& diag : diagnostics.list()) places.emplace_back(diag.span.line, diag.span.column);
  EXPECT_EQ(places, (std::vector<std::pair<uint32_t, uint32_t>>{{1, 6},
                                                                {2, 7},
                                                                {3, 1},
                                                                {4, 33},
                                                                {5, 38},
                                                                {6, 51},
                                                                {7, 1},
                                                                {8, 1},
                                                                {9, 30},
                                                                {10, 8},
                                                                {11, 43},
                                                                {12, 1},
                                                                {13, 7}}))
      << diagnostics.render("test", kText);
}

TEST(Script, MemoryIsBounded) {
  std::string text;
  for (int i = 0; i < 1100; i++) text += "in udp 1.1.1.1:1 > 2.2.2.2:2 len 65500\n";
  Diagnostics diagnostics;
  EXPECT_FALSE(parse_script(text, diagnostics));
  EXPECT_EQ(diagnostics.count(), 1u);
}

TEST(ScriptLine, StandsAlone) {
  Diagnostics diagnostics;
  std::optional<ScriptPacket> packet =
      parse_script_line("+0.5 in udp 1.1.1.1:1 > 2.2.2.2:2", 1, 100ms, diagnostics);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->time, 600ms);
  EXPECT_FALSE(parse_script_line("", 1, std::nullopt, diagnostics));
  EXPECT_FALSE(parse_script_line("in udp", 1, std::nullopt, diagnostics));
  EXPECT_EQ(diagnostics.count(), 2u);
}

}  // namespace
}  // namespace sallyport
