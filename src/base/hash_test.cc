#include "base/hash.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

namespace sallyport {
namespace {

using Words = std::array<uint64_t, 2>;

// The fullest of `buckets` buckets: some low bits of the hash, or its high ones.
uint32_t fullest(const std::vector<Words>& keys, const HashKey& secret, bool high) {
  constexpr uint32_t kBits = 14;
  std::vector<uint32_t> buckets(1u << kBits);
  for (const Words& key : keys) {
    uint64_t hash = keyed_hash<2>(key, secret);
    buckets[high ? hash >> (64 - kBits) : hash & ((1u << kBits) - 1)]++;
  }
  return *std::ranges::max_element(buckets);
}

// Keys that differ in few bits, at either end of either word, as addresses and ports do. 2^16 of
// them in 2^14 buckets: 4 on the average, and by chance hardly ever 24 in one.
TEST(KeyedHash, SpreadsKeysThatAreAlike) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    HashKey secret = make_hash_key(seed);
    for (unsigned shift : {0u, 16u, 32u, 48u}) {
      std::vector<Words> first, second, both;
      for (uint64_t i = 0; i < 65536; i++) {
        first.push_back({i << shift, 0x1100000000000050});
        second.push_back({0x0a000001c0000201, i << shift});
        both.push_back({i << shift, ~(i << shift)});
      }
      for (const auto* keys : {&first, &second, &both}) {
        EXPECT_LT(fullest(*keys, secret, false), 24u) << seed << " " << shift;
        EXPECT_LT(fullest(*keys, secret, true), 24u) << seed << " " << shift;
      }
    }
  }
}

// Keys chosen to meet in one bucket under one secret are as good as random under another.
TEST(KeyedHash, ChosenKeysDoNotMeetUnderAnotherSecret) {
  HashKey known = make_hash_key(1), unknown = make_hash_key(2);
  std::vector<Words> chosen;
  for (uint64_t i = 0; chosen.size() < 4096; i++) {
    if ((keyed_hash<2>({i, 17}, known) & 0x3f) == 0) chosen.push_back({i, 17});
  }
  EXPECT_LT(fullest(chosen, unknown, false), 8u);
}

}  // namespace
}  // namespace sallyport
