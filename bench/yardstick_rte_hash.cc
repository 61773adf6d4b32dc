// DPDK's rte_hash, bulk lookup of 32 keys of 16 bytes in random order: what a hash table
// alone can do on this machine, without parsing, states or timers. Built where libdpdk is.
#include <array>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <random>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <vector>

namespace {

struct Key {
  uint32_t source, destination;
  uint16_t source_port, destination_port;
  uint32_t protocol;
};
static_assert(sizeof(Key) == 16);

bool start_dpdk() {
  const char* arguments[] = {"bench", "--no-huge", "--no-pci", "--no-shconf",   "-m",
                             "512",   "-l",        "0",        "--log-level=1", "--no-telemetry"};
  static const bool kStarted =
      rte_eal_init(std::size(arguments), const_cast<char**>(arguments)) >= 0;
  return kStarted;
}

Key key_of(uint32_t number) {
  return {0x0a000000 | number >> 4, 0xc0000201, static_cast<uint16_t>(1024 + number % 16), 53, 17};
}

void yardstick_rte_hash(benchmark::State& state) {
  auto flows = static_cast<uint32_t>(state.range(0));
  if (!start_dpdk()) {
    state.SkipWithError("DPDK does not start here");
    return;
  }
  rte_hash_parameters parameters{};
  parameters.name = "yardstick";
  parameters.entries = flows + flows / 4;
  parameters.key_len = sizeof(Key);
  parameters.hash_func = rte_jhash;
  rte_hash* table = rte_hash_create(&parameters);
  if (!table) {
    state.SkipWithError("no memory for rte_hash");
    return;
  }
  for (uint32_t i = 0; i < flows; i++) {
    Key key = key_of(i);
    rte_hash_add_key(table, &key);
  }
  constexpr size_t kBurst = 32;
  std::vector<Key> keys((flows > 65536 ? flows : 65536) / kBurst * kBurst);
  std::mt19937 random(7);
  for (Key& key : keys) key = key_of(static_cast<uint32_t>(random() % flows));
  size_t at = 0;
  for (auto _ : state) {
    std::array<const void*, kBurst> wanted;
    std::array<int32_t, kBurst> found;
    for (size_t i = 0; i < kBurst; i++) wanted[i] = &keys[at + i];
    rte_hash_lookup_bulk(table, wanted.data(), kBurst, found.data());
    benchmark::DoNotOptimize(found);
    at = at + kBurst < keys.size() ? at + kBurst : 0;
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
  rte_hash_free(table);
}

BENCHMARK(yardstick_rte_hash)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
