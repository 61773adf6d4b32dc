// The journey of a packet through the hooks. Rules here are written with the
// emitter; what rules mean is tested where they are.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include "packet/build.h"
#include "packet/parse.h"
#include "program/emitter.h"
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

  static PacketSpec udp(std::string_view source, uint16_t sport, std::string_view destination,
                        uint16_t dport) {
    return {.source = *Address::parse(Family::kIpv4, source),
            .destination = *Address::parse(Family::kIpv4, destination),
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
    Way way{.path = path, .in = &eth0_, .out = &eth1_};
    Outcome outcome;
    engine_.process({&packet, 1}, {&way, 1}, {&outcome, 1});
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

  InterfaceName eth0_{"eth0"}, eth1_{"eth1"};
  Duration now_ = 1000s;
  Engine engine_;
  uint32_t last_ttl_ = 0;
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
  spec.fragment = PacketSpec::Fragment{.offset = 56, .length = 52, .more = false};
  EXPECT_EQ(word(judge(spec, Way::Path::kInput, &second)), "ACCEPT NEW INPUT:1");
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
