// The library as a program of somebody else's sees it: texts in, verdicts out.
#include "sallyport/firewall.h"

#include <gtest/gtest.h>
#include <vector>

#include "packet/build.h"

namespace sallyport {
namespace {

using Verdict = FirewallVerdict::Verdict;
using State = FirewallVerdict::State;
using Path = FirewallPacket::Path;

constexpr const char* kStateful =
    "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"
    "-A INPUT -p udp --dport 7 -j REJECT\nCOMMIT\n";

struct Datagram {
  std::vector<uint8_t> bytes;
  FirewallPacket packet;

  Datagram(Path path, std::string_view source, uint16_t sport, std::string_view destination,
           uint16_t dport, std::optional<PacketSpec::Fragment> fragment = {}) {
    PacketSpec spec{.source = *Address::parse(Family::kIpv4, source),
                    .destination = *Address::parse(Family::kIpv4, destination),
                    .source_port = sport,
                    .destination_port = dport,
                    .fragment = fragment};
    spec.payload.resize(100);
    bytes = build(spec);
    packet = {.data = bytes.data(),
              .length = static_cast<uint32_t>(bytes.size()),
              .path = path,
              .time_ns = 1'000'000'000,
              .in = "eth0",
              .out = "eth0"};
  }
};

Datagram query() {
  return {Path::kOutput, "192.0.2.1", 4000, "192.0.2.9", 53};
}
Datagram answer() {
  return {Path::kInput, "192.0.2.9", 53, "192.0.2.1", 4000};
}

Firewall made(FirewallOptions options = {.rules = kStateful, .host = "eth0=192.0.2.1/24"}) {
  auto firewall = Firewall::create(options);
  EXPECT_TRUE(firewall) << firewall.error();
  return std::move(*firewall);
}

FirewallVerdict judge(Firewall& firewall, const Datagram& datagram,
                      FirewallAnswer* answer = nullptr) {
  FirewallVerdict verdict;
  firewall.process({&datagram.packet, 1}, {&verdict, 1},
                   std::span(answer, answer ? size_t{1} : size_t{0}));
  return verdict;
}

TEST(Firewall, SaysAllThatIsWrongWithItsTexts) {
  auto firewall = Firewall::create({.rules = "*filter\n-A NOWHERE -j ACCEPT\nCOMMIT\n",
                                    .rules6 = "nonsense\n",
                                    .sets = "create x hash:nothing\n",
                                    .conntrack = "what is this\n",
                                    .sysctls = {{"net.netfilter.nf_conntrack_udp_timeout", "soon"}},
                                    .host = "eth0=nowhere"});
  ASSERT_FALSE(firewall);
  for (const char* place :
       {"rules:2:", "rules6:1:", "sets:1:", "conntrack:1:", "sysctls:", "host:1:"}) {
    EXPECT_NE(firewall.error().find(place), std::string::npos) << place << firewall.error();
  }
}

TEST(Firewall, JudgesByTheStateAndNamesTheRule) {
  Firewall firewall = made();
  FirewallVerdict verdict = judge(firewall, query());
  EXPECT_EQ(verdict.verdict, Verdict::kAccept);
  EXPECT_EQ(verdict.state, State::kNew);
  EXPECT_EQ(verdict.reason, "policy");
  EXPECT_EQ(firewall.packets("policy"), 1u);
  EXPECT_EQ(firewall.packets("because"), 0u);
  EXPECT_EQ(firewall.flows(), 1u);
  verdict = judge(firewall, answer());
  EXPECT_EQ(verdict.state, State::kEstablished);
  EXPECT_TRUE(verdict.reply);
  EXPECT_EQ(firewall.rule_text(verdict), "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
}

TEST(Firewall, TakesAnyNumberOfPacketsWhateverItsBurst) {
  Firewall firewall = made({.rules = kStateful, .host = "eth0=192.0.2.1/24", .burst = 2});
  Datagram out = query(), in = answer();
  std::vector<FirewallPacket> packets{out.packet, in.packet, in.packet, in.packet, in.packet};
  std::vector<FirewallVerdict> verdicts(4);
  firewall.process(packets, std::span(verdicts).first(3));  // the last two have no place
  EXPECT_EQ(firewall.packets("policy") + firewall.packets("rule"), 3u);
  verdicts.resize(3);
  for (const FirewallVerdict& verdict : verdicts) EXPECT_EQ(verdict.verdict, Verdict::kAccept);
}

TEST(Firewall, NewRulesJudgeFlowsThatThereWere) {
  Firewall firewall = made();
  judge(firewall, query());
  auto replaced = firewall.replace_rules(
      "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m state --state ESTABLISHED -j ACCEPT\n"
      "COMMIT\n",
      "");
  ASSERT_TRUE(replaced) << replaced.error();
  FirewallVerdict verdict = judge(firewall, answer());
  EXPECT_EQ(verdict.verdict, Verdict::kAccept);
  EXPECT_EQ(firewall.rule_text(verdict), "-A INPUT -p udp -m state --state ESTABLISHED -j ACCEPT");
}

TEST(Firewall, WrongRulesReplaceNothing) {
  Firewall firewall = made();
  judge(firewall, query());
  auto replaced = firewall.replace_rules("*filter\n:INPUT DROP [0:0]\nCOMMIT\n", "nonsense\n");
  ASSERT_FALSE(replaced);
  EXPECT_NE(replaced.error().find("rules6:1:"), std::string::npos);
  EXPECT_EQ(judge(firewall, answer()).verdict, Verdict::kAccept);
}

TEST(Firewall, OfABridgeRulesSeeTheBridgeAndItsPorts) {
  Firewall firewall = made({.rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"
                                     "-A FORWARD -i br0 -o br0 -m physdev --physdev-is-bridged "
                                     "--physdev-in eth0 --physdev-out eth1 -j ACCEPT\n"
                                     "-A FORWARD -m pkttype --pkt-type broadcast -j ACCEPT\n"
                                     "-A INPUT -i br0 -m physdev --physdev-in eth0 -j ACCEPT\n"
                                     "COMMIT\n",
                            .host = "br0=192.0.2.1/24"});
  struct Case {
    Path path;
    std::string_view in, out, bridge, destination;
    Verdict verdict;
  };
  for (const Case& c : {
           Case{Path::kBridged, "eth0", "eth1", "br0", "192.0.2.8", Verdict::kAccept},
           Case{Path::kBridged, "eth1", "eth0", "br0", "192.0.2.8", Verdict::kDrop},
           Case{Path::kBridged, "eth1", "eth0", "br0", "192.0.2.255", Verdict::kAccept},
           Case{Path::kBridged, "eth0", "eth1", "br1", "192.0.2.8", Verdict::kDrop},
           Case{Path::kForward, "eth0", "br0", "br0", "192.0.2.8", Verdict::kDrop},
           Case{Path::kInput, "eth0", "", "br0", "192.0.2.1", Verdict::kAccept},
           Case{Path::kInput, "eth1", "", "br0", "192.0.2.1", Verdict::kDrop},
           Case{Path::kInput, "br0", "", "", "192.0.2.1", Verdict::kDrop},
       }) {
    Datagram datagram(c.path, "192.0.2.9", 1, c.destination, 2);
    datagram.packet.in = c.in;
    datagram.packet.out = c.out;
    datagram.packet.bridge = c.bridge;
    EXPECT_EQ(judge(firewall, datagram).verdict, c.verdict) << c.in << c.out << c.destination;
  }
}

TEST(Firewall, KnowsLabelsByTheirNames) {
  constexpr const char* kLabelled =
      "*filter\n:INPUT DROP [0:0]\n-A INPUT -m connlabel --label voice -j ACCEPT\nCOMMIT\n";
  constexpr const char* kFlow =
      "udp 17 29 src=192.0.2.1 dst=192.0.2.9 sport=4000 dport=53 [UNREPLIED] src=192.0.2.9 "
      "dst=192.0.2.1 sport=53 dport=4000 mark=0 use=1 labels=voice\n";
  FirewallOptions options{
      .rules = kLabelled, .conntrack = kFlow, .labels = "7 voice\n", .host = "eth0=192.0.2.1/24"};
  Firewall firewall = made(options);
  EXPECT_EQ(judge(firewall, answer()).verdict, Verdict::kAccept);
  EXPECT_TRUE(firewall.replace_rules(kLabelled, ""));
  options.labels.clear();
  auto unnamed = Firewall::create(options);
  ASSERT_FALSE(unnamed);
  EXPECT_NE(unnamed.error().find("voice"), std::string::npos);
}

TEST(Firewall, TellsAFragmentsFateByItsId) {
  Firewall firewall = made({.rules = "*filter\n-A INPUT -m conntrack --ctstate NEW\nCOMMIT\n"});
  Datagram first(Path::kInput, "192.0.2.9", 1, "192.0.2.1", 2, {{.length = 56, .more = true}});
  Datagram second(Path::kInput, "192.0.2.9", 1, "192.0.2.1", 2, {{.offset = 56, .length = 52}});
  first.packet.id = 7;
  second.packet.id = 0;
  EXPECT_EQ(judge(firewall, first).verdict, Verdict::kStolen);
  EXPECT_EQ(judge(firewall, second).verdict, Verdict::kAccept);
  ASSERT_EQ(firewall.released().size(), 1u);
  EXPECT_EQ(firewall.released()[0].id, 7u);
  EXPECT_EQ(firewall.released()[0].completed_by, 0u);
  first.packet.time_ns += 1'000'000'000;
  judge(firewall, first);
  Datagram later = query();
  later.packet.time_ns = 40'000'000'000;
  judge(firewall, later);
  ASSERT_EQ(firewall.released().size(), 1u);
  EXPECT_FALSE(firewall.released()[0].completed_by);
  EXPECT_EQ(firewall.released()[0].reason, "fragment-timeout");
}

TEST(Firewall, GivesTheAnswersOfReject) {
  Firewall firewall = made();
  FirewallAnswer answered{.length = 99, .bytes = {}};
  EXPECT_EQ(judge(firewall, query(), &answered).verdict, Verdict::kAccept);
  EXPECT_EQ(answered.length, 0u);
  Datagram refused(Path::kInput, "192.0.2.9", 1, "192.0.2.1", 7);
  EXPECT_EQ(judge(firewall, refused, &answered).verdict, Verdict::kDrop);
  EXPECT_EQ(answered.length, 20u + 8 + 128);
  EXPECT_EQ(answered.bytes[0], 0x45);
  EXPECT_EQ(answered.bytes[20], 3);
  Datagram to_many(Path::kInput, "192.0.2.9", 1, "192.0.2.255", 7);
  judge(firewall, to_many, &answered);
  EXPECT_EQ(answered.length, 0u);
}

}  // namespace
}  // namespace sallyport
