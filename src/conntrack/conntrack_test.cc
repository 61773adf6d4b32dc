#include "conntrack/conntrack.h"

#include <gtest/gtest.h>

#include "conntrack/test_conntrack.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

PacketSpec query() {
  return spec(protocol::kUdp, "10.0.0.1", 1000, "10.0.0.2", 53);
}
PacketSpec answer() {
  return spec(protocol::kUdp, "10.0.0.2", 53, "10.0.0.1", 1000);
}

PacketSpec icmp(const char* source, const char* destination, uint8_t type, uint16_t id,
                uint8_t code = 0) {
  bool six = std::string_view(source).find(':') != std::string_view::npos;
  PacketSpec result = spec(six ? protocol::kIcmpv6 : protocol::kIcmp, source, 0, destination, 0);
  result.icmp.type = type;
  result.icmp.code = code;
  result.icmp.id = id;
  return result;
}

// kernel-facts in comments: the numbers of docs/kernel-facts' lines, each seen on Linux.

TEST(Conntrack, AFlowExistsOnceItsPacketWasAccepted) {  // 1
  Firewall firewall;
  EXPECT_EQ(firewall.drop(0, query()), "NEW");
  EXPECT_EQ(firewall.conntrack.count(), 0u);
  EXPECT_EQ(firewall.drop(0, answer()), "NEW");
  EXPECT_EQ(firewall.pass(0, query()), "NEW original");
  EXPECT_EQ(firewall.conntrack.count(), 1u);
  EXPECT_EQ(firewall.pass(0, answer()), "ESTABLISHED reply");
}

TEST(Conntrack, ADroppedPacketOfAFlowHasChangedIt) {  // 2
  Firewall firewall;
  firewall.pass(0, query());
  EXPECT_EQ(firewall.drop(1, answer()), "ESTABLISHED");
  EXPECT_EQ(firewall.pass(2, query()), "ESTABLISHED original");
}

TEST(Conntrack, NewUntilAReplyWasSeen) {  // 3
  Firewall firewall;
  for (int i = 0; i < 5; i++) EXPECT_EQ(firewall.pass(i, query()), "NEW original");
  firewall.pass(5, answer());
  EXPECT_EQ(firewall.pass(6, query()), "ESTABLISHED original");
}

TEST(Conntrack, UdpStreamsBeginTwoSecondsAfterTheFlow) {  // 10
  struct Row {
    double at;
    bool reply;
    int64_t left;
    bool assured;
  };
  const std::vector<Row> scenarios[] = {
      {{0, false, 30, false},
       {1, true, 30, false},
       {2, false, 30, false},
       {2.004, false, 120, true},
       {3, true, 120, true}},
      // The first reply never makes a stream, however late.
      {{0, false, 30, false}, {10, true, 30, false}, {10.1, true, 120, true}},
      // Without a reply there is none.
      {{0, false, 30, false}, {10, false, 30, false}},
  };
  for (const auto& scenario : scenarios) {
    Firewall firewall;
    for (const Row& row : scenario) {
      firewall.pass(row.at, row.reply ? answer() : query());
      EXPECT_EQ(firewall.left(row.at), row.left) << row.at;
      const Flow* flow = firewall.conntrack.find(firewall.tracked.flow);
      EXPECT_EQ((flow->status & ct_status::kAssured) != 0, row.assured) << row.at;
    }
  }
}

TEST(Conntrack, AFlowIsDeadAtItsDeadline) {  // 11
  Firewall firewall;
  firewall.pass(0, query());
  EXPECT_EQ(firewall.pass(29.996, answer()), "ESTABLISHED reply");
  EXPECT_EQ(firewall.pass(59.996, answer()), "NEW original");
}

TEST(Conntrack, InvalidChangesNothing) {  // 4, 9
  Firewall firewall;
  firewall.pass(0, query());
  PacketSpec lying = answer();
  lying.udp_length = 7;
  EXPECT_EQ(firewall.pass(20, lying), "INVALID invalid-length");
  lying.udp_length = 9;
  EXPECT_EQ(firewall.pass(20, lying), "INVALID invalid-length");
  EXPECT_EQ(firewall.pass(30, query()), "NEW original");
  PacketSpec padded = query();
  padded.payload.resize(10);
  padded.udp_length = 8;
  EXPECT_EQ(firewall.pass(30, padded), "NEW original");
}

TEST(Conntrack, ChecksumsAreVerifiedOnTheWayIn) {  // 5, 6
  PacketSpec wrong = query();
  wrong.checksum = PacketSpec::Checksum::kBad;
  Firewall firewall;
  EXPECT_EQ(firewall.pass(0, wrong), "INVALID invalid-checksum");
  Packet leaving = firewall.arrive(wrong);
  leaving.in = nullptr;
  EXPECT_EQ(firewall.pass(0, leaving), "NEW original");
  Knobs knobs;
  knobs.checksum = 0;
  EXPECT_EQ(Firewall(knobs).pass(0, wrong), "NEW original");
  PacketSpec none = spec(protocol::kUdp, "fd00::1", 1000, "fd00::2", 53);
  none.checksum = PacketSpec::Checksum::kNone;
  EXPECT_EQ(firewall.pass(0, none), "NEW original");
}

TEST(Conntrack, AShortHeaderIsInvalidAndAnUncapturedOneHasNoState) {  // 8
  Firewall firewall;
  PacketSpec cut = query();
  cut.fragment = {.offset = 0, .length = 4, .more = false};  // of the header, and no more to come
  EXPECT_EQ(firewall.pass(0, cut), "INVALID invalid-short");
  Packet snapped = firewall.arrive(query());
  snapped.captured = 24;
  EXPECT_EQ(firewall.pass(0, snapped), " not-in-the-capture");
}

TEST(Conntrack, PingIsOneFlowByItsId) {  // 30, 31
  Firewall firewall;
  EXPECT_EQ(firewall.pass(0, icmp("10.0.0.1", "10.0.0.2", 8, 7)), "NEW original");
  EXPECT_EQ(firewall.pass(1, icmp("10.0.0.1", "10.0.0.2", 8, 7)), "NEW original");
  EXPECT_EQ(firewall.pass(1, icmp("10.0.0.2", "10.0.0.1", 0, 8)), "INVALID invalid-icmp-new");
  EXPECT_EQ(firewall.pass(1, icmp("10.0.0.2", "10.0.0.1", 0, 7)), "ESTABLISHED reply");
  EXPECT_EQ(firewall.pass(2, icmp("10.0.0.2", "10.0.0.1", 0, 7)), "ESTABLISHED reply");
  EXPECT_EQ(firewall.left(2), 30);
  // The other side's own ping with the same id is another flow.
  EXPECT_EQ(firewall.pass(2, icmp("10.0.0.2", "10.0.0.1", 8, 7)), "NEW original");
  EXPECT_EQ(firewall.conntrack.count(), 2u);
}

TEST(Conntrack, WhichIcmpTypesBeginAFlow) {  // 31, 34
  for (int type = 0; type < 256; type++) {
    Firewall firewall;
    bool begins = type == 8 || type == 13 || type == 15 || type == 17;
    std::string got = firewall.pass(0, icmp("10.0.0.1", "10.0.0.2", static_cast<uint8_t>(type), 1));
    EXPECT_EQ(got == "NEW original", begins) << type;
    got = firewall.pass(0, icmp("fd00::1", "fd00::2", static_cast<uint8_t>(type), 1));
    bool untracked = (type >= 130 && type <= 136) || type == 143 || type == 151 || type == 152;
    begins = type == 128 || type == 139;
    EXPECT_EQ(got.substr(0, 3), begins ? "NEW" : untracked ? "UNT" : "INV") << type;
  }
}

TEST(Conntrack, AnErrorIsRelatedToTheFlowItQuotes) {  // 32, 33
  Firewall firewall;
  firewall.pass(0, query());
  auto error = [](const char* source, const char* destination, const PacketSpec& quoted,
                  size_t bytes) {
    PacketSpec result = icmp(source, destination, 3, 0, 3);
    result.payload = build(quoted);
    if (result.payload.size() > bytes) result.payload.resize(bytes);
    return result;
  };
  // From any router, about either direction; eight bytes are more than is needed.
  EXPECT_EQ(firewall.pass(1, error("10.9.9.9", "10.0.0.1", query(), 28)), "RELATED reply");
  EXPECT_EQ(firewall.pass(1, error("10.9.9.9", "10.0.0.1", query(), 24)), "RELATED reply");
  EXPECT_EQ(firewall.pass(1, error("10.9.9.9", "10.0.0.2", answer(), 28)), "RELATED original");
  EXPECT_EQ(firewall.pass(1, error("10.9.9.9", "10.0.0.1", query(), 20)),
            "INVALID invalid-icmp-inner");
  EXPECT_EQ(firewall.pass(1, error("10.9.9.9", "10.0.0.7", query(), 28)),
            "INVALID invalid-icmp-address");
  PacketSpec other = query();
  other.source_port = 999;
  EXPECT_EQ(firewall.pass(1, error("10.9.9.9", "10.0.0.1", other, 28)),
            "INVALID invalid-icmp-error");
  PacketSpec about_error = error("10.0.0.1", "10.9.9.9", answer(), 28);
  EXPECT_EQ(firewall.pass(1, error("10.9.9.9", "10.0.0.1", about_error, 100)),
            "INVALID invalid-icmp-inner");
  // It refreshes nothing.
  EXPECT_EQ(firewall.pass(30, answer()), "NEW original");
}

TEST(Conntrack, OtherProtocolsAreFlowsBetweenAddresses) {  // 14, 28, 35, 37
  Firewall firewall;
  EXPECT_EQ(firewall.pass(0, spec(protocol::kEsp, "10.0.0.1", 0, "10.0.0.2", 0)), "NEW original");
  EXPECT_EQ(firewall.left(0), 600);
  EXPECT_EQ(firewall.pass(0, spec(protocol::kEsp, "10.0.0.2", 0, "10.0.0.1", 0)),
            "ESTABLISHED reply");
  PacketSpec gre = spec(protocol::kGre, "10.0.0.1", 0, "10.0.0.2", 0);
  EXPECT_EQ(firewall.pass(0, gre), "NEW original");
  EXPECT_EQ(firewall.left(0), 30);
  gre.gre.key = 5;
  EXPECT_EQ(firewall.pass(0, gre), "NEW original");
  EXPECT_EQ(firewall.conntrack.count(), 2u);
  PacketSpec nothing = spec(protocol::kUdp, "fd00::1", 0, "fd00::2", 0);
  nothing.extensions = {59};
  EXPECT_EQ(firewall.pass(0, nothing), "INVALID invalid-no-next-header");
}

TEST(Conntrack, SctpIsAFlowBetweenPortsWithAGoodCrc) {
  Firewall firewall;
  PacketSpec init = spec(protocol::kSctp, "10.0.0.1", 1000, "10.0.0.2", 80);
  init.sctp.chunks = {{.type = 1}};
  EXPECT_EQ(firewall.pass(0, init), "NEW original");
  init.checksum = PacketSpec::Checksum::kBad;
  EXPECT_EQ(firewall.pass(0, init), "INVALID invalid-checksum");
  PacketSpec ack = spec(protocol::kSctp, "10.0.0.2", 80, "10.0.0.1", 1000);
  ack.sctp.chunks = {{.type = 2}};
  EXPECT_EQ(firewall.pass(0, ack), "ESTABLISHED reply");
}

TEST(Conntrack, EqualEndpointsAreTheirOwnReply) {  // 23
  Firewall firewall;
  PacketSpec self = spec(protocol::kUdp, "10.0.0.1", 1000, "10.0.0.1", 1000);
  EXPECT_EQ(firewall.pass(0, self), "NEW original");
  EXPECT_EQ(firewall.pass(0, self), "ESTABLISHED reply");
}

TEST(Conntrack, NoLifetimeIsLongerThanHalfOf32BitsOfTicks) {
  Knobs knobs;
  knobs.udp_timeout = 10'000'000;
  Firewall firewall(knobs);
  firewall.pass(0, query());
  EXPECT_EQ(firewall.conntrack.find(firewall.tracked.flow)->timeout, 0x7fffffffu);
}

TEST(Conntrack, ZonesAreTablesOfTheirOwn) {
  Firewall firewall;
  EXPECT_EQ(firewall.pass(0, query(), Zone{1}), "NEW original");
  EXPECT_EQ(firewall.pass(0, answer(), Zone{2}), "NEW original");
  EXPECT_EQ(firewall.pass(0, answer(), Zone{1}), "ESTABLISHED reply");
  // --zone-orig 3: the answer is looked for in zone 0.
  Zone one_way{3, Zone::Directions::kOriginal};
  EXPECT_EQ(firewall.pass(0, query(), one_way), "NEW original");
  EXPECT_EQ(firewall.pass(0, answer(), Zone{3}), "NEW original insert-failed");
  EXPECT_EQ(firewall.pass(0, answer(), Zone{0}), "ESTABLISHED reply");
}

TEST(Conntrack, AFlowWhoseTupleIsTakenIsNotConfirmed) {
  using Directions = Zone::Directions;
  struct Row {
    Zone query, answer;
    const char* expected;
    size_t flows;
  };
  // Put to Linux 6.18: what becomes of the answer, and how many flows there are then.
  const Row rows[] = {
      {{}, {}, "ESTABLISHED reply", 1},
      {{2, Directions::kReply}, {}, "NEW original insert-failed", 1},
      {{2, Directions::kOriginal}, {}, "ESTABLISHED reply", 1},
      {{}, {2, Directions::kReply}, "NEW original", 2},
      {{}, {2, Directions::kOriginal}, "ESTABLISHED reply", 1},
  };
  for (const Row& row : rows) {
    Firewall firewall;
    EXPECT_EQ(firewall.pass(0, query(), row.query), "NEW original");
    EXPECT_EQ(firewall.pass(0, answer(), row.answer), row.expected);
    EXPECT_EQ(firewall.conntrack.count(), row.flows);
  }
  // A flow that is over is in nobody's way.
  Firewall firewall;
  firewall.pass(0, query(), {2, Directions::kReply});
  EXPECT_EQ(firewall.pass(30, answer()), "NEW original");
}

TEST(Conntrack, UntrackedPacketsHaveNoFlow) {  // 45
  Firewall firewall;
  Packet packet = firewall.arrive(query());
  Tracked tracked = firewall.conntrack.untrack(packet);
  EXPECT_EQ(tracked.info, CtInfo::kUntracked);
  EXPECT_EQ(packet.fields[Field::kCtState], ct_state_bit(CtInfo::kUntracked));
  EXPECT_EQ(firewall.conntrack.count(), 0u);
}

TEST(Conntrack, AFullTableGivesUpFlowsThatAreNotAssured) {
  Knobs knobs;
  knobs.max = 2;
  Firewall firewall(knobs);
  auto flow = [](uint16_t port) { return spec(protocol::kUdp, "10.0.0.1", port, "10.0.0.2", 53); };
  auto reply = [](uint16_t port) { return spec(protocol::kUdp, "10.0.0.2", 53, "10.0.0.1", port); };
  for (uint16_t port = 1; port <= 2; port++) {
    firewall.pass(0, flow(port));
    firewall.pass(1, reply(port));
    firewall.pass(3, flow(port));  // a stream now: ASSURED
  }
  EXPECT_EQ(firewall.pass(4, flow(3)), " table-full");
  EXPECT_EQ(firewall.conntrack.count(), 2u);
  EXPECT_EQ(firewall.pass(5, flow(1)), "ESTABLISHED original");
  // At 125 s the second is dead; the third takes its place and is given up for the fourth.
  EXPECT_EQ(firewall.pass(124, flow(3)), "NEW original");
  EXPECT_EQ(firewall.pass(124, flow(4)), "NEW original");
  EXPECT_EQ(firewall.pass(124, reply(3)), "NEW original") << "3 is gone";
}

// Both are tracked before either is confirmed; what becomes of the second is what Linux does
// (tests/kernel/clash.py).
TEST(Conntrack, TwoPacketsMayBeginOneFlowAtOnce) {
  Knobs knobs;
  knobs.acct = 1;
  knobs.checksum = 0;  // with it, UDP-Lite that comes in is INVALID
  auto there = [](uint8_t protocol) { return spec(protocol, "10.0.0.1", 1000, "10.0.0.2", 53); };
  auto back = [](uint8_t protocol) { return spec(protocol, "10.0.0.2", 53, "10.0.0.1", 1000); };
  struct Row {
    uint8_t protocol;
    bool passes;
    bool has_two_sides = true;
  };
  const Row rows[] = {{protocol::kUdp, true},   {protocol::kUdpLite, true},
                      {protocol::kGre, true},   {protocol::kEsp, true},
                      {protocol::kDccp, true},  {protocol::kTcp, false},
                      {protocol::kSctp, false}, {protocol::kIcmp, false, false}};
  for (const Row& row : rows) {
    for (bool other_way : {false, true}) {
      if (other_way && !row.has_two_sides) continue;
      SCOPED_TRACE(fmt::format("protocol {}, {}", row.protocol, other_way));
      PacketSpec one = there(row.protocol);
      PacketSpec two = other_way ? back(row.protocol) : one;
      for (PacketSpec* each : {&one, &two}) {
        each->tcp.flags = tcp_flag::kSyn;
        if (row.protocol == protocol::kSctp) each->sctp.chunks = {{.type = 1, .initiate_tag = 5}};
        if (row.protocol == protocol::kIcmp) each->icmp.type = 8;
      }
      Firewall firewall(knobs);
      Packet first = firewall.arrive(one);
      std::vector<uint8_t> first_bytes = std::exchange(firewall.bytes, {});
      Packet second = firewall.arrive(two);
      Tick now = Firewall::at(0);
      firewall.conntrack.reserve(2, now);
      Tracked tracked = firewall.conntrack.track(first, {}, now);
      Tracked late = firewall.conntrack.track(second, {}, now);
      EXPECT_EQ(late.info, CtInfo::kNew);
      EXPECT_EQ(firewall.conntrack.confirm(first, tracked, now), Reason::kNone);
      EXPECT_EQ(firewall.conntrack.confirm(second, late, now),
                row.passes ? Reason::kNone : Reason::kInsertFailed);
      EXPECT_EQ(firewall.conntrack.count(), 1u);
      EXPECT_EQ(late.flow == tracked.flow, row.passes);
      std::optional<FlowCounters> counters = firewall.conntrack.counters(tracked.flow);
      ASSERT_TRUE(counters);
      EXPECT_EQ(counters->packets, (std::array<uint64_t, 2>{row.passes ? 2u : 1u, 0}));
      EXPECT_EQ(firewall.conntrack.find(tracked.flow)->status, ct_status::kConfirmed);
    }
  }
}

TEST(Conntrack, CountersAreKeptWhenAskedFor) {
  Knobs knobs;
  knobs.acct = 1;
  Firewall firewall(knobs);
  firewall.pass(0, query());
  firewall.pass(0, query());
  firewall.pass(0, answer());
  std::optional<FlowCounters> counters = firewall.conntrack.counters(firewall.tracked.flow);
  ASSERT_TRUE(counters);
  EXPECT_EQ(counters->packets[0], 2u);
  EXPECT_EQ(counters->bytes[0], 56u);
  EXPECT_EQ(counters->packets[1], 1u);
  EXPECT_FALSE(Firewall().conntrack.counters({}));
}

// So many flows end at once that reserve() leaves most of them for later. Nobody sees them.
TEST(Conntrack, FlowsThatAreOverAreGoneThoughNobodyHasComeToThem) {
  constexpr uint16_t kFlows = 5000;
  auto flow = [](uint16_t port) { return spec(protocol::kUdp, "10.0.0.1", port, "10.0.0.2", 53); };
  for (bool listening : {false, true}) {
    Knobs knobs;
    knobs.max = kFlows + 1;
    Firewall firewall(knobs);
    if (listening) firewall.conntrack.keep_events(2 * kFlows);
    std::vector<FlowId> ids;
    for (uint16_t port = 1; port <= kFlows; port++) {
      firewall.pass(port % 100 / 50.0, flow(port));
      ids.push_back(firewall.tracked.flow);
    }
    firewall.pass(25, flow(kFlows + 1));
    EXPECT_EQ(firewall.conntrack.count(), kFlows + 1u);
    EXPECT_EQ(firewall.conntrack.find(ids[7])->status, ct_status::kConfirmed);

    firewall.conntrack.reserve(1, Firewall::at(40));
    EXPECT_EQ(firewall.conntrack.count(), 1u);
    size_t listed = 0;
    firewall.conntrack.each(Firewall::at(40), [&](FlowId, const Flow&) { listed++; });
    EXPECT_EQ(listed, 1u);
    for (FlowId id : ids) ASSERT_EQ(firewall.conntrack.find(id), nullptr);
    // The table is full of what is over; that is no reason to give up one that is not.
    for (uint16_t port = 1; port <= 1000; port++) {
      ASSERT_EQ(firewall.pass(40, flow(port)), "NEW original");
      ASSERT_EQ(firewall.conntrack.count(), port + 1u);
    }
    if (!listening) continue;
    std::vector<FlowEvent> storage;
    Tick last = 0;
    size_t ended = 0;
    for (const FlowEvent& event : firewall.conntrack.events_since(0, storage)) {
      if (event.kind != FlowEvent::Kind::kDestroy) continue;
      EXPECT_EQ(event.why, FlowEvent::Why::kTimeout);
      EXPECT_EQ(event.when, event.flow.expires());
      EXPECT_LE(last, event.when);
      last = event.when;
      ended++;
    }
    EXPECT_EQ(ended, kFlows);
  }
}

// Counters go on beyond the bits that an entry has for them.
TEST(Conntrack, CountersHave64Bits) {
  Knobs knobs;
  knobs.acct = 1;
  Firewall firewall(knobs);
  Diagnostics diagnostics;
  firewall.conntrack.load(
      "udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=53 packets=4294967295 "
      "bytes=281474976710600 src=10.0.0.2 dst=10.0.0.1 sport=53 dport=1000 "
      "packets=18446744073709551615 bytes=18446744073709551615 mark=0 use=1\n",
      Firewall::at(0), diagnostics);
  ASSERT_TRUE(diagnostics.empty());
  firewall.pass(0, query());
  firewall.pass(0, query());
  FlowCounters counters = *firewall.conntrack.counters(firewall.tracked.flow);
  EXPECT_EQ(counters.packets[0], 4294967297u);
  EXPECT_EQ(counters.bytes[0], 281474976710656u);
  EXPECT_EQ(counters.packets[1], ~uint64_t{0});
  EXPECT_EQ(counters.bytes[1], ~uint64_t{0});
}

TEST(Conntrack, AnIdOutlivesItsFlowAndFindsNothing) {
  Firewall firewall;
  firewall.pass(0, query());
  FlowId id = firewall.tracked.flow;
  firewall.conntrack.reserve(1, Firewall::at(30));
  EXPECT_EQ(firewall.conntrack.find(id), nullptr);
  firewall.pass(31, query());
  EXPECT_EQ(firewall.conntrack.find(id), nullptr);
}

// Above the bytes counted lies what is remembered of a direction.
TEST(Flow, CountersBeginAnewAndTouchNothingElse) {
  FlowCopy flow;
  const uint64_t most = (uint64_t{1} << Flow::kBytesBits) - 1;
  flow.set_counted({{UINT32_MAX, 5}, {most - 9, most}});
  flow.remember(Direction::kOriginal, 0xabcd);
  flow.remember(Direction::kReply, 0x1234);
  EXPECT_TRUE(flow.count(Direction::kOriginal, 100));
  EXPECT_FALSE(flow.count(Direction::kOriginal, 100));
  EXPECT_TRUE(flow.count(Direction::kReply, 1));
  const FlowCounters counted = flow.counted();
  EXPECT_EQ(counted.packets, (std::array<uint64_t, 2>{1, 6}));
  EXPECT_EQ(counted.bytes, (std::array<uint64_t, 2>{190, 0}));
  EXPECT_EQ(flow.decision(Direction::kOriginal), 0xabcd);
  EXPECT_EQ(flow.decision(Direction::kReply), 0x1234);
}

}  // namespace
}  // namespace sallyport
