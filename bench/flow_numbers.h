// Flows by number, the same for the engine and the yardsticks: who begins each, and which one each
// packet is of.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>

#include "huge_array.h"

namespace sallyport {

// 10.x.y.z and a port of 256. Numbers in a row are scattered: for rte_hash_crc they would be a
// perfect hash, which no traffic is.
struct Client {
  uint32_t address;
  uint16_t port;
};
constexpr Client client_of(uint32_t number) {
  // Multiplying by an odd number and folding upper bits down can both be undone, so no two are
  // alike.
  number *= 0x9e3779b1;
  number ^= number >> 15;
  number *= 0x85ebca6b;
  number ^= number >> 13;
  return {0x0a000000 | number >> 8, static_cast<uint16_t>(1024 + number % 256)};
}
constexpr uint32_t kServer = 0xc0000201;  // 192.0.2.1

// Every flow once, in random order, then again in another; at least 64 K in all, so that neither a
// branch predictor nor a prefetcher knows what comes. No flow is left out: each is alive because it
// is spoken to. The size is a multiple of `multiple`: some flows come once more at the end.
inline HugeArray<uint32_t> random_order(uint32_t flows, size_t multiple) {
  size_t rounds = (size_t{65536} + flows - 1) / flows;
  size_t wanted = (rounds * flows + multiple - 1) / multiple * multiple;
  HugeArray<uint32_t> order(wanted);
  std::mt19937 random(7);
  for (size_t begin = 0; begin < wanted; begin += flows) {
    auto first = order.begin() + begin;
    auto last = order.begin() + std::min(begin + flows, wanted);
    std::iota(first, last, 0u);
    std::shuffle(first, last, random);
  }
  return order;
}

}  // namespace sallyport
