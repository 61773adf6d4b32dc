#include "packet/defrag.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <string>

#include "packet/headers.h"
#include "packet/parse.h"
#include "packet/test_packets.h"

namespace sallyport {
namespace {

using testing::Bytes;
using testing::put16;
using testing::seal_ipv4;
using testing::operator+;  // NOLINT(misc-unused-using-decls): of vectors, which it does not see
using Outcome = Defragmenter::Outcome;
using Point = Defragmenter::Point;
using std::chrono::milliseconds;

constexpr HashKey kKey = make_hash_key(1);

// A UDP datagram of 64 bytes whose fragments the tests are made of. Its checksum is
// right, so that a datagram put together wrongly shows.
Bytes whole_payload(bool v4) {
  Bytes data(56);
  std::iota(data.begin(), data.end(), uint8_t{1});
  Bytes segment = testing::udp(data);
  Bytes pseudo = v4 ? Bytes{10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 64} : Bytes(40);
  if (!v4) {
    pseudo[0] = pseudo[16] = 0xfd;
    pseudo[15] = 1;
    pseudo[31] = 2;
    pseudo[35] = 64;
    pseudo[39] = 17;
  }
  uint16_t sum = static_cast<uint16_t>(~fold(sum_bytes(pseudo + segment)));
  std::memcpy(&segment[6], &sum, 2);
  return segment;
}

// Bytes [from, to) of the payload as one fragment; `more` unless they are the last.
struct Piece {
  uint32_t from, to;
  enum Kind { kPlain, kOtherBytes, kMore, kLast } kind = kPlain;
  uint8_t tos = 0;
  uint32_t id = 7;
};

Bytes fragment_of(bool v4, const Bytes& payload, const Piece& piece) {
  Bytes data(payload.begin() + piece.from, payload.begin() + piece.to);
  if (piece.kind == Piece::kOtherBytes) std::ranges::fill(data, uint8_t{'Z'});
  bool more =
      piece.kind == Piece::kMore || (piece.kind != Piece::kLast && piece.to < payload.size());
  if (v4) {
    Bytes bytes =
        testing::ipv4(17, data, static_cast<uint16_t>(piece.from / 8 | (more ? 0x2000 : 0)));
    bytes[1] = piece.tos;
    put16(bytes, 4, piece.id);
    seal_ipv4(bytes);
    return bytes;
  }
  Bytes header = {17, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(piece.id)};
  put16(header, 2, piece.from | (more ? 1 : 0));
  Bytes bytes = testing::ipv6(44, header + data);
  bytes[0] = 0x60;
  bytes[1] = static_cast<uint8_t>(piece.tos << 4);
  return bytes;
}

// A defragmenter, and the fragments that it was given, which must stay for their bytes.
struct Bench {
  Defragmenter defragmenter;
  std::vector<Bytes> storage;

  explicit Bench(Defragmenter::Limits limits = {}) : defragmenter(limits, kKey) {
    storage.reserve(20000);
  }
  // `cookie` counts from 1 in the order of pushing.
  Defragmenter::Pushed push(Bytes bytes, milliseconds at = {}, uint32_t cut = 0,
                            const Defragmenter::Place& place = {}) {
    uint32_t wire = static_cast<uint32_t>(bytes.size());
    if (cut) bytes.resize(cut);
    storage.push_back(std::move(bytes));
    Packet packet = testing::packet_of(storage.back(), wire);
    packet.time = Instant(at);
    packet.cookie = reinterpret_cast<void*>(storage.size());  // NOLINT(performance-no-int-to-ptr)
    parse(packet);
    return defragmenter.push(packet, place);
  }
  std::vector<size_t> expire(milliseconds at) {
    std::vector<size_t> lost;
    defragmenter.expire(Instant(at),
                        [&](void* cookie) { lost.push_back(reinterpret_cast<size_t>(cookie)); });
    return lost;
  }
};

std::vector<size_t> cookies(const Defragmenter::Pushed& pushed) {
  std::vector<size_t> result;
  for (void* cookie : pushed.held) result.push_back(reinterpret_cast<size_t>(cookie));
  return result;
}

// One letter for each fragment's fate, and what was seen on Linux for each family:
//   h held, C completes, w goes on alone, d dropped alone, X dropped with its queue,
//   W goes on alone and takes its queue with it
std::string fates(bool v4, const std::vector<Piece>& pieces) {
  Bench bench;
  const Bytes payload = whole_payload(v4);
  std::string result;
  for (const Piece& piece : pieces) {
    // Bytes beyond the datagram exist for those that lie about its length.
    Bytes bytes = fragment_of(v4, piece.to > payload.size() ? payload + Bytes(64) : payload, piece);
    Defragmenter::Pushed pushed = bench.push(bytes);
    switch (pushed.outcome) {
      case Outcome::kWhole: result += pushed.held.empty() ? 'w' : 'W'; break;
      case Outcome::kHeld: result += 'h'; break;
      case Outcome::kDropped: result += pushed.held.empty() ? 'd' : 'X'; break;
      case Outcome::kComplete:
        result += 'C';
        EXPECT_EQ(verify_checksum(bench.defragmenter.datagram()), ChecksumState::kGood);
        EXPECT_EQ(bench.defragmenter.datagram().length, (v4 ? 20u : 40u) + 64);
        break;
    }
  }
  return result;
}

struct Story {
  const char* name;
  std::vector<Piece> pieces;
  const char* ipv4;
  const char* ipv6;
};

const Story kStories[] = {
    {"in order", {{0, 24}, {24, 64}}, "hC", "hC"},
    {"backwards", {{24, 64}, {0, 24}}, "hC", "hC"},
    {"the middle last", {{0, 24}, {48, 64}, {24, 48}}, "hhC", "hhC"},
    {"the first twice", {{0, 24}, {0, 24}, {24, 64}}, "hdC", "hdC"},
    {"the last twice", {{24, 64}, {24, 64}, {0, 24}}, "hdC", "hdC"},
    {"inside another", {{0, 24}, {8, 16}, {24, 64}}, "hdC", "hdC"},
    {"inside, other bytes: the first win",
     {{0, 24}, {8, 16, Piece::kOtherBytes}, {24, 64}},
     "hdC",
     "hdC"},
    {"inside two that came in order", {{0, 24}, {24, 48}, {16, 32}, {48, 64}}, "hhdC", "hhdC"},
    {"inside two that did not", {{24, 48}, {0, 24}, {16, 32}, {48, 64}}, "hhXh", "hhXh"},
    {"around another", {{8, 16}, {0, 24}, {24, 64}}, "hXh", "hXh"},
    {"overlap, then all of it again", {{0, 24}, {16, 32}, {24, 64}, {0, 24}}, "hXhC", "hXhC"},
    {"not a multiple of 8: cut, or let by", {{0, 20}, {16, 64}}, "hC", "wh"},
    {"not a multiple of 8 in the middle", {{0, 24}, {24, 44}, {24, 64}}, "hhX", "hWh"},
    {"shorter than 8", {{0, 4, Piece::kMore}, {0, 24}, {24, 64}}, "dhC", "whC"},
    {"two ends", {{24, 64}, {24, 56, Piece::kLast}, {0, 24}}, "hXh", "hdC"},
    {"beyond the end", {{24, 64}, {64, 80, Piece::kMore}, {0, 24}}, "hXh", "hdC"},
    {"the end before what is there", {{24, 64, Piece::kMore}, {8, 24, Piece::kLast}}, "hX", "hd"},
    {"nothing in the middle", {{0, 24}, {32, 32}, {24, 64}}, "hXh", "hdC"},
    {"nothing at the end", {{0, 64, Piece::kMore}, {64, 64}}, "hX", "hd"},
    {"other ids", {{0, 24, Piece::kPlain, 0, 7}, {24, 64, Piece::kPlain, 0, 8}}, "hh", "hh"},
    {"ECT(0) and ECT(1)", {{0, 24, Piece::kPlain, 2}, {24, 64, Piece::kPlain, 1}}, "hC", "hC"},
    {"CE and not-ECT",
     {{0, 24, Piece::kPlain, 3}, {24, 64}, {0, 24, Piece::kPlain, 3}, {24, 64, Piece::kPlain, 3}},
     "hXhC",
     "hXhC"},
    {"not-ECT and ECT", {{0, 24}, {24, 64, Piece::kPlain, 1}}, "hX", "hX"},
};

TEST(Defragmenter, DoesWhatLinuxDoes) {
  for (const Story& story : kStories) {
    EXPECT_EQ(fates(true, story.pieces), story.ipv4) << story.name << ", IPv4";
    EXPECT_EQ(fates(false, story.pieces), story.ipv6) << story.name << ", IPv6";
  }
}

// Every order of arrival of every way to cut 64 bytes in four gives the same datagram.
TEST(Defragmenter, OrderDoesNotMatter) {
  for (bool v4 : {true, false}) {
    std::vector<Piece> pieces = {{0, 8}, {8, 24}, {24, 56}, {56, 64}};
    std::vector<int> order = {0, 1, 2, 3};
    do {
      std::vector<Piece> arranged;
      arranged.reserve(order.size());
      for (int i : order) arranged.push_back(pieces[static_cast<size_t>(i)]);
      EXPECT_EQ(fates(v4, arranged), "hhhC");
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST(Defragmenter, WhatIsNoFragmentIsWhole) {
  Bench bench;
  EXPECT_EQ(bench.push(testing::ipv4(17, testing::udp())).outcome, Outcome::kWhole);
}

TEST(Defragmenter, TheDatagramOfIpv4) {
  Bench bench;
  const Bytes payload = whole_payload(true);
  Bytes first = fragment_of(true, payload, {0, 24, Piece::kPlain, 0x22});
  const Bytes last = fragment_of(true, payload, {24, 64, Piece::kPlain, 0x43});
  first[8] = 60;  // TTL
  first = Bytes(first.begin(), first.begin() + 20) + Bytes{0x94, 4, 0, 0} +
          Bytes(first.begin() + 20, first.end());
  first[0] = 0x46;
  put16(first, 2, static_cast<uint32_t>(first.size()));
  seal_ipv4(first);
  bench.push(last);
  Defragmenter::Pushed pushed = bench.push(first, milliseconds(5));
  ASSERT_EQ(pushed.outcome, Outcome::kComplete);
  EXPECT_EQ(cookies(pushed), std::vector<size_t>{1});
  Packet& datagram = bench.defragmenter.datagram();
  EXPECT_EQ(datagram.malformed, Reason::kNone);  // so its header checksum is right
  EXPECT_EQ(datagram.length, 24u + 64);
  EXPECT_EQ(datagram.fields[Field::kTtl], 60u);    // of the first by offset
  EXPECT_EQ(datagram.fields[Field::kTos], 0x23u);  // and CE if anyone met congestion
  EXPECT_FALSE(datagram.is_fragment);
  EXPECT_EQ(datagram.fields[Field::kDestinationPort], 53u);
  EXPECT_EQ(datagram.cookie, reinterpret_cast<void*>(2));
  EXPECT_EQ(datagram.time, Instant(milliseconds(5)));
  EXPECT_EQ(bench.defragmenter.largest_fragment(), 60u);
  EXPECT_EQ(verify_checksum(datagram), ChecksumState::kGood);
}

// tests/flow/fragments-of-two-frames.flow asks the kernel.
TEST(Defragmenter, ADatagramGoesOnInItsFirstFragmentsFrame) {
  const BridgePorts there{InterfaceName("eth0"), InterfaceName("eth1")};
  const BridgePorts back{InterfaceName("eth1"), InterfaceName("eth0")};
  for (const bool first_comes_first : {true, false}) {
    Defragmenter defragmenter({}, HashKey{});
    const Bytes payload = whole_payload(true);
    auto push = [&](const Piece& piece, uint8_t number, const BridgePorts* ports) {
      Bytes bytes = fragment_of(true, payload, piece);
      Packet packet;
      packet.arrive(bytes.data(), static_cast<uint32_t>(bytes.size()),
                    static_cast<uint32_t>(bytes.size()), Instant{});
      packet.has_mac = number == 1;
      packet.mac_source = {2, 0, 0, 0, 0, number};
      packet.fields[Field::kPacketType] = number;
      packet.fields[Field::kMark] = number;
      parse(packet);
      return defragmenter.push(packet, {.point = Point::kBridge, .ports = ports}).outcome;
    };
    if (first_comes_first) push({0, 24}, 1, &there);
    ASSERT_EQ(push({24, 64}, 2, &back), first_comes_first ? Outcome::kComplete : Outcome::kHeld);
    if (!first_comes_first) push({0, 24}, 1, &there);
    const Packet& datagram = defragmenter.datagram();
    EXPECT_TRUE(datagram.has_mac);
    EXPECT_EQ(datagram.mac_source.back(), 1);
    EXPECT_EQ(datagram.fields[Field::kPacketType], 1u);
    EXPECT_EQ(datagram.fields[Field::kMark], 1u);
    ASSERT_NE(defragmenter.ports(), nullptr);
    EXPECT_EQ(defragmenter.ports()->out, there.out);
  }
}

TEST(Defragmenter, TheDatagramOfIpv6) {
  Bench bench;
  const Bytes payload = whole_payload(false);
  // Destination options and routing before the fragment header, in the first only; the
  // last names another next header, which does not count.
  Bytes first = fragment_of(false, payload, {0, 24});
  Bytes last = fragment_of(false, payload, {24, 64});
  first = Bytes(first.begin(), first.begin() + 40) + Bytes{43, 0, 1, 4, 0, 0, 0, 0} +
          Bytes{44, 0, 0, 0, 0, 0, 0, 0} + Bytes(first.begin() + 40, first.end());
  first[6] = 60;
  put16(first, 4, static_cast<uint32_t>(first.size() - 40));
  last[40] = 18;
  bench.push(first);
  ASSERT_EQ(bench.push(last).outcome, Outcome::kComplete);
  const Packet& datagram = bench.defragmenter.datagram();
  EXPECT_EQ(datagram.length, 40u + 16 + 64);
  EXPECT_EQ(datagram.protocol(), protocol::kUdp);
  EXPECT_EQ(datagram.transport, 56);
  EXPECT_FALSE(datagram.is_fragment);
}

// RFC 7112, as Linux applies it: such a first fragment is on its own, and INVALID.
TEST(Defragmenter, AnIpv6FirstFragmentWithoutAllItsHeadersGoesOnAlone) {
  struct Row {
    uint8_t protocol;
    uint32_t size;
    Outcome outcome;
  };
  constexpr Row kRows[] = {{6, 16, Outcome::kWhole}, {6, 24, Outcome::kHeld},
                           {17, 8, Outcome::kHeld},  {58, 8, Outcome::kHeld},
                           {132, 8, Outcome::kHeld}, {253, 8, Outcome::kHeld},
                           {60, 8, Outcome::kWhole}};  // the options of that size, and no more
  for (const Row& row : kRows) {
    Bench bench;
    Bytes fragment = Bytes{row.protocol, 0, 0, 1, 0, 0, 0, 9} + Bytes{17, 0, 1, 4, 0, 0, 0, 0} +
                     Bytes(row.size - 8);
    EXPECT_EQ(bench.push(testing::ipv6(44, fragment)).outcome, row.outcome) << int{row.protocol};
  }
}

TEST(Defragmenter, AnAtomicFragmentIsItsOwnDatagram) {
  EXPECT_EQ(fates(false, {{0, 64}}), "C");
  EXPECT_EQ(fates(false, {{24, 64}, {0, 64}}), "hX");  // Linux does not set it apart: RFC 6946
}

TEST(Defragmenter, TheLargestDatagram) {
  const Bytes big(65600);
  auto end = [&](bool v4, uint32_t last) {
    Bench bench;
    bench.push(fragment_of(v4, big, {0, 65480, Piece::kMore}));
    return bench.push(fragment_of(v4, big, {65480, last, Piece::kLast})).outcome;
  };
  EXPECT_EQ(end(true, 65515), Outcome::kComplete);  // and the header: 65535
  EXPECT_EQ(end(true, 65516), Outcome::kDropped);
  EXPECT_EQ(end(false, 65535), Outcome::kComplete);  // payload
  EXPECT_EQ(end(false, 65536), Outcome::kDropped);
}

TEST(Defragmenter, TimeRunsFromTheFirstFragment) {
  for (bool v4 : {true, false}) {
    const Bytes payload = whole_payload(v4);
    const milliseconds life = v4 ? milliseconds(30000) : milliseconds(60000);
    for (milliseconds early : {milliseconds(1), milliseconds(0)}) {
      Bench bench;
      bench.push(fragment_of(v4, payload, {0, 24}));
      bench.push(fragment_of(v4, payload, {24, 32}), life / 2);
      Defragmenter::Pushed pushed = bench.push(fragment_of(v4, payload, {32, 64}), life - early);
      EXPECT_EQ(pushed.outcome, early.count() ? Outcome::kComplete : Outcome::kHeld);
      // A queue that nobody asked for any more is told to the engine all the same.
      EXPECT_EQ(bench.expire(life),
                early.count() ? std::vector<size_t>{} : (std::vector<size_t>{1, 2}));
    }
  }
}

TEST(Defragmenter, ExpireTakesWhatIsDueInOrder) {
  Bench bench;
  const Bytes payload = whole_payload(true);
  for (uint32_t id = 1; id <= 3; id++) {
    bench.push(fragment_of(true, payload, {0, 24, Piece::kPlain, 0, id}), milliseconds(1000 * id));
  }
  EXPECT_EQ(bench.expire(milliseconds(30999)), std::vector<size_t>{});
  EXPECT_EQ(bench.expire(milliseconds(32000)), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(bench.expire(milliseconds(99000)), std::vector<size_t>{3});
  EXPECT_EQ(bench.expire(milliseconds(99000)), std::vector<size_t>{});
}

// net.ipv4.ipfrag_max_dist: 63 in between are borne, 64 are not.
TEST(Defragmenter, AnIpv4IdThatComesRoundAgainIsAnotherDatagram) {
  for (uint32_t between : {63u, 64u}) {
    Bench bench;
    const Bytes payload = whole_payload(true);
    bench.push(fragment_of(true, payload, {0, 24}));
    for (uint32_t i = 0; i < between; i++) {
      bench.push(fragment_of(true, payload, {0, 24, Piece::kPlain, 0, 100 + i}));
    }
    Outcome outcome = bench.push(fragment_of(true, payload, {24, 64})).outcome;
    EXPECT_EQ(outcome, between == 63 ? Outcome::kComplete : Outcome::kHeld);
    if (between == 64) {
      EXPECT_EQ(bench.expire({}), std::vector<size_t>{1});
      EXPECT_EQ(bench.push(fragment_of(true, payload, {0, 24})).outcome, Outcome::kComplete);
    }
  }
}

// tests/flow/fragments-interface.flow asks which destinations are of one link.
TEST(Defragmenter, PlacesAreApart) {
  const Defragmenter::Place eth0{.in = InterfaceName("eth0")}, eth1{.in = InterfaceName("eth1")};
  const Defragmenter::Place own{.point = Point::kOut, .in = InterfaceName("eth0")},
      lo{.point = Point::kOut, .in = InterfaceName("lo")};
  const Defragmenter::Place port{.point = Point::kBridge, .in = InterfaceName("eth0")},
      delivery{.point = Point::kDelivery, .in = InterfaceName("eth0")};
  struct {
    bool v4, of_one_link;
    Defragmenter::Place first, second;
    bool together;
  } rows[] = {{true, false, eth0, eth1, true},  {true, false, eth0, own, false},
              {false, false, eth0, eth1, true}, {false, false, eth0, own, false},
              {false, true, eth0, eth1, false}, {false, true, own, lo, true},
              {true, false, eth0, port, false}, {false, false, eth0, port, false},
              {true, false, port, port, true},  {true, false, eth0, delivery, false}};
  for (const auto& row : rows) {
    Bench bench;
    const Bytes payload = whole_payload(row.v4);
    auto fragment = [&](const Piece& piece) {
      Bytes bytes = fragment_of(row.v4, payload, piece);
      if (row.of_one_link) bytes[24] = 0xff, bytes[25] = 0x02;
      return bytes;
    };
    bench.push(fragment({0, 24}), {}, 0, row.first);
    EXPECT_EQ(bench.push(fragment({24, 64}), {}, 0, row.second).outcome,
              row.together ? Outcome::kComplete : Outcome::kHeld);
    if (row.together) continue;
    EXPECT_EQ(bench.push(fragment({24, 64}), {}, 0, row.first).outcome, Outcome::kComplete);
  }
}

// `tcpdump -s 40`: the datagram is as long as it was, and known up to the first gap.
TEST(Defragmenter, CutRecordsLeaveAGapInTheCaptureOnly) {
  Bench bench;
  const Bytes payload = whole_payload(true);
  bench.push(fragment_of(true, payload, {0, 24}), {}, 40);
  ASSERT_EQ(bench.push(fragment_of(true, payload, {24, 64})).outcome, Outcome::kComplete);
  Packet& datagram = bench.defragmenter.datagram();
  EXPECT_EQ(datagram.length, 84u);
  EXPECT_EQ(datagram.captured, 40u);
  EXPECT_EQ(datagram.presence(20, 8), Presence::kPresent);
  EXPECT_EQ(datagram.presence(40, 8), Presence::kNotCaptured);
  EXPECT_EQ(verify_checksum(datagram), ChecksumState::kGood);
}

TEST(Defragmenter, MemoryIsBounded) {
  Defragmenter::Limits limits;
  limits.bytes_ipv4 = limits.bytes_ipv6 =
      100 * 1032;  // what Linux counts for a queue of one small fragment
  Bench bench(limits);
  const Bytes payload = whole_payload(true);
  uint32_t held = 0;
  for (uint32_t id = 1; id <= 1000; id++) {
    Bytes fragment = fragment_of(true, payload, {0, 8, Piece::kPlain, 0, id});
    put16(fragment, 12, id);  // many sources
    seal_ipv4(fragment);
    Defragmenter::Pushed pushed = bench.push(fragment);
    held += pushed.outcome == Outcome::kHeld;
    EXPECT_EQ(pushed.reason,
              pushed.outcome == Outcome::kHeld ? Reason::kFragmentHeld : Reason::kFragmentLimit);
  }
  EXPECT_EQ(bench.defragmenter.held(), held);
  EXPECT_EQ(held, 101u);  // the last one is taken while the sum is not above the limit
  EXPECT_EQ(bench.expire(milliseconds(30000)).size(), 101u);
  EXPECT_EQ(bench.defragmenter.held(), 0u);
  EXPECT_EQ(bench.push(fragment_of(true, payload, {0, 8})).outcome, Outcome::kHeld);
}

// A queue may outgrow the limit; what is reserved for it ends all the same.
TEST(Defragmenter, OneQueueCannotOutgrowThePools) {
  Defragmenter::Limits limits;
  limits.bytes_ipv4 = limits.bytes_ipv6 = 10 * 1032;
  Bench bench(limits);
  const Bytes payload(8 * 200);
  uint32_t held = 0;
  for (uint32_t i = 0; i < 100; i++) {
    held += bench.push(fragment_of(true, payload, {16 * i, 16 * i + 8})).outcome == Outcome::kHeld;
  }
  EXPECT_GT(held, 10u);
  EXPECT_LT(held, 30u);
  EXPECT_EQ(bench.expire(milliseconds(30000)).size(), held);
}

}  // namespace
}  // namespace sallyport
