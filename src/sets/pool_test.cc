// The pool against a plain map, over a long random life.
#include "sets/pool.h"

#include <gtest/gtest.h>
#include <map>
#include <random>

namespace sallyport {
namespace {

Element element(uint32_t address) {
  return {Address::ipv4(address), 0, 0, 32};
}

TEST(ElementPool, AgreesWithAMap) {
  constexpr uint64_t kSeed = 20240607;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  ElementPool pool(make_hash_key(kSeed));
  ElementPool::Index index;
  std::map<uint32_t, Tick> model;  // address -> deadline
  Tick now = 1;
  for (int step = 0; step < 200'000; step++) {
    uint32_t address = static_cast<uint32_t>(random() % 2000);
    uint32_t node = pool.find(index, element(address));
    ASSERT_EQ(node != ElementPool::kNone, model.contains(address));
    Tick deadline = random() % 4 == 0 ? 0 : now + random() % 500;
    if (random() % 3 == 0) {
      if (node != ElementPool::kNone) pool.erase(index, node);
      model.erase(address);
    } else if (node != ElementPool::kNone) {
      pool.set_deadline(node, deadline);
      model[address] = deadline;
    } else {
      pool.grow(1);
      ASSERT_NE(pool.insert(index, 0, element(address), Extras{.deadline = deadline}),
                ElementPool::kNone);
      model[address] = deadline;
    }
    if (step % 100 == 0) {
      pool.rehash(index);
      now += random() % 50;
      for (uint32_t dead; (dead = pool.expired(now)) != ElementPool::kNone;) {
        pool.erase(index, dead);
      }
      std::erase_if(model,
                    [&](const auto& entry) { return entry.second != 0 && entry.second < now; });
    }
    ASSERT_EQ(pool.size(), model.size());
    ASSERT_EQ(index.count, model.size());
  }
}

TEST(ElementPool, HasTheRoomThatWasMade) {
  ElementPool pool(make_hash_key(1));
  ElementPool::Index index;
  EXPECT_EQ(pool.insert(index, 0, element(1), {}), ElementPool::kNone);
  pool.grow(100);
  for (uint32_t i = 0; i < 100; i++) {
    ASSERT_NE(pool.insert(index, 0, element(i), {}), ElementPool::kNone);
  }
  EXPECT_EQ(pool.insert(index, 0, element(100), {}), ElementPool::kNone);
}

}  // namespace
}  // namespace sallyport
