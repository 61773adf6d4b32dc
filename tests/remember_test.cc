// What flows remember spares walks and changes nothing: random scripts, judged by an engine that
// remembers and by one that does not, have the same outcomes, and count the same rules.
//
// Then the cases one by one: a flow's packets, each walked (w) or remembered (r).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "attach/script_run.h"
#include "kernel/random_script.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "script_firewall.h"

namespace sallyport::testing {
namespace {

constexpr uint64_t kSeeds = 400;

Outcome judge(ScriptFirewall& firewall, const ScriptPacket& text, std::vector<uint8_t>& bytes) {
  Packet packet = ScriptFirewall::packet(text, bytes);
  Way way = way_of(text, packet, firewall.viewpoint());
  Outcome outcome;
  firewall.engine().process({&packet, 1}, {&way, 1}, {&outcome, 1});
  return outcome;
}

std::string text_of(const Outcome& outcome) {
  std::string text = fmt::format("{} {}", verdict_word(outcome.fate), ct_info_name(outcome.info));
  if (outcome.hook) text += fmt::format(" at {}", hook_name(*outcome.hook));
  return text + fmt::format(" rule {} reason {} status {}", outcome.rule,
                            reason_name(outcome.reason), outcome.status);
}

void expect_same_counters(const Engine& one, const Engine& other, uint64_t seed) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    std::span<const RuleCounters> a = one.counters(family), b = other.counters(family);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); i++) {
      EXPECT_TRUE(a[i].packets == b[i].packets && a[i].bytes == b[i].bytes)
          << "seed " << seed << ": " << one.program(family)->rules[i].text;
    }
  }
}

// How many packets were not asked of the rules.
uint64_t compare(uint64_t seed) {
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(random_script(seed), diagnostics);
  auto with = ScriptFirewall::open(*script, true);
  auto without = ScriptFirewall::open(*script, false);
  if (!with || !without) {
    ADD_FAILURE() << "seed " << seed;
    return 0;
  }
  std::vector<std::vector<uint8_t>> bytes;  // held fragments stay where they are
  for (const ScriptPacket& packet : script->packets) bytes.push_back(packet.packet.bytes);
  std::vector<std::vector<uint8_t>> copies = bytes;
  for (size_t i = 0; i < script->packets.size(); i++) {
    const ScriptPacket& packet = script->packets[i];
    std::string a = text_of(judge(*with, packet, bytes[i]));
    std::string b = text_of(judge(*without, packet, copies[i]));
    EXPECT_EQ(a, b) << "seed " << seed << " line " << packet.line;
  }
  expect_same_counters(with->engine(), without->engine(), seed);
  EXPECT_EQ(without->engine().remembered(), 0u);
  return with->engine().remembered();
}

TEST(Remember, ChangesNoAnswerAndNoCounter) {
  uint64_t remembered = 0;
  for (uint64_t seed = 1; seed <= kSeeds && !HasFailure(); seed++) remembered += compare(seed);
  EXPECT_GT(remembered, kSeeds) << "too few to say anything";
}

// Rules for INPUT and OUTPUT, and a client's exchange with this host.
class Exchange {
 public:
  explicit Exchange(const std::string& rules, const std::string& head = "")
      : text_(script_text(rules, head)), script_(parse_script(text_, diagnostics_)) {
    if (!script_) throw std::runtime_error(diagnostics_.render("script", text_));
    auto opened = ScriptFirewall::open(*script_);
    if (!opened) throw std::runtime_error(opened.error());
    firewall_.emplace(std::move(*opened));
    for (const ScriptPacket& packet : script_->packets) bytes_.push_back(packet.packet.bytes);
  }

  // "io": a packet in, then one out. How each was judged: "w", "r"; in capitals: dropped.
  std::string send(std::string_view directions) {
    std::string how;
    for (char direction : directions) {
      size_t i = direction == 'i' ? 0 : 1;
      uint64_t before = engine().remembered();
      std::vector<uint8_t> bytes = bytes_[i];
      last_ = judge(*firewall_, script_->packets[i], bytes);
      bool remembered = engine().remembered() > before;
      bool accepted = last_.fate == Outcome::Fate::kAccept;
      how += accepted ? (remembered ? 'r' : 'w') : (remembered ? 'R' : 'W');
    }
    return how;
  }

  void reload(const std::string& rules) {
    auto parsed = parse_rules(with_policies(rules), Family::kIpv4, &engine().sets());
    ASSERT_TRUE(parsed);
    engine().set_program(Family::kIpv4, sallyport::compile(*parsed));
  }

  Engine& engine() { return firewall_->engine(); }
  const Outcome& last() const { return last_; }

 private:
  static std::string with_policies(const std::string& rules) {
    return "*filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT ACCEPT\n" + rules + "COMMIT\n";
  }
  static std::string script_text(const std::string& rules, const std::string& head) {
    return head + "rules <<END\n" + with_policies(rules) +
           "END\nhost eth0=192.168.1.2/24\n"
           "in udp 192.168.1.9:4000 > 192.168.1.2:53\n"
           "out udp 192.168.1.2:53 > 192.168.1.9:4000\n";
  }

  Diagnostics diagnostics_;
  std::string text_;
  std::optional<Script> script_;
  std::optional<ScriptFirewall> firewall_;
  std::vector<std::vector<uint8_t>> bytes_;
  Outcome last_;
};

const std::string kEstablished = "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
const std::string kNew = "-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n";

// The first packet makes the flow, the reply changes its status: each situation is walked once.
TEST(Remember, EachSituationOfAFlowIsWalkedOnce) {
  Exchange exchange(kEstablished + kNew);
  EXPECT_EQ(exchange.send("iii"), "wwr") << "NEW, without an answer";
  EXPECT_EQ(exchange.send("ooo"), "wrr");
  EXPECT_EQ(exchange.send("iiioio"), "wrrrrr");
  EXPECT_EQ(exchange.last().info, CtInfo::kEstablished);
}

TEST(Remember, RulesThatWantEveryPacketAreAsked) {
  struct {
    const char* rule;
    bool remembered;
  } const cases[] = {
      {"-A INPUT -m limit --limit 1000/sec --limit-burst 100\n", false},
      {"-A INPUT -m ttl --ttl-eq 3\n", false},
      {"-A INPUT -m length --length 1000\n", false},
      {"-A INPUT -m mark --mark 5\n", false},
      {"-A INPUT -m pkttype --pkt-type broadcast\n", false},
      {"-A INPUT -m mac --mac-source 02:00:00:00:00:01\n", false},
      {"-A INPUT -m addrtype --dst-type LOCAL\n", false},
      {"-A INPUT -m set --match-set s src\n", false},
      {"-A INPUT -m conntrack --ctexpire 1:100\n", false},
      {"-A INPUT -j LOG\n", false},
      {"-A INPUT -j MARK --set-xmark 0x1/0xffffffff\n", false},
      {"-A INPUT -j CONNMARK --set-xmark 0x0/0xffffffff\n", false},
      // These hang on the flow alone.
      {"-A INPUT -s 10.0.0.0/8 -i eth1\n", true},
      {"-A INPUT -m comment --comment x\n", true},
      {"-A INPUT -p tcp -m tcp --tcp-flags SYN SYN\n", true},  // no TCP: the flags are not asked
      {"-A INPUT -p udp -m multiport --dports 1,2,53\n", true},
      {"-A INPUT -m iprange --src-range 1.1.1.1-2.2.2.2\n", true},
      {"-A INPUT -m connmark --mark 0x7\n", true},
      {"-A INPUT -m conntrack --ctstatus ASSURED --ctdir ORIGINAL\n", true},
      {"-A INPUT -m conntrack --ctorigsrc 192.168.1.9/32 --ctproto 17\n", true},
      {"-A INPUT -m helper --helper ftp\n", true},
  };
  for (const auto& test : cases) {
    Exchange exchange(test.rule + kEstablished + kNew, "sets <<END\ncreate s hash:ip\nEND\n");
    exchange.send("io");
    EXPECT_EQ(exchange.send("iii"), test.remembered ? "wrr" : "www") << test.rule;
  }
}

TEST(Remember, ARuleBehindTheDecisionIsNotInTheWay) {
  Exchange exchange(kEstablished + kNew + "-A INPUT -m limit --limit 5/sec\n");
  exchange.send("io");
  EXPECT_EQ(exchange.send("iii"), "wrr");
}

TEST(Remember, NewRulesAreAskedAnew) {
  Exchange exchange(kEstablished + kNew);
  exchange.send("ioi");
  EXPECT_EQ(exchange.send("i"), "r");
  exchange.reload("-A INPUT -s 192.168.1.9/32 -j DROP\n" + kEstablished);
  EXPECT_EQ(exchange.send("iiio"), "WRRw");
  exchange.reload(kEstablished);
  EXPECT_EQ(exchange.send("ii"), "wr");
}

TEST(Remember, ANewMarkIsAskedAnew) {
  Exchange exchange("-A INPUT -m connmark --mark 0x1 -j DROP\n" + kEstablished + kNew);
  exchange.send("ioi");
  EXPECT_EQ(exchange.send("i"), "r");
  exchange.engine().conntrack().set_connmark(exchange.last().flow, 1);
  EXPECT_EQ(exchange.send("ii"), "WR");
  exchange.engine().conntrack().set_connmark(exchange.last().flow, 0);
  EXPECT_EQ(exchange.send("i"), "w") << "the last answer is kept, not all that there were";
}

TEST(Remember, CountersGoOn) {
  Exchange exchange(kEstablished + kNew);
  exchange.send("ioiiiii");
  const RuleCounters& established = exchange.engine().counters(Family::kIpv4)[0];
  EXPECT_EQ(established.packets, 5u);
  EXPECT_EQ(established.bytes, 5u * 28);
}

}  // namespace
}  // namespace sallyport::testing
