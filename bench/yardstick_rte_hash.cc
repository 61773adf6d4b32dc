// The yardstick: what a hash table alone can do on this machine, without parsing, states, timers or
// rules. DPDK's rte_hash as it is fastest: keys of 16 bytes, rte_hash_crc, no locks, room for a
// third more keys than there are.
//
// yardstick_rte_hash: bulk lookups of 32, in random order, and then 64 bytes of state of each key
// found, which are prefetched, read, changed and written. yardstick_rte_hash_add: keys added to a
// table that is empty, and has been full: its memory is there.
//
// Keys come from an array of 64 KB that is filled outside of what is timed, as the engine's
// packets do (router.h); table and states are on huge pages. Built where libdpdk is.
#include <array>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "dpdk.h"
#include "flow_numbers.h"
#include "huge_array.h"

namespace sallyport {
namespace {

constexpr size_t kBurst = 32;
constexpr size_t kHotKeys = 4096;

struct Key {
  uint32_t source, destination;
  uint16_t source_port, destination_port;
  uint32_t protocol;
};
static_assert(sizeof(Key) == 16);

struct alignas(64) FlowState {
  uint64_t words[8];
};

Key key_of(uint32_t number) {
  Client client = client_of(number);
  return {client.address, kServer, client.port, 53, 17};
}

// Null, and the benchmark says why, where there is no DPDK or not enough memory.
rte_hash* make_table(benchmark::State& state, uint32_t keys) {
  std::optional<int> socket = dpdk_socket();
  if (!socket) {
    state.SkipWithError("DPDK does not start here");
    return nullptr;
  }
  rte_hash_parameters parameters{};
  parameters.name = "yardstick";
  parameters.entries = keys + (keys + 2) / 3;
  parameters.key_len = sizeof(Key);
  parameters.hash_func = rte_hash_crc;
  parameters.socket_id = *socket;
  rte_hash* table = rte_hash_create(&parameters);
  if (!table) state.SkipWithError("no memory for rte_hash");
  return table;
}

void yardstick_rte_hash(benchmark::State& state) {
  auto flows = static_cast<uint32_t>(state.range(0));
  rte_hash* table = make_table(state, flows);
  if (!table) return;
  for (uint32_t i = 0; i < flows; i++) {
    Key key = key_of(i);
    if (rte_hash_add_key(table, &key) < 0) state.SkipWithError("a key has no place");
  }
  HugeArray<FlowState> states(static_cast<size_t>(rte_hash_max_key_id(table)) + 1);
  for (FlowState& of_key : states) of_key.words[0] = 1;  // the pages come into being
  HugeArray<uint32_t> order = random_order(flows, kHotKeys);
  std::array<Key, kHotKeys> keys;
  size_t at = 0, found = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (size_t i = 0; i < kHotKeys; i++) keys[i] = key_of(order[at + i]);
    at = at + kHotKeys < order.size() ? at + kHotKeys : 0;
    state.ResumeTiming();
    for (size_t burst = 0; burst < kHotKeys; burst += kBurst) {
      std::array<const void*, kBurst> wanted;
      std::array<int32_t, kBurst> places;
      for (size_t i = 0; i < kBurst; i++) wanted[i] = &keys[burst + i];
      rte_hash_lookup_bulk(table, wanted.data(), kBurst, places.data());
      for (int32_t place : places) {
        if (place >= 0) __builtin_prefetch(&states[static_cast<size_t>(place)], 1);
      }
      for (int32_t place : places) {
        if (place < 0) continue;
        found++;
        FlowState& of_key = states[static_cast<size_t>(place)];
        for (uint64_t& word : of_key.words) word++;
        benchmark::DoNotOptimize(of_key);
      }
    }
  }
  if (found != state.iterations() * kHotKeys) state.SkipWithError("keys were not found");
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kHotKeys));
  rte_hash_free(table);
}

void yardstick_rte_hash_add(benchmark::State& state) {
  auto flows = static_cast<uint32_t>(state.range(0));
  rte_hash* table = make_table(state, flows);
  if (!table) return;
  std::array<Key, kHotKeys> keys;
  bool full = false;
  auto fill = [&](auto&& add) {
    for (uint32_t number = 0; number < flows;) {
      size_t count = std::min<size_t>(kHotKeys, flows - number);
      for (size_t i = 0; i < count; i++) keys[i] = key_of(number++);
      add(count);
    }
  };
  auto add = [&](size_t count) {
    for (size_t i = 0; i < count; i++) full |= rte_hash_add_key(table, &keys[i]) < 0;
  };
  fill(add);
  for (auto _ : state) {
    state.PauseTiming();
    rte_hash_reset(table);
    fill([&](size_t count) {
      state.ResumeTiming();
      add(count);
      state.PauseTiming();
    });
    state.ResumeTiming();
  }
  if (full) state.SkipWithError("a key has no place");
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * flows));
  rte_hash_free(table);
}

BENCHMARK(yardstick_rte_hash)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(yardstick_rte_hash_add)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace sallyport
