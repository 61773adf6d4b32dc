// The journey of a packet through the hooks. What rules mean is tested where they are.
#include "engine/engine.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "packet/build.h"
#include "packet/headers.h"
#include "packet/parse.h"
#include "program/emitter.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;

// "-A CHAIN -m conntrack --ctstate STATES -j ACCEPT" in filter; policy DROP.
struct Chain {
  Hook hook;
  uint32_t accepted;  // ct_state_bit()s
};

std::shared_ptr<const Program> accepting(std::initializer_list<Chain> chains) {
  Emitter emitter(Family::kIpv4);
  emitter.needs_conntrack();
  emitter.begin_table(TableId::kFilter);
  for (const Chain& chain : chains) {
    emitter.begin_chain(hook_name(chain.hook), chain.hook);
    emitter.begin_rule({.table = "filter",
                        .chain = std::string(hook_name(chain.hook)),
                        .number = 1,
                        .target = "ACCEPT"});
    emitter.test(Field::kCtState, chain.accepted, 0, true);
    emitter.accept();
    emitter.end_rule();
    emitter.end_chain(Verdict::kDrop);
  }
  return emitter.finish();
}

constexpr uint32_t kNew = ct_state_bit(CtInfo::kNew);
constexpr uint32_t kEstablished = ct_state_bit(CtInfo::kEstablished);
constexpr uint32_t kAll = kNew | kEstablished | ct_state_bit(CtInfo::kRelated);

class EngineTest : public ::testing::Test {
 protected:
  explicit EngineTest(bool history_unknown = false)
      : engine_({.hash_key = make_hash_key(1), .history_unknown = history_unknown},
                std::make_unique<SetStore>(make_hash_key(2))) {}

  void use(std::initializer_list<Chain> chains) {
    engine_.set_program(Family::kIpv4, accepting(chains));
  }

  void use(Family family, const std::string& rules) {
    auto parsed = parse_rules(rules, family, &engine_.sets());
    ASSERT_TRUE(parsed) << parsed.error().render("rules", rules);
    engine_.set_program(family, compile(*parsed));
  }

  static PacketSpec udp(std::string_view source, uint16_t sport, std::string_view destination,
                        uint16_t dport) {
    Family family = source.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
    return {.family = family,
            .source = *Address::parse(family, source),
            .destination = *Address::parse(family, destination),
            .source_port = sport,
            .destination_port = dport};
  }

  Outcome judge(const PacketSpec& spec, Way::Path path, void* cookie = nullptr) {
    std::vector<uint8_t> bytes = build(spec);
    Packet packet;
    packet.data = bytes.data();
    packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
    packet.time = Instant(now_);
    packet.cookie = cookie;
    parse(packet);
    Way way{.path = path, .in = &eth0_, .out = &eth1_, .routed = routed_};
    Outcome outcome;
    if (trace_) {
      outcome = engine_.process_traced(packet, way, *trace_, &answer_);
    } else {
      engine_.process({&packet, 1}, {&way, 1}, {&outcome, 1}, {&answer_, 1});
    }
    last_ttl_ = packet.fields[Field::kTtl];
    return outcome;
  }

  // "ACCEPT NEW INPUT:1"
  std::string word(const Outcome& outcome) {
    constexpr std::string_view kFates[] = {"NONE", "ACCEPT", "DROP", "QUEUE", "STOLEN"};
    std::string text(kFates[static_cast<size_t>(outcome.fate)]);
    if (outcome.info != CtInfo::kNone) text += " " + std::string(ct_info_name(outcome.info));
    if (outcome.rule != kNoRule) {
      const RuleInfo& rule = engine_.program(Family::kIpv4)->rules[outcome.rule];
      text += " " + rule.chain + ":" + (rule.number ? std::to_string(rule.number) : "policy");
    }
    return text;
  }

  // The packets that the only rule of a chain has matched.
  uint64_t counted(std::string_view chain) {
    const std::vector<RuleInfo>& rules = engine_.program(Family::kIpv4)->rules;
    auto rule = std::ranges::find_if(
        rules, [&](const RuleInfo& info) { return info.chain == chain && info.number == 1; });
    if (rule == rules.end()) return ~uint64_t{0};
    return engine_.counters(Family::kIpv4)[static_cast<size_t>(rule - rules.begin())].packets;
  }

  InterfaceName eth0_{"eth0"}, eth1_{"eth1"};
  Duration now_ = 1000s;
  Engine engine_;
  uint32_t last_ttl_ = 0;
  bool routed_ = false;
  Answer answer_;
  EngineTrace* trace_ = nullptr;  // judge() tells it, if there is one
};

TEST_F(EngineTest, AFlowIsConfirmedOnlyWhenItsPacketWasAccepted) {  // kernel-facts 1
  use({{Hook::kInput, kEstablished}, {Hook::kOutput, kAll}});
  PacketSpec query = udp("192.168.1.2", 40000, "192.168.1.9", 53);
  PacketSpec answer = udp("192.168.1.9", 53, "192.168.1.2", 40000);
  EXPECT_EQ(word(judge(answer, Way::Path::kInput)), "DROP NEW INPUT:policy");
  EXPECT_EQ(engine_.conntrack().count(), 0u);
  EXPECT_EQ(word(judge(query, Way::Path::kOutput)), "ACCEPT NEW OUTPUT:1");
  EXPECT_EQ(engine_.conntrack().count(), 1u);
  EXPECT_EQ(word(judge(answer, Way::Path::kInput)), "ACCEPT ESTABLISHED INPUT:1");
}

TEST_F(EngineTest, WithoutRulesForItsFamilyAPacketReachesNoChain) {
  Outcome outcome = judge(udp("192.168.1.2", 1, "192.168.1.9", 2), Way::Path::kOutput);
  EXPECT_EQ(outcome.fate, Outcome::Fate::kNone);
  EXPECT_EQ(outcome.reason, Reason::kNoRules);
}

TEST_F(EngineTest, WithoutARuleThatAsksNothingIsTracked) {  // kernel-facts 36
  Emitter emitter(Family::kIpv4);
  emitter.begin_table(TableId::kFilter);
  emitter.begin_chain("INPUT", Hook::kInput);
  emitter.end_chain(Verdict::kAccept);
  engine_.set_program(Family::kIpv4, emitter.finish());
  Outcome outcome = judge(udp("192.168.1.9", 1, "192.168.1.2", 2), Way::Path::kInput);
  EXPECT_EQ(word(outcome), "ACCEPT INPUT:policy");
  EXPECT_EQ(engine_.conntrack().count(), 0u);
}

TEST_F(EngineTest, ARouterDecrementsTheTtlBeforeForward) {  // kernel-facts 47
  use({{Hook::kForward, kAll}});
  PacketSpec spec = udp("10.0.0.1", 1, "10.1.0.1", 2);
  EXPECT_EQ(word(judge(spec, Way::Path::kForward)), "ACCEPT NEW FORWARD:1");
  EXPECT_EQ(last_ttl_, 63u);
  spec.ttl = 1;
  spec.source_port = 9;
  Outcome outcome = judge(spec, Way::Path::kForward);
  EXPECT_EQ(word(outcome), "NONE NEW");
  EXPECT_EQ(outcome.hook, Hook::kPrerouting);
  EXPECT_EQ(outcome.reason, Reason::kTtlExceeded);
  EXPECT_FALSE(outcome.flow);
}

TEST_F(EngineTest, AHostsPacketToItselfIsTrackedOnce) {
  use({{Hook::kInput, kNew}, {Hook::kOutput, kNew}});
  PacketSpec spec = udp("192.168.1.2", 1, "192.168.1.2", 2);
  Outcome outcome = judge(spec, Way::Path::kLoopback);
  EXPECT_EQ(word(outcome), "ACCEPT NEW INPUT:1");
  EXPECT_EQ(outcome.hook, Hook::kInput);
  EXPECT_EQ(engine_.conntrack().count(), 1u);
}

TEST_F(EngineTest, TheHostsOwnCopyOfWhatItSendsToManyIsNotTrackedAgain) {
  use({{Hook::kInput, kNew}, {Hook::kOutput, kNew}});
  engine_.host().add(eth0_, *Prefix::parse("192.168.1.2/24"));
  PacketSpec spec = udp("192.168.1.2", 1, "224.0.0.1", 2);
  Outcome sent = judge(spec, Way::Path::kOutput);
  const Tick expires = engine_.conntrack().find(sent.flow)->expires();
  now_ += std::chrono::seconds(1);
  Outcome copy = judge(spec, Way::Path::kLooped);
  EXPECT_EQ(word(copy), "ACCEPT NEW INPUT:1");
  EXPECT_EQ(copy.flow, sent.flow);
  EXPECT_EQ(engine_.conntrack().find(sent.flow)->expires(), expires);
  spec.source_port = 9;  // nobody has sent the original: it is a packet like others
  EXPECT_EQ(word(judge(spec, Way::Path::kLooped)), "ACCEPT NEW INPUT:1");
  EXPECT_EQ(engine_.conntrack().count(), 2u);
}

TEST_F(EngineTest, WhatAKernelHasRoutedIsNotAskedAgain) {
  use({{Hook::kInput, kAll}, {Hook::kForward, kAll}});
  engine_.host().add(eth0_, *Prefix::parse("192.168.1.2/24"));
  PacketSpec spec = udp("10.0.0.1", 1, "198.51.100.1", 2);
  EXPECT_EQ(judge(spec, Way::Path::kInput).reason, Reason::kOtherHost);
  routed_ = true;
  EXPECT_EQ(word(judge(spec, Way::Path::kInput)), "ACCEPT NEW INPUT:1");
  EXPECT_EQ(word(judge(spec, Way::Path::kForward)), "ACCEPT NEW FORWARD:1");
  EXPECT_EQ(last_ttl_, 63u);
}

TEST_F(EngineTest, AGroupThatTheHostHasNotJoinedIsNotForIt) {  // kernel-facts 29
  use({{Hook::kInput, kAll}, {Hook::kOutput, kAll}});
  engine_.host().add(eth0_, *Prefix::parse("192.168.1.2/24"));
  PacketSpec notify = udp("192.168.1.9", 1900, "239.255.255.250", 1900);
  Outcome outcome = judge(notify, Way::Path::kInput);
  EXPECT_EQ(word(outcome), "NONE NEW");
  EXPECT_EQ(outcome.reason, Reason::kGroupNotJoined);
  EXPECT_EQ(engine_.conntrack().count(), 0u);
  PacketSpec report{.protocol = protocol::kIgmp,
                    .source = *Address::parse(Family::kIpv4, "192.168.1.2"),
                    .destination = *Address::parse(Family::kIpv4, "239.255.255.250"),
                    .icmp = {.type = 0x16}};
  judge(report, Way::Path::kOutput);
  EXPECT_EQ(word(judge(notify, Way::Path::kInput)), "ACCEPT NEW INPUT:1");
}

TEST_F(EngineTest, FragmentsWaitUntilTheDatagramIsWhole) {  // kernel-facts 36
  use({{Hook::kInput, kAll}});
  PacketSpec spec = udp("192.168.1.9", 1, "192.168.1.2", 2);
  spec.payload.resize(100);
  int first = 0, second = 0;
  spec.fragment = PacketSpec::Fragment{.offset = 0, .length = 56, .more = true};
  EXPECT_EQ(judge(spec, Way::Path::kInput, &first).fate, Outcome::Fate::kStolen);
  EXPECT_TRUE(engine_.released().empty());
  EXPECT_EQ(engine_.datagram(), nullptr);
  spec.fragment = PacketSpec::Fragment{.offset = 56, .length = 52, .more = false};
  EXPECT_EQ(word(judge(spec, Way::Path::kInput, &second)), "ACCEPT NEW INPUT:1");
  ASSERT_NE(engine_.datagram(), nullptr);
  EXPECT_EQ(engine_.datagram()->length, 20u + 108u);
  EXPECT_EQ(engine_.largest_fragment(), 20u + 56u);
  ASSERT_EQ(engine_.released().size(), 1u);
  EXPECT_EQ(engine_.released()[0].cookie, &first);
  EXPECT_EQ(engine_.released()[0].completed_by, &second);
}

TEST_F(EngineTest, AFragmentWhoseDatagramNeverComesIsReleasedInTime) {
  use({{Hook::kInput, kAll}});
  PacketSpec spec = udp("192.168.1.9", 1, "192.168.1.2", 2);
  spec.payload.resize(100);
  int first = 0;
  spec.fragment = PacketSpec::Fragment{.offset = 0, .length = 56, .more = true};
  judge(spec, Way::Path::kInput, &first);
  now_ += 31s;
  judge(udp("192.168.1.9", 1, "192.168.1.2", 2), Way::Path::kInput);
  ASSERT_EQ(engine_.released().size(), 1u);
  EXPECT_EQ(engine_.released()[0].cookie, &first);
  EXPECT_EQ(engine_.released()[0].reason, Reason::kFragmentTimeout);
}

TEST_F(EngineTest, AQuestionChangesNothing) {
  use({{Hook::kInput, kEstablished}});
  PacketSpec spec = udp("192.168.1.9", 53, "192.168.1.2", 40000);
  std::vector<uint8_t> bytes = build(spec);
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  parse(packet);
  Way way{.path = Way::Path::kInput, .in = &eth0_};
  EXPECT_TRUE(engine_.would_accept(packet, way, CtInfo::kEstablished));
  EXPECT_FALSE(engine_.would_accept(packet, way, CtInfo::kNew));
  EXPECT_EQ(engine_.conntrack().count(), 0u);
  for (const RuleCounters& counters : engine_.counters(Family::kIpv4)) {
    EXPECT_EQ(counters.packets, 0u);
  }
}

TEST_F(EngineTest, TimeNeverRunsBackwards) {
  use({{Hook::kOutput, kAll}, {Hook::kInput, kEstablished}});
  judge(udp("192.168.1.2", 1, "192.168.1.9", 2), Way::Path::kOutput);
  Tick then = engine_.now();
  now_ -= 100s;
  judge(udp("192.168.1.9", 2, "192.168.1.2", 1), Way::Path::kInput);
  EXPECT_EQ(engine_.now(), then);
}

// For each hook, the interfaces that a rule there can ask for.
TEST_F(EngineTest, EachHookHasItsInterfaces) {
  use(Family::kIpv4,
      "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"
      ":POSTROUTING ACCEPT\n"
      "-A PREROUTING -i eth0\n-A INPUT -i eth0\n-A FORWARD -i eth0 -o eth1\n"
      "-A OUTPUT -o eth1\n-A POSTROUTING -o eth1\nCOMMIT\n");
  PacketSpec spec = udp("10.0.0.1", 1, "10.1.0.1", 2);
  for (Way::Path path : {Way::Path::kInput, Way::Path::kForward, Way::Path::kOutput}) {
    judge(spec, path);
  }
  std::string packets;
  for (size_t i = 0; i < engine_.counters(Family::kIpv4).size(); i++) {
    const RuleInfo& rule = engine_.program(Family::kIpv4)->rules[i];
    if (rule.number == 0) continue;
    packets += rule.chain + " " + std::to_string(engine_.counters(Family::kIpv4)[i].packets) + " ";
  }
  EXPECT_EQ(packets, "PREROUTING 2 INPUT 1 FORWARD 1 OUTPUT 1 POSTROUTING 2 ");
}

TEST_F(EngineTest, WhatIsForAnotherHostComesNoFurtherThanPrerouting) {
  for (const char* address : {"192.168.1.2/24", "fd00::2/64"}) {
    engine_.host().add(eth0_, *Prefix::parse(address));
  }
  use(Family::kIpv4, "*filter\nCOMMIT\n");
  use(Family::kIpv6, "*filter\nCOMMIT\n");
  struct {
    const char* source;
    const char* destination;
    std::string_view reason;
  } rows[] = {
      {"192.168.1.9", "192.168.1.2", ""},           {"192.168.1.9", "192.168.1.255", ""},
      {"192.168.1.9", "192.168.1.7", "other-host"}, {"fd00::9", "fd00::2", ""},
      {"fd00::9", "fd00::7", "other-host"},
  };
  for (const auto& row : rows) {
    Outcome outcome = judge(udp(row.source, 1, row.destination, 2), Way::Path::kInput);
    EXPECT_EQ(outcome.fate, row.reason.empty() ? Outcome::Fate::kAccept : Outcome::Fate::kNone);
    if (!row.reason.empty()) {
      EXPECT_EQ(reason_name(outcome.reason), row.reason);
    }
  }
}

TEST_F(EngineTest, TheLoopbackAddressComesInByLoAlone) {
  use(Family::kIpv6, "*filter\nCOMMIT\n");
  const PacketSpec spec = udp("::1", 1, "fd00::2", 2);
  for (Way::Path path : {Way::Path::kInput, Way::Path::kForward}) {
    eth0_ = InterfaceName("eth0");
    EXPECT_EQ(judge(spec, path).reason, Reason::kBadHeader);
    eth0_ = InterfaceName("lo");
    EXPECT_EQ(judge(spec, path).fate, Outcome::Fate::kAccept);
  }
  eth0_ = InterfaceName("eth0");
  EXPECT_EQ(judge(spec, Way::Path::kLoopback).fate, Outcome::Fate::kAccept);
}

TEST_F(EngineTest, RulesSeeTheHost) {
  engine_.host().add(eth0_, *Prefix::parse("192.168.1.2/24"));
  use(Family::kIpv4,
      "*filter\n:INPUT DROP\n:OUTPUT DROP\n-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT\n"
      "-A OUTPUT -m addrtype --dst-type LOCAL -j ACCEPT\nCOMMIT\n");
  EXPECT_EQ(word(judge(udp("192.168.1.9", 1, "192.168.1.2", 2), Way::Path::kInput)),
            "ACCEPT INPUT:1");
  EXPECT_EQ(word(judge(udp("192.168.1.2", 1, "192.168.1.9", 2), Way::Path::kOutput)),
            "DROP OUTPUT:policy");
}

TEST_F(EngineTest, WithoutItsKnobThereIsNoDiscovery) {
  for (uint32_t on : {0, 1}) {
    Engine engine({.knobs = {.discovery = on}, .descriptors = builtin_descriptors()},
                  std::make_unique<SetStore>(make_hash_key(2)));
    EXPECT_EQ(engine.discovery() != nullptr, on == 1);
  }
}

// Where the table is full of flows that are worth keeping, conntrack drops the packet, before any
// further rule.
TEST(EngineLimits, AFullTableDropsInPrerouting) {
  Engine engine({.knobs = {.max = 1}, .hash_key = make_hash_key(1)},
                std::make_unique<SetStore>(make_hash_key(2)));
  engine.set_program(Family::kIpv4, accepting({{Hook::kInput, kAll}}));
  Diagnostics none;
  engine.conntrack().load(
      "udp 17 100 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 "
      "src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 [ASSURED]\n",
      0, none);
  ASSERT_EQ(engine.conntrack().count(), 1u);
  const InterfaceName eth0("eth0");
  const Way way{.path = Way::Path::kInput, .in = &eth0};
  std::vector<uint8_t> bytes =
      build({.source = Address::ipv4(0xc0a80109), .destination = Address::ipv4(0xc0a80102)});
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  parse(packet);
  Outcome outcome;
  engine.process({&packet, 1}, {&way, 1}, {&outcome, 1});
  EXPECT_EQ(outcome.fate, Outcome::Fate::kDrop);
  EXPECT_EQ(outcome.reason, Reason::kTableFull);
  EXPECT_EQ(outcome.hook, Hook::kPrerouting);
  EXPECT_EQ(outcome.rule, kNoRule);
}

TEST_F(EngineTest, ARuleOfNatIsAskedByTheFirstPacketOfAFlowAndMakesItUncertain) {
  use(Family::kIpv4,
      "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"
      "*filter\n:OUTPUT ACCEPT\nCOMMIT\n");
  const PacketSpec spec = udp("192.168.1.2", 1, "192.168.1.9", 2);
  for (uint64_t packets : {1, 2}) {
    Outcome outcome = judge(spec, Way::Path::kOutput);
    EXPECT_EQ(outcome.reason, Reason::kNatNotDone) << packets;
    EXPECT_FALSE(outcome.certain) << packets;
    for (size_t i = 0; i < engine_.counters(Family::kIpv4).size(); i++) {
      const RuleInfo& rule = engine_.program(Family::kIpv4)->rules[i];
      bool asked = rule.table == "nat";
      EXPECT_LE(engine_.counters(Family::kIpv4)[i].packets, asked ? 1u : packets);
    }
  }
}

TEST_F(EngineTest, WhatWasReleasedIsToldOnce) {
  use({{Hook::kInput, kAll}});
  PacketSpec spec = udp("192.168.1.9", 1, "192.168.1.2", 2);
  spec.payload.resize(100);
  spec.fragment = PacketSpec::Fragment{.offset = 0, .length = 56, .more = true};
  judge(spec, Way::Path::kInput);
  spec.fragment = PacketSpec::Fragment{.offset = 56, .length = 52, .more = false};
  judge(spec, Way::Path::kInput);
  EXPECT_EQ(engine_.released().size(), 1u);
  judge(udp("192.168.1.9", 1, "192.168.1.2", 2), Way::Path::kInput);
  EXPECT_TRUE(engine_.released().empty());
}

// Without conntrack fragments pass one by one and are put together on delivery: INPUT, and only
// it, sees the whole.
TEST_F(EngineTest, WithoutTrackingPreroutingSeesEachFragmentAndInputTheWhole) {
  use(Family::kIpv4,
      "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n"
      "-A PREROUTING\n-A INPUT -p udp --dport 2 -m length --length 128\nCOMMIT\n");
  PacketSpec spec = udp("192.168.1.9", 1, "192.168.1.2", 2);
  spec.payload.resize(100);
  spec.fragment = PacketSpec::Fragment{.offset = 0, .length = 56, .more = true};
  judge(spec, Way::Path::kInput);
  spec.fragment = PacketSpec::Fragment{.offset = 56, .length = 52, .more = false};
  judge(spec, Way::Path::kInput);
  EXPECT_EQ(counted("PREROUTING"), 2u);
  EXPECT_EQ(counted("INPUT"), 1u);
}

TEST_F(EngineTest, AFlowFromAListingMayHaveBeenNated) {
  for (const char* asked : {"SNAT", "DNAT", "SNAT,DNAT", "NEW,SNAT"}) {
    use(Family::kIpv4, std::string("*filter\n:INPUT DROP\n-A INPUT -m conntrack --ctstate ") +
                           asked + " -j ACCEPT\nCOMMIT\n");
    Diagnostics diagnostics;
    engine_.conntrack().load(
        "udp 17 29 src=10.0.0.5 dst=203.0.113.9 sport=1000 dport=53 "
        "src=203.0.113.9 dst=192.168.1.2 sport=53 dport=1000 [ASSURED] mark=0 use=1\n",
        tick_of(Instant(now_)), diagnostics);
    ASSERT_TRUE(diagnostics.empty());
    Outcome outcome = judge(udp("203.0.113.9", 53, "192.168.1.2", 1000), Way::Path::kInput);
    bool source = std::string_view(asked).contains("SNAT");
    EXPECT_EQ(outcome.fate == Outcome::Fate::kAccept, source) << asked;
  }
}

// What a helper would make of it nobody knows, and nothing is dropped for that.
TEST_F(EngineTest, APacketThatItsHelperCannotReadPasses) {
  use(Family::kIpv4,
      "*raw\n:OUTPUT ACCEPT\n-A OUTPUT -p udp --dport 69 -j CT --helper tftp\nCOMMIT\n"
      "*filter\n:OUTPUT ACCEPT\nCOMMIT\n");
  PacketSpec spec = udp("192.168.1.2", 1000, "192.168.1.9", 69);
  spec.payload.assign({0, 1, 'f', 0, 'o', 'c', 't', 'e', 't', 0});
  std::vector<uint8_t> bytes = build(spec);
  Packet packet;
  packet.data = bytes.data();
  packet.captured = 28;
  packet.wire_length = static_cast<uint32_t>(bytes.size());
  packet.time = Instant(now_);
  parse(packet);
  Way way{.path = Way::Path::kOutput, .out = &eth1_};
  Outcome outcome;
  engine_.process({&packet, 1}, {&way, 1}, {&outcome, 1});
  EXPECT_EQ(word(outcome), "ACCEPT NEW OUTPUT:policy");
  EXPECT_FALSE(outcome.certain);
}

// docs/kernel-differences.md: Linux cuts it again, and PREROUTING counts two.
TEST_F(EngineTest, ALoopedDatagramStaysWhole) {
  use(Family::kIpv4,
      "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n"
      "-A PREROUTING -m conntrack --ctstate NEW\n-A INPUT -m length --length 128\nCOMMIT\n");
  PacketSpec spec = udp("192.168.1.2", 1, "192.168.1.2", 2);
  spec.payload.resize(100);
  spec.fragment = PacketSpec::Fragment{.offset = 0, .length = 56, .more = true};
  judge(spec, Way::Path::kLoopback);
  spec.fragment = PacketSpec::Fragment{.offset = 56, .length = 52, .more = false};
  judge(spec, Way::Path::kLoopback);
  EXPECT_EQ(counted("PREROUTING"), 1u);
  EXPECT_EQ(counted("INPUT"), 1u);
}

TEST_F(EngineTest, TellsTheWayOfAPacketAndJudgesItAsEver) {
  struct Told : EngineTrace {
    std::string text;
    void condition(const Program&, Pc, bool, const Context&) override {}
    void action(const Program&, Pc, Verdict, const Context&) override {}
    void table(Hook hook, TableId) override { text += std::string(hook_name(hook)) + " "; }
    void tracked(const Context& context) override {
      text += std::string(ct_info_name(context.tracked->info)) + " ";
    }
    void recall(const Program&, const Recall&) override { text += "recall "; }
  } told;
  use({{Hook::kInput, kNew}});
  trace_ = &told;
  EXPECT_EQ(word(judge(udp("192.168.1.9", 1, "192.168.1.2", 2), Way::Path::kInput)),
            "ACCEPT NEW INPUT:1");
  EXPECT_EQ(told.text, "NEW INPUT ");
  EXPECT_EQ(engine_.now(), tick_of(Instant(now_)));
  EXPECT_EQ(engine_.count(Reason::kRule), 1u);
}

TEST_F(EngineTest, ReasonsAreCounted) {
  use({{Hook::kInput, 0}});
  const PacketSpec spec = udp("192.168.1.9", 1, "192.168.1.2", 2);
  judge(spec, Way::Path::kInput);
  judge(spec, Way::Path::kInput);
  EXPECT_EQ(engine_.count(Reason::kPolicy), 2u);
}

// A question asks the rules; what they would do to flows, sets and groups is left undone.
TEST_F(EngineTest, AQuestionAboutAReportJoinsNothing) {
  use({{Hook::kOutput, kAll}});
  engine_.host().add(eth0_, *Prefix::parse("192.168.1.2/24"));
  const Address group = *Address::parse(Family::kIpv4, "239.255.255.250");
  PacketSpec report{.protocol = protocol::kIgmp,
                    .source = *Address::parse(Family::kIpv4, "192.168.1.2"),
                    .destination = group,
                    .icmp = {.type = 0x16}};
  std::vector<uint8_t> bytes = build(report);
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  parse(packet);
  const Way way{.path = Way::Path::kOutput, .out = &eth0_};
  EXPECT_TRUE(engine_.would_accept(packet, way, CtInfo::kNew));
  EXPECT_FALSE(engine_.host().has_joined(Family::kIpv4, group));
  judge(report, Way::Path::kForward);  // somebody else's
  EXPECT_FALSE(engine_.host().has_joined(Family::kIpv4, group));
}

constexpr const char* kReset =
    "*filter\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n-A INPUT -m conntrack --ctstate INVALID -j DROP\n"
    "-A INPUT -p tcp --dport 80 -m length --length 41: -j REJECT --reject-with tcp-reset\n"
    "-A INPUT -p udp -j REJECT\nCOMMIT\n";

PacketSpec tcp_to_80(uint8_t flags) {
  PacketSpec spec{.protocol = protocol::kTcp,
                  .source = Address::ipv4(0xc0a80109),
                  .destination = Address::ipv4(0xc0a80102),
                  .source_port = 4001,
                  .destination_port = 80};
  spec.tcp.flags = flags;
  return spec;
}

TEST_F(EngineTest, ARejectedPacketHasAnAnswerInItsPlace) {
  use(Family::kIpv4, kReset);
  Outcome outcome = judge(udp("192.168.1.9", 1, "192.168.1.2", 2), Way::Path::kInput);
  EXPECT_EQ(word(outcome), "DROP NEW INPUT:3");
  EXPECT_FALSE(outcome.unanswered);
  EXPECT_EQ(answer_.length, 56u);
  EXPECT_EQ(answer_.bytes[20], 3);  // unreachable
  PacketSpec to_many = udp("192.168.1.9", 1, "255.255.255.255", 2);
  EXPECT_STREQ(judge(to_many, Way::Path::kInput).unanswered, "it was sent to many");
  EXPECT_EQ(answer_.length, 0u);
}

TEST_F(EngineTest, AnAnswerPassesNoRule) {
  use(Family::kIpv4, kReset);
  EXPECT_FALSE(judge(udp("192.168.1.9", 1, "192.168.1.2", 2), Way::Path::kInput).unanswered);
  for (size_t i = 0; i < engine_.counters(Family::kIpv4).size(); i++) {
    const RuleInfo& rule = engine_.program(Family::kIpv4)->rules[i];
    if (rule.chain == "OUTPUT") {
      EXPECT_EQ(engine_.counters(Family::kIpv4)[i].packets, 0u);
    }
  }
}

// Asked of Linux: whatever becomes of the reset, the flow that it answers is in CLOSE.
TEST_F(EngineTest, AResetClosesTheFlowThatItAnswers) {
  use(Family::kIpv4, kReset);
  PacketSpec syn = tcp_to_80(tcp_flag::kSyn);
  FlowId flow = judge(syn, Way::Path::kInput).flow;
  ASSERT_TRUE(engine_.conntrack().find(flow));
  EXPECT_EQ(engine_.conntrack().find(flow)->tcp().state, TcpState::kSynSent);
  syn.payload.resize(1);
  Outcome outcome = judge(syn, Way::Path::kInput);
  EXPECT_FALSE(outcome.unanswered);
  const Flow* closed = engine_.conntrack().find(flow);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->tcp().state, TcpState::kClose);
  EXPECT_EQ(closed->expires(), engine_.now() + ticks(10));
  now_ += 10s;
  judge(udp("192.168.1.9", 9, "192.168.1.2", 9), Way::Path::kOutput);
  EXPECT_FALSE(engine_.conntrack().find(flow));
}

TEST_F(EngineTest, AFlowThatIsResetBeforeItIsOneLeavesNoTrace) {
  use(Family::kIpv4, kReset);
  PacketSpec syn = tcp_to_80(tcp_flag::kSyn);
  syn.payload.resize(1);
  EXPECT_FALSE(judge(syn, Way::Path::kInput).unanswered);
  EXPECT_EQ(engine_.conntrack().count(), 0u);
}

class UnknownHistory : public EngineTest {
 protected:
  UnknownHistory() : EngineTest(true) {}
};

TEST_F(UnknownHistory, ADropThatAnEarlierFlowCouldExplainIsUncertain) {
  use({{Hook::kInput, kEstablished}});
  PacketSpec answer = udp("192.168.1.9", 53, "192.168.1.2", 40000);
  Outcome outcome = judge(answer, Way::Path::kInput);
  EXPECT_EQ(outcome.fate, Outcome::Fate::kDrop);
  EXPECT_EQ(outcome.reason, Reason::kMayPredateCapture);
  EXPECT_FALSE(outcome.certain);
  now_ += 120s;  // longer than any UDP flow lives
  outcome = judge(answer, Way::Path::kInput);
  EXPECT_EQ(outcome.reason, Reason::kPolicy);
  EXPECT_TRUE(outcome.certain);
}

TEST_F(UnknownHistory, ASynBeginsItsOwnConnection) {
  use({{Hook::kInput, kEstablished}});
  PacketSpec syn = udp("192.168.1.9", 40000, "192.168.1.2", 22);
  syn.protocol = protocol::kTcp;
  syn.tcp.flags = 2;
  EXPECT_TRUE(judge(syn, Way::Path::kInput).certain);
  syn.tcp.flags = 16;
  EXPECT_FALSE(judge(syn, Way::Path::kInput).certain);
}

TEST_F(UnknownHistory, ADropThatNoStateWouldChangeIsCertain) {
  use({{Hook::kInput, 0}});
  EXPECT_TRUE(judge(udp("192.168.1.9", 53, "192.168.1.2", 40000), Way::Path::kInput).certain);
}

}  // namespace
}  // namespace sallyport
