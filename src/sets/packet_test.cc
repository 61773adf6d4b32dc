// Packets against sets: each row was seen on Linux 6.18 (iptables-legacy, a veth pair).
#include <algorithm>
#include <gtest/gtest.h>
#include <list>
#include <random>

#include "packet/build.h"
#include "packet/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr Tick kNow = 1000;

// "10.0.0.1" and so on; packets of 32 bytes, 10.0.0.1:1000 > 10.0.0.2:53 if nothing is said.
struct Probe {
  const char* source = "10.0.0.1";
  uint8_t protocol = protocol::kUdp;
  uint16_t destination_port = 53;
  uint16_t source_port = 1000;
};

class Sets : public ::testing::Test {
 protected:
  void load(std::string_view text) {
    Diagnostics diagnostics;
    ASSERT_TRUE(store_.restore(text, kNow, diagnostics)) << diagnostics.render("sets", text);
    store_.reserve(kNow);
  }
  Packet& packet(PacketSpec spec) {
    bytes_.push_back(build(spec));
    Packet& made = packets_.emplace_back();
    made.data = bytes_.back().data();
    made.captured = made.wire_length = static_cast<uint32_t>(bytes_.back().size());
    parse(made);
    return made;
  }
  Packet& packet(const Probe& probe) {
    PacketSpec spec;
    spec.protocol = probe.protocol;
    bool six = std::string_view(probe.source).find(':') != std::string_view::npos;
    spec.family = six ? Family::kIpv6 : Family::kIpv4;
    spec.source = *Address::parse(spec.family, probe.source);
    spec.destination = *Address::parse(spec.family, six ? "fd00::2" : "10.0.0.2");
    spec.source_port = probe.source_port;
    spec.destination_port = probe.destination_port;
    spec.icmp.type = 8;
    spec.payload.resize(4);
    return packet(spec);
  }
  // "src,dst"
  static SetQuery query(std::string_view directions) {
    SetQuery result;
    for (size_t at = 0; at < directions.size(); at += 4) {
      result.source[result.dimensions++] = directions.substr(at, 3) == "src";
    }
    return result;
  }
  SetRef ref(std::string_view name) { return *store_.find(name); }
  bool match(std::string_view set, std::string_view directions, const Probe& probe,
             Tick now = kNow) {
    return store_.match(ref(set), packet(probe), query(directions), {now}).matched;
  }
  bool add(std::string_view set, std::string_view directions, const Probe& probe, Tick now = kNow,
           bool exist = false) {
    SetQuery asked = query(directions);
    asked.exist = exist;
    return store_.add(ref(set), packet(probe), asked, {now}).matched;
  }
  bool remove(std::string_view set, std::string_view directions, const Probe& probe) {
    return store_.remove(ref(set), packet(probe), query(directions), {kNow}).matched;
  }
  // The "add" lines.
  std::string elements(Tick now = kNow) {
    std::string saved = store_.save(now);
    std::string out;
    for (size_t at = 0; at < saved.size();) {
      size_t end = saved.find('\n', at) + 1;
      if (saved.compare(at, 4, "add ") == 0) out += saved.substr(at + 4, end - at - 4);
      at = end;
    }
    return out;
  }

  SetStore store_{make_hash_key(7)};
  std::list<std::vector<uint8_t>> bytes_;
  std::list<Packet> packets_;
};

TEST_F(Sets, LookAtTheDirectionsAskedFor) {
  load("create h hash:ip\nadd h 10.0.0.1\ncreate p hash:ip,port\nadd p 10.0.0.1,udp:53\n");
  EXPECT_TRUE(match("h", "src", {}));
  EXPECT_FALSE(match("h", "dst", {}));
  EXPECT_TRUE(match("h", "src,dst,dst", {})) << "more directions than the type has";
  EXPECT_TRUE(match("p", "src,dst", {}));
  EXPECT_FALSE(match("p", "src,src", {}));
  EXPECT_FALSE(match("p", "src", {})) << "fewer never match";
  EXPECT_FALSE(match("p", "src,dst", {.protocol = protocol::kTcp})) << "kernel-facts 49";
}

TEST_F(Sets, PortsOfProtocols) {
  load("create p hash:ip,port\ncreate b bitmap:port range 0-65535\nadd b 0-65535\n");
  struct Row {
    uint8_t protocol;
    const char* element;  // of hash:ip,port; empty: none
    bool bitmap;
  };
  const Row kRows[] = {
      {protocol::kUdp, "udp:53", true},
      {protocol::kTcp, "tcp:53", true},
      {protocol::kIcmp, "icmp:echo-request", false},
      {protocol::kGre, "gre:0", false},
      {protocol::kSctp, "sctp:53", false},
      {protocol::kUdpLite, "udplite:53", false},
      {protocol::kDccp, "dccp:0", false},
      {41, "ipv6:0", false},
      {0, "", false},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(int{row.protocol});
    Probe probe{.protocol = row.protocol};
    EXPECT_EQ(match("b", "dst", probe), row.bitmap);
    EXPECT_EQ(add("p", "src,dst", probe), row.element[0] != '\0');
    std::string added =
        row.element[0] == '\0' ? "" : "p 10.0.0.1," + std::string(row.element) + "\n";
    EXPECT_EQ(elements().substr(0, elements().find("b ")), added);
    remove("p", "src,dst", probe);
  }
}

TEST_F(Sets, ShortHeadersAndFragmentsHaveNoPort) {
  load("create p hash:ip,port\ncreate h hash:ip\nadd h 10.0.0.1\n");
  PacketSpec spec;
  spec.source = *Address::parse(Family::kIpv4, "10.0.0.1");
  spec.destination = spec.source;
  struct Row {
    uint8_t protocol;
    uint32_t header;  // the least that has a port
  };
  for (Row row : {Row{protocol::kTcp, 20}, Row{protocol::kUdp, 8}, Row{protocol::kSctp, 12},
                  Row{protocol::kUdpLite, 8}, Row{protocol::kIcmp, 8}}) {
    SCOPED_TRACE(int{row.protocol});
    std::vector<uint8_t> bytes(20 + row.header);
    for (uint32_t missing : {0u, 1u}) {
      PacketSpec cut = spec;
      cut.protocol = protocol::kEsp;  // its payload is ours to write, and its header is replaced
      Packet& made = packet(cut);
      made.fields[Field::kProtocol] = row.protocol;
      std::vector<uint8_t>& held = bytes_.back();
      held.resize(20 + row.header - missing);
      made.data = held.data();
      made.captured = made.wire_length = made.length = static_cast<uint32_t>(held.size());
      EXPECT_EQ(store_.add(ref("p"), made, query("src,dst"), {kNow}).matched, missing == 0);
      store_.remove(ref("p"), made, query("src,dst"), {kNow});
    }
  }
  PacketSpec fragment = spec;
  fragment.payload.resize(64);
  fragment.fragment = PacketSpec::Fragment{16, 24, true};
  EXPECT_FALSE(store_.add(ref("p"), packet(fragment), query("src,dst"), {kNow}).matched);
  EXPECT_TRUE(store_.match(ref("h"), packet(fragment), query("src"), {kNow}).matched);
  fragment.protocol = protocol::kGre;
  EXPECT_TRUE(store_.add(ref("p"), packet(fragment), query("src,dst"), {kNow}).matched);
}

TEST_F(Sets, PortsBehindIpv6Headers) {
  load("create p hash:ip,port family inet6\n");
  PacketSpec spec;
  spec.family = Family::kIpv6;
  spec.source = *Address::parse(Family::kIpv6, "fe80::1");
  spec.destination = spec.source;
  spec.destination_port = 9;
  spec.payload.resize(40);
  auto added = [&] {
    bool done = store_.add(ref("p"), packet(spec), query("src,dst"), {kNow}).matched;
    std::string element = elements();
    load("flush p\n");
    return done ? element : "";
  };
  spec.extensions = {protocol::kIpv6Destination, protocol::kIpv6Routing, protocol::kAh};
  EXPECT_EQ(added(), "p fe80::1,udp:9\n");
  spec.extensions = {protocol::kNoNextHeader};
  EXPECT_EQ(added(), "");
  spec.extensions = {};
  spec.fragment = PacketSpec::Fragment{0, 24, true};
  EXPECT_EQ(added(), "p fe80::1,udp:9\n");
  spec.fragment = PacketSpec::Fragment{24, 24, true};
  EXPECT_EQ(added(), "");
  spec.protocol = protocol::kGre;
  EXPECT_EQ(added(), "") << "in IPv4 it is gre:0";
}

TEST_F(Sets, APortThatTheCaptureCutOffIsNotKnown) {
  load("create p hash:ip,port counters\nadd p 10.0.0.1,udp:53\n");
  Packet& cut = packet(Probe{});
  cut.captured = 22;  // the source port, not the destination's
  SetAnswer answer = store_.match(ref("p"), cut, query("src,dst"), {kNow});
  EXPECT_FALSE(answer.matched);
  EXPECT_TRUE(answer.not_captured);
  cut.captured = 24;
  EXPECT_TRUE(store_.match(ref("p"), cut, query("src,dst"), {kNow}).matched);
  EXPECT_EQ(elements(), "p 10.0.0.1,udp:53 packets 1 bytes 32\n") << "counted as on the wire";
}

TEST_F(Sets, TheMostSpecificNetworkDecides) {
  load(
      "create n hash:net\nadd n 10.0.0.0/24\nadd n 10.0.0.0/8 nomatch\nadd n 10.9.0.0/16\n"
      "add n 10.9.9.9 nomatch\n");
  struct Row {
    const char* source;
    bool plain;
    bool return_nomatch;
  };
  const Row kRows[] = {{"10.0.0.1", true, false},
                       {"10.1.1.1", false, true},
                       {"10.9.1.1", true, false},
                       {"10.9.9.9", false, true},
                       {"11.0.0.1", false, false}};
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.source);
    EXPECT_EQ(match("n", "src", {.source = row.source}), row.plain);
    SetQuery asked = query("src");
    asked.return_nomatch = true;
    Packet& made = packet(Probe{.source = row.source});
    EXPECT_EQ(store_.match(ref("n"), made, asked, {kNow}).matched, row.return_nomatch);
  }
}

TEST_F(Sets, ReturnNomatchMeansNothingToOtherTypes) {
  load(
      "create h hash:ip\nadd h 10.0.0.1\ncreate b bitmap:port range 1-60\nadd b 53\n"
      "create n hash:net\nadd n 10.0.0.1\ncreate l list:set\nadd l h\ncreate m list:set\nadd m "
      "n\n");
  SetQuery asked = query("src");
  asked.return_nomatch = true;
  EXPECT_TRUE(store_.match(ref("h"), packet(Probe{}), asked, {kNow}).matched);
  EXPECT_TRUE(store_.match(ref("l"), packet(Probe{}), asked, {kNow}).matched);
  EXPECT_FALSE(store_.match(ref("n"), packet(Probe{}), asked, {kNow}).matched);
  EXPECT_FALSE(store_.match(ref("m"), packet(Probe{}), asked, {kNow}).matched);
  asked.source[0] = false;
  EXPECT_TRUE(store_.match(ref("b"), packet(Probe{}), asked, {kNow}).matched);
}

TEST_F(Sets, PacketsAddNetworksOfTheSetsLongestPrefix) {
  load(
      "create n hash:net\nadd n 11.0.0.0/24\nadd n 12.0.0.0/8\ncreate e hash:net\n"
      "create p hash:net,port\nadd p 11.0.0.0/17,tcp:5\n");
  EXPECT_TRUE(add("n", "src", {}));
  EXPECT_TRUE(add("e", "src", {}));
  EXPECT_TRUE(add("p", "src,dst", {}));
  EXPECT_EQ(elements(),
            "n 10.0.0.0/24\nn 11.0.0.0/24\nn 12.0.0.0/8\ne 10.0.0.1\n"
            "p 10.0.0.0/17,udp:53\np 11.0.0.0/17,tcp:5\n");
  EXPECT_TRUE(remove("n", "src", {}));
  EXPECT_FALSE(remove("n", "src", {.source = "12.0.0.1"})) << "it is not a /24";
}

TEST_F(Sets, AddRefreshRemove) {
  load(
      "create h hash:ip counters timeout 100 comment\n"
      "add h 10.0.0.1 packets 5 bytes 1000 comment hey timeout 50\n");
  EXPECT_FALSE(add("h", "src", {})) << "it is there";
  EXPECT_EQ(elements(), "h 10.0.0.1 timeout 50 packets 5 bytes 1000 comment \"hey\"\n");
  EXPECT_TRUE(add("h", "src", {}, kNow, true));
  EXPECT_TRUE(add("h", "dst", {}));
  EXPECT_EQ(elements(),
            "h 10.0.0.1 timeout 100 packets 1 bytes 32 comment \"hey\"\n"
            "h 10.0.0.2 timeout 100 packets 1 bytes 32\n");
  EXPECT_TRUE(remove("h", "src", {}));
  EXPECT_FALSE(remove("h", "src", {}));
  EXPECT_EQ(elements(), "h 10.0.0.2 timeout 100 packets 1 bytes 32\n");
}

TEST_F(Sets, TimeoutOfTheTargetOverridesTheSets) {
  load("create h hash:ip timeout 100\ncreate u hash:ip\n");
  SetQuery asked = query("src");
  asked.exist = true;
  for (auto [timeout, printed] :
       {std::pair(7u, "7"), std::pair(0u, "0"), std::pair(4294967u, "2147483")}) {
    asked.timeout = timeout;
    EXPECT_TRUE(store_.add(ref("h"), packet(Probe{}), asked, {kNow}).matched);
    EXPECT_EQ(elements(), std::string("h 10.0.0.1 timeout ") + printed + "\n");
  }
  EXPECT_TRUE(store_.add(ref("u"), packet(Probe{}), asked, {kNow}).matched);
  EXPECT_TRUE(match("u", "src", {}, kNow + ticks(1'000'000))) << "a set without timeouts has none";
}

TEST_F(Sets, AnElementIsAliveAtItsTimeoutAndDeadOneTickLater) {
  load("create h hash:ip timeout 2\nadd h 10.0.0.1\n");
  EXPECT_TRUE(match("h", "src", {}, kNow + ticks(2)));
  EXPECT_FALSE(match("h", "src", {}, kNow + ticks(2) + 1));
  EXPECT_TRUE(add("h", "src", {}, kNow + ticks(2) + 1)) << "a dead element is not in the way";
  EXPECT_TRUE(match("h", "src", {}, kNow + ticks(4)));
}

TEST_F(Sets, AFullSetTakesNothingButWhatItHas) {
  load("create h hash:ip maxelem 2 timeout 1\nadd h 1.1.1.1\nadd h 10.0.0.2 timeout 90\n");
  EXPECT_FALSE(add("h", "src", {}));
  EXPECT_TRUE(add("h", "dst", {}, kNow, true));
  EXPECT_TRUE(add("h", "src", {}, kNow + ticks(2))) << "what has expired makes room at once";
  load("create z hash:ip maxelem 0\n");
  EXPECT_FALSE(add("z", "src", {}));
}

TEST_F(Sets, WhatHasExpiredHasNoPrefixLength) {
  load("create n hash:net timeout 1\nadd n 1.1.1.1\nadd n 10.0.0.0/16 timeout 0\n");
  EXPECT_TRUE(add("n", "src", {}, kNow)) << "as 10.0.0.1/32";
  store_.reserve(kNow + ticks(2));
  EXPECT_FALSE(add("n", "src", {}, kNow + ticks(2))) << "10.0.0.0/16 is there";
}

TEST_F(Sets, WhatPacketsCannotAdd) {
  load(
      "create h hash:ip netmask 8\ncreate b bitmap:port range 50-60 counters\ncreate p "
      "hash:ip,port\n"
      "create s hash:ip family inet6\n");
  EXPECT_FALSE(add("h", "src", {.source = "0.0.0.5"}));
  EXPECT_FALSE(add("p", "src,dst", {.source = "0.0.0.0"}));
  EXPECT_FALSE(add("b", "dst", {.destination_port = 100}));
  EXPECT_TRUE(add("b", "dst", {.protocol = protocol::kTcp}));
  EXPECT_FALSE(add("b", "dst", {.protocol = protocol::kGre}));
  EXPECT_FALSE(add("p", "src", {})) << "a direction too few";
  EXPECT_FALSE(add("s", "src", {})) << "the other family";
  EXPECT_TRUE(add("s", "src", {.source = "fe80::1"}));
  EXPECT_EQ(elements(), "b 53 packets 1 bytes 44\ns fe80::1\n");
}

TEST_F(Sets, BitmapForgetsTheCommentOnRefresh) {
  load(
      "create b bitmap:port range 1-60 counters timeout 100 comment\n"
      "add b 53 packets 7 timeout 5 comment x\n");
  EXPECT_TRUE(add("b", "dst", {}, kNow, true));
  EXPECT_EQ(elements(), "b 53 timeout 100 packets 1 bytes 32\n");
}

TEST_F(Sets, CountersAreUpdatedBeforeTheyAreCompared) {
  struct Row {
    CounterTest packets;
    CounterTest bytes;
    bool update;
    bool matched;
  };
  using Op = CounterTest::Op;
  const Row kRows[] = {
      {{}, {}, true, true},
      {{Op::kGreater, 5}, {}, true, true},
      {{Op::kGreater, 7}, {}, true, false},
      {{Op::kEqual, 5}, {}, false, true},
      {{Op::kEqual, 6}, {}, true, true},
      {{Op::kNotEqual, 6}, {}, true, false},
      {{Op::kLess, 6}, {}, true, false},
      {{Op::kLess, 7}, {}, true, true},
      {{}, {Op::kEqual, 1032}, true, true},
      {{}, {Op::kNotEqual, 1032}, true, false},
      {{Op::kGreater, 5}, {Op::kLess, 100}, true, false},
  };
  for (const Row& row : kRows) {
    load(
        "destroy\ncreate h hash:ip counters\nadd h 10.0.0.1 packets 5 bytes 1000\n"
        "create u hash:ip\nadd u 10.0.0.1\n");
    SetQuery asked = query("src");
    asked.packets = row.packets;
    asked.bytes = row.bytes;
    asked.update_counters = row.update;
    EXPECT_EQ(store_.match(ref("h"), packet(Probe{}), asked, {kNow}).matched, row.matched);
    EXPECT_EQ(elements(), row.update ? "h 10.0.0.1 packets 6 bytes 1032\nu 10.0.0.1\n"
                                     : "h 10.0.0.1 packets 5 bytes 1000\nu 10.0.0.1\n");
    EXPECT_TRUE(store_.match(ref("u"), packet(Probe{}), asked, {kNow}).matched)
        << "a set without counters passes";
  }
}

TEST_F(Sets, AShorterPrefixMayPassWhereTheLongerDoesNot) {
  load("create n hash:net counters\nadd n 10.0.0.1 packets 5\nadd n 10.0.0.0/24 packets 500\n");
  SetQuery asked = query("src");
  asked.packets = {CounterTest::Op::kGreater, 100};
  EXPECT_TRUE(store_.match(ref("n"), packet(Probe{}), asked, {kNow}).matched);
  EXPECT_EQ(elements(), "n 10.0.0.0/24 packets 501 bytes 32\nn 10.0.0.1 packets 6 bytes 32\n")
      << "both were counted";
}

TEST_F(Sets, ListsAskTheirMembersInOrder) {
  load(
      "create h hash:ip counters\nadd h 10.0.0.1 packets 5\ncreate g hash:ip counters\n"
      "add g 10.0.0.1\ncreate l list:set counters\nadd l h packets 50\nadd l g\n");
  struct Row {
    bool update, subcounters;
    CounterTest packets;
    bool matched;
    const char* elements;
  };
  using Op = CounterTest::Op;
  const Row kRows[] = {
      {true, true, {}, true, "6 1 0 51"},
      {false, true, {}, true, "5 0 0 50"},
      {true, false, {}, true, "5 0 0 51"},
      {true, true, {Op::kGreater, 50}, true, "6 1 0 51"},
      // The list's own counters are compared; the next member is asked where they fail.
      {true, true, {Op::kLess, 50}, true, "6 1 1 51"},
      {true, true, {Op::kEqual, 6}, false, "6 1 1 51"},
  };
  for (const Row& row : kRows) {
    load(
        "flush h\nflush g\nflush l\nadd h 10.0.0.1 packets 5\nadd g 10.0.0.1\nadd l h packets 50\n"
        "add l g\n");
    SetQuery asked = query("src");
    asked.update_counters = row.update;
    asked.update_subcounters = row.subcounters;
    asked.packets = row.packets;
    EXPECT_EQ(store_.match(ref("l"), packet(Probe{}), asked, {kNow}).matched, row.matched);
    bool h = row.elements[0] == '6';
    bool g = row.elements[4] == '1';
    bool lg = g;
    std::string want = std::string("h 10.0.0.1 packets ") + (h ? "6 bytes 32" : "5 bytes 0") +
                       "\ng 10.0.0.1 packets " + (g ? "1 bytes 32" : "0 bytes 0") +
                       "\nl h packets " + (row.update ? "51 bytes 32" : "50 bytes 0") +
                       "\nl g packets " + (lg ? "1 bytes 32" : "0 bytes 0") + "\n";
    EXPECT_EQ(elements(), want) << row.elements;
  }
}

TEST_F(Sets, ListsSkipMembersThatCannotAnswer) {
  load(
      "create p hash:ip,port\nadd p 10.0.0.1,udp:1000\ncreate s hash:ip family inet6\n"
      "add s fe80::1\ncreate l list:set\nadd l p\nadd l s\n");
  EXPECT_FALSE(match("l", "src", {})) << "a direction too few for p, another family for s";
  EXPECT_TRUE(match("l", "src,src", {}));
  EXPECT_TRUE(match("l", "src", {.source = "fe80::1"}));
}

TEST_F(Sets, AListMembersTimeoutHidesIt) {
  load("create h hash:ip timeout 100\nadd h 10.0.0.1\ncreate l list:set timeout 1\nadd l h\n");
  EXPECT_TRUE(match("l", "src", {}, kNow + ticks(1)));
  EXPECT_FALSE(match("l", "src", {}, kNow + ticks(1) + 1));
  EXPECT_FALSE(add("l", "dst", {}, kNow + ticks(1) + 1));
}

TEST_F(Sets, ANomatchMemberDoesNotStopAList) {
  load(
      "create h hash:net\nadd h 10.0.0.1 nomatch\ncreate g hash:ip\ncreate l list:set\nadd l "
      "h\nadd l g\n");
  EXPECT_FALSE(match("l", "src", {}));
  load("add g 10.0.0.1\n");
  EXPECT_TRUE(match("l", "src", {}));
}

TEST_F(Sets, AddingToAListIsAddingToItsFirstMemberThatTakesIt) {
  load(
      "create h hash:ip maxelem 1\ncreate g hash:ip\nadd g 10.0.0.2\ncreate l list:set\nadd l "
      "h\nadd l g\n");
  EXPECT_TRUE(add("l", "src", {}));
  EXPECT_TRUE(add("l", "src", {})) << "h has it already, so g takes it";
  EXPECT_TRUE(remove("l", "dst", {}));
  EXPECT_EQ(elements(), "h 10.0.0.1\ng 10.0.0.1\nl h\nl g\n");
  EXPECT_TRUE(add("l", "src", {}, kNow, true)) << "with --exist h refreshes it";
}

TEST_F(Sets, AQuestionChangesNothing) {
  load(
      "create h hash:ip counters timeout 9\nadd h 10.0.0.1\ncreate l list:set counters\nadd l h\n");
  std::string before = store_.save(kNow);
  SetQuery asked = query("src");
  asked.exist = true;
  asked.packets = {CounterTest::Op::kEqual, 1};
  SetMoment what_if{kNow, true};
  EXPECT_TRUE(store_.match(ref("h"), packet(Probe{}), asked, what_if).matched) << "as if counted";
  EXPECT_TRUE(store_.match(ref("l"), packet(Probe{}), asked, what_if).matched);
  store_.add(ref("h"), packet(Probe{.source = "7.7.7.7"}), asked, what_if);
  store_.add(ref("h"), packet(Probe{}), asked, what_if);
  store_.remove(ref("h"), packet(Probe{}), asked, what_if);
  store_.explain(ref("l"), packet(Probe{}), asked, kNow);
  EXPECT_EQ(store_.save(kNow), before);
}

TEST_F(Sets, ReserveMakesRoomForABurstAndDropsTheDead) {
  load("create h hash:ip timeout 1 maxelem 1000000\n");
  SetRef set = ref("h");
  Packet& made = packet(Probe{});
  SetQuery asked = query("src");
  uint32_t address = 1;
  for (int burst = 0; burst < 3; burst++) {
    for (size_t i = 0; i < SetStore::kRoom; i++) {
      made.fields[Field::kSource0] = address++;
      ASSERT_TRUE(store_.add(set, made, asked, {kNow}).matched);
    }
    store_.reserve(kNow);
  }
  EXPECT_EQ(store_.elements(set), 3 * SetStore::kRoom);
  EXPECT_EQ(store_.adds_without_room(), 0u);
  store_.reserve(kNow + ticks(2));
  EXPECT_EQ(store_.elements(set), 0u);
}

TEST_F(Sets, SwappedSetsForgetTheirOwnDead) {
  load(
      "create a hash:net timeout 1\nadd a 1.0.0.0/8\ncreate b hash:net timeout 50\n"
      "add b 2.0.0.0/8\nswap a b\n");
  EXPECT_TRUE(match("a", "src", {.source = "2.0.0.1"}));
  store_.reserve(kNow + ticks(2));
  EXPECT_EQ(store_.elements(ref("a")), 1u);
  EXPECT_EQ(store_.elements(ref("b")), 0u);
  EXPECT_TRUE(match("a", "src", {.source = "2.0.0.1"}));
}

TEST_F(Sets, ExplainThemselves) {
  load(
      "create n hash:net timeout 9\nadd n 10.0.0.0/24 nomatch\ncreate p hash:ip,port\n"
      "create h hash:ip timeout 5\nadd h 10.0.0.1\ncreate l list:set\nadd l p\nadd l n\nadd l h\n");
  std::vector<SetLookup> lookups =
      store_.explain(ref("l"), packet(Probe{}), query("src,dst"), kNow);
  ASSERT_EQ(lookups.size(), 3u);
  EXPECT_EQ(lookups[0].looked_up, "10.0.0.1,udp:53");
  EXPECT_EQ(lookups[0].why, "not in the set");
  EXPECT_EQ(lookups[1].element, "10.0.0.0/24");
  EXPECT_EQ(lookups[1].why, "the element says nomatch");
  EXPECT_TRUE(lookups[2].matched);
  EXPECT_EQ(lookups[2].element, "10.0.0.1");
  EXPECT_EQ(lookups[2].seconds_left, 5u);
  lookups = store_.explain(ref("p"), packet(Probe{}), query("src"), kNow);
  EXPECT_EQ(lookups[0].why, "hash:ip,port needs 2 directions, the rule gives 1");
}

TEST_F(Sets, ExplainWhenAnElementExpired) {
  load(
      "create h hash:ip timeout 2\nadd h 10.0.0.1\ncreate n hash:net timeout 2\nadd n "
      "10.0.0.0/24\nadd n 10.1.0.0/16\ncreate g hash:ip timeout 2\nadd g 10.0.0.2\n");
  auto why = [&](std::string_view set, Tick now) {
    return store_.explain(ref(set), packet(Probe{}), query("src"), now)[0].why;
  };
  Tick late = kNow + ticks(2) + ticks(1);
  EXPECT_EQ(why("h", kNow + ticks(2)), "") << "alive to the last";
  EXPECT_EQ(why("h", late), "it expired 1 s ago") << "and has not been removed yet";
  store_.reserve(late);
  EXPECT_EQ(why("h", late), "it expired 1 s ago");
  EXPECT_EQ(why("n", late), "it expired 1 s ago") << "the network with it";
  EXPECT_EQ(why("g", late), "not in the set") << "another one's";
  EXPECT_TRUE(add("h", "src", {}, late));
  EXPECT_TRUE(remove("h", "src", {}));
  EXPECT_EQ(why("h", late), "it expired 1 s ago") << "the last that is known of it";
  load("flush h\n");
  EXPECT_EQ(why("h", late), "not in the set");
}

// A naive model: a vector of elements, the rules of the head of set_store.h spelled out.
TEST_F(Sets, AgreeWithANaiveModelOverALongLife) {
  constexpr uint64_t kSeed = 424242;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  load("create n hash:net timeout 3 maxelem 60\n");
  SetRef set = ref("n");
  struct Net {
    uint32_t address;
    int length;
    bool nomatch;
    Tick deadline;
  };
  std::vector<Net> model;
  auto mask = [](int length) { return mask_of(Family::kIpv4, length).words[0]; };
  Tick now = kNow;
  Packet& made = packet(Probe{});
  for (int step = 0; step < 30'000; step++) {
    now += random() % 20;
    std::erase_if(model, [&](const Net& net) { return net.deadline < now; });
    if (step % 3 == 0) store_.reserve(now);
    uint32_t address = 0x0a000000 | static_cast<uint32_t>(random() % 256);
    made.fields[Field::kSource0] = address;
    switch (random() % 4) {
      case 0: {  // by text
        int length = 24 + static_cast<int>(random() % 9);
        bool nomatch = random() % 4 == 0;
        std::string text = "add -exist n " + Address::ipv4(address).text(Family::kIpv4) + "/" +
                           std::to_string(length) + (nomatch ? " nomatch" : "");
        uint32_t network = address & mask(length);
        auto found = std::ranges::find_if(
            model, [&](const Net& net) { return net.address == network && net.length == length; });
        Diagnostics diagnostics;
        bool full = found == model.end() && model.size() >= 60;
        ASSERT_EQ(store_.restore(text, now, diagnostics), !full) << text;
        Net net{network, length, nomatch, now + ticks(3)};
        if (found != model.end()) {
          *found = net;
        } else if (!full) {
          model.push_back(net);
        }
        break;
      }
      case 1: {  // by packet, the longest prefix there is
        // The set forgets a prefix length with its last element, dead ones included.
        store_.reserve(now);
        int length = 0;
        for (const Net& net : model) length = std::max(length, net.length);
        if (length == 0) length = 32;
        uint32_t network = address & mask(length);
        bool there = std::ranges::any_of(
            model, [&](const Net& net) { return net.address == network && net.length == length; });
        bool added = store_.add(set, made, query("src"), {now}).matched;
        ASSERT_EQ(added, !there && model.size() < 60);
        if (added) model.push_back({network, length, false, now + ticks(3)});
        break;
      }
      default: {
        const Net* best = nullptr;
        for (const Net& net : model) {
          bool contains = (address & mask(net.length)) == net.address;
          if (contains && (best == nullptr || net.length > best->length)) best = &net;
        }
        ASSERT_EQ(store_.match(set, made, query("src"), {now}).matched,
                  best != nullptr && !best->nomatch);
      }
    }
  }
}

}  // namespace
}  // namespace sallyport
