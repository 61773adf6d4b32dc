#include "conntrack/table.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "conntrack/timer_wheel.h"
#include "packet/packet.h"

namespace sallyport {
namespace {

// Few addresses and ports, so that tuples collide, invert to each other and repeat.
Tuple random_tuple(std::mt19937_64& random) {
  Tuple tuple;
  tuple.family = random() % 2 ? Family::kIpv4 : Family::kIpv6;
  size_t word = tuple.family == Family::kIpv4 ? 0 : random() % 4;
  tuple.source.words[word] = static_cast<uint32_t>(random() % 4);
  tuple.destination.words[word] = static_cast<uint32_t>(random() % 4);
  tuple.source_port = static_cast<uint16_t>(random() % 8);
  tuple.destination_port = static_cast<uint16_t>(random() % 8);
  tuple.protocol = random() % 2 ? protocol::kUdp : protocol::kTcp;
  return tuple;
}

Zone random_zone(std::mt19937_64& random) {
  auto id = static_cast<uint16_t>(random() % 3);
  switch (random() % 4) {
    case 0: return {id, Zone::Directions::kOriginal};
    case 1: return {id, Zone::Directions::kReply};
    default: return {id, Zone::Directions::kBoth};
  }
}

std::string key_of(const Tuple& tuple, uint16_t zone) {
  return std::to_string(static_cast<int>(tuple.family)) + tuple.text() + "/" + std::to_string(zone);
}

// What the table stands for, said plainly: which flow owns a direction's tuple in a zone.
struct Model {
  std::map<std::string, uint32_t> original, reply;

  uint32_t find(const Tuple& tuple, const Zone& zone) const {
    std::string one = key_of(tuple, zone.in(Direction::kOriginal));
    std::string other = key_of(tuple, zone.in(Direction::kReply));
    auto found = original.find(one);
    if (found != original.end()) return found->second;
    found = reply.find(other);
    return found == reply.end() ? 0 : found->second;
  }
  void add(const Flow& flow, uint32_t index) {
    original[key_of(flow.tuple(), flow.zone().in(Direction::kOriginal))] = index;
    reply[key_of(invert(flow.tuple()), flow.zone().in(Direction::kReply))] = index;
  }
  void remove(const Flow& flow) {
    original.erase(key_of(flow.tuple(), flow.zone().in(Direction::kOriginal)));
    reply.erase(key_of(invert(flow.tuple()), flow.zone().in(Direction::kReply)));
  }
};

constexpr size_t kAll = ~size_t{0};
constexpr auto kIgnore = [](std::span<const uint32_t>) {};

uint64_t seed_of_run() {
  const char* wanted = std::getenv("SALLYPORT_SEED");
  return wanted ? std::strtoull(wanted, nullptr, 0) : std::random_device{}();
}

TEST(FlowTable, AgreesWithAMap) {
  uint64_t seed = seed_of_run();
  SCOPED_TRACE("SALLYPORT_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  FlowTable table(make_hash_key(seed));
  Model model;
  std::vector<uint32_t> flows;
  for (int step = 0; step < 200'000; step++) {
    Tuple tuple = random_tuple(random);
    Zone zone = random_zone(random);
    FlowTable::Found found = table.find(tuple, zone);
    ASSERT_EQ(found.index != 0, model.find(tuple, zone) != 0) << key_of(tuple, zone.id);
    if (found.index) {
      const Flow& flow = table[found.index];
      bool original = found.direction == Direction::kOriginal;
      ASSERT_EQ(flow.tuple(), original ? tuple : invert(tuple));
      ASSERT_EQ(flow.zone().in(found.direction), zone.in(found.direction));
    }
    bool grow = random() % 1000 < (step % 50'000 < 25'000 ? 600 : 300);
    if (grow) {
      table.reserve(1);
      uint32_t index = table.allocate(tuple, zone);
      // Neither direction may belong to another flow, as confirm() makes sure.
      Flow& flow = table[index];
      bool taken = model.original.contains(key_of(tuple, zone.in(Direction::kOriginal))) ||
                   model.reply.contains(key_of(tuple, zone.in(Direction::kOriginal))) ||
                   model.reply.contains(key_of(invert(tuple), zone.in(Direction::kReply))) ||
                   model.original.contains(key_of(invert(tuple), zone.in(Direction::kReply)));
      if (taken) {
        table.release(index);
        continue;
      }
      ASSERT_TRUE(table.insert(index));
      model.add(flow, index);
      flows.push_back(index);
    } else if (!flows.empty()) {
      size_t victim = random() % flows.size();
      uint32_t index = flows[victim];
      uint32_t generation = table[index].generation;
      model.remove(table[index]);
      table.erase(index);
      table.release(index);
      ASSERT_FALSE(table.alive({index, generation}));
      flows[victim] = flows.back();
      flows.pop_back();
    }
  }
  std::set<uint32_t> seen;
  table.each([&](uint32_t index) { EXPECT_TRUE(seen.insert(index).second); });
  EXPECT_EQ(seen, std::set<uint32_t>(flows.begin(), flows.end()));
}

TEST(FlowTable, BothDirectionsHaveOneHash) {
  std::mt19937_64 random(1);
  FlowTable table(make_hash_key(1));
  for (int i = 0; i < 1000; i++) {
    Tuple tuple = random_tuple(random);
    EXPECT_EQ(table.hash(tuple, 1), table.hash(invert(tuple), 1));
    EXPECT_NE(table.hash(tuple, 1), table.hash(tuple, 2));
  }
  for (int type : {0, 8, 13, 14, 3}) {
    Tuple icmp;
    icmp.source = Address::ipv4(1);
    icmp.protocol = protocol::kIcmp;
    icmp.source_port = 7;
    icmp.destination_port = static_cast<uint16_t>(type << 8);
    EXPECT_EQ(table.hash(icmp, 0), table.hash(invert(icmp), 0));
  }
}

// Growing shares out bucket after bucket, by the entries' hashes first and by the tags later: every
// flow is found at every size, and each class has its own entries.
TEST(FlowTable, FindsEveryFlowHoweverFarItHasGrown) {
  FlowTable table(make_hash_key(seed_of_run()));
  constexpr uint32_t kFlows = 300'000;
  auto tuple_of = [](uint32_t number) {
    Tuple tuple;
    tuple.family = number % 3 == 0 ? Family::kIpv6 : Family::kIpv4;
    tuple.protocol = number % 2 == 0 ? protocol::kTcp : protocol::kUdp;
    tuple.source.words[0] = number >> 8;
    tuple.destination = Address::ipv4(1);
    tuple.source_port = static_cast<uint16_t>(number & 0xff);
    return tuple;
  };
  std::vector<uint32_t> indices;
  for (uint32_t number = 0; number < kFlows; number++) {
    table.reserve(1);
    indices.push_back(table.allocate(tuple_of(number), Zone{}));
    ASSERT_TRUE(table.insert(indices.back()));
    if (number & (number + 1)) continue;
    for (uint32_t i = 0; i <= number; i++) {
      ASSERT_EQ(table.find(tuple_of(i), {}).index, indices[i]) << i << " of " << number;
    }
  }
  for (uint32_t number = 0; number < kFlows; number++) {
    const Flow& flow = table[indices[number]];
    ASSERT_EQ(flow.tuple(), tuple_of(number));
    FlowTable::Found found = table.find(invert(tuple_of(number)), {});
    ASSERT_EQ(found.index, indices[number]);
    ASSERT_EQ(found.direction, Direction::kReply);
    if (number % 2) table.erase(indices[number]);
  }
  size_t left = 0;
  table.each([&](uint32_t) { left++; });
  EXPECT_EQ(left, kFlows / 2);
  EXPECT_LT(table.memory() / kFlows, 64 + 16 + 32 + 20);  // on the average of the classes
}

// Many flows of one tuple in one zone, the other's differing: one bucket, and what hangs on it.
TEST(FlowTable, ABucketMayHoldMoreThanItHasRoomFor) {
  FlowTable table(make_hash_key(1));
  Tuple tuple;
  tuple.protocol = protocol::kUdp;
  tuple.source_port = 7;
  std::vector<uint32_t> indices;
  for (uint16_t zone = 1; zone <= 100; zone++) {
    table.reserve(1);
    indices.push_back(table.allocate(tuple, Zone{zone, Zone::Directions::kReply}));
    ASSERT_TRUE(table.insert(indices.back()));
    EXPECT_EQ(table.find(tuple, {}).index, indices.back());  // the newest
  }
  while (!indices.empty()) {
    EXPECT_EQ(table.find(tuple, {}).index, indices.back());
    table.erase(indices.back());
    indices.pop_back();
  }
  EXPECT_EQ(table.find(tuple, {}).index, 0u);
}

TEST(FlowTable, WithoutRoomItSaysNo) {
  FlowTable table(make_hash_key(1));
  EXPECT_EQ(table.allocate({}, Zone{}), 0u);
}

// Deadlines near and far, time that jumps: all come up, in order, none early.
TEST(TimerWheel, BringsUpEveryTimerInOrder) {
  uint64_t seed = seed_of_run();
  SCOPED_TRACE("SALLYPORT_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  TimerWheel wheel;
  constexpr uint32_t kTimers = 1000;
  wheel.resize(kTimers + 1);
  std::map<uint32_t, Tick> deadlines;
  Tick now = random() >> (random() % 40 + 8);
  wheel.advance(now, kAll, kIgnore, [](uint32_t, Tick) {});
  for (int step = 0; step < 3000; step++) {
    for (int i = 0; i < 20; i++) {
      auto index = static_cast<uint32_t>(1 + random() % kTimers);
      if (deadlines.erase(index)) wheel.remove(index);
      if (random() % 4 == 0) continue;
      Tick deadline = now + 1 + (random() & ((uint64_t{1} << random() % 36) - 1));
      wheel.add(index, deadline);
      deadlines[index] = deadline;
    }
    now += random() & ((uint64_t{1} << random() % 34) - 1);
    // A few at a time, with other timers set in between, it is the same.
    size_t most = random() % 4 == 0 ? random() % 50 : kAll;
    Tick last = 0;
    auto due = [&](uint32_t index, Tick at) {
      ASSERT_TRUE(deadlines.contains(index));
      Tick deadline = deadlines[index];
      ASSERT_LE(last, at);
      last = at;
      if (at < deadline) {
        wheel.add(index, deadline);  // a slot of a higher level: not yet
        return;
      }
      ASSERT_EQ(at, deadline);
      deadlines.erase(index);
    };
    while (!wheel.advance(now, most, kIgnore, due)) {
      auto index = static_cast<uint32_t>(1 + random() % kTimers);
      if (most == 0 || random() % 8 == 0) most++;
      if (deadlines.erase(index)) wheel.remove(index);
      Tick deadline = now + 1 + random() % 1000;
      wheel.add(index, deadline);
      deadlines[index] = deadline;
    }
    for (auto [index, deadline] : deadlines) ASSERT_GT(deadline, now) << index;
  }
}

}  // namespace
}  // namespace sallyport
