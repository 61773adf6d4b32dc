// What this machine lets any program have, to read the other figures by.
//
// page_reach/N: a load that needs the one before it, from one line in each 4 KB of N MB of huge
// pages. So few lines fit into the second cache: what the loads wait for beside it is addresses.
// Where huge pages are whole, that is nothing up to far more memory than this. Under a hypervisor
// that keeps its guest's memory in pages of 4 KB, the processor remembers addresses by these,
// whatever the guest's own page tables say, and knows only some 12 MB by heart.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

#include "huge_array.h"

namespace sallyport {
namespace {

constexpr size_t kPage = 4096, kLine = 64;

struct Link {
  const Link* next;
};

void page_reach(benchmark::State& state) {
  const size_t pages = static_cast<size_t>(state.range(0)) * (size_t{1} << 20) / kPage;
  HugeArray<std::byte> memory(pages * kPage);
  std::vector<size_t> order(pages);
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  // Not at the same place of each page: these would share a few sets of the caches.
  auto link = [&](size_t page) {
    return reinterpret_cast<Link*>(&memory[page * kPage + page * 5 % (kPage / kLine) * kLine]);
  };
  for (size_t i = 0; i < pages; i++) link(order[i])->next = link(order[(i + 1) % pages]);
  const Link* at = link(order[0]);
  for (auto _ : state) {
    for (size_t i = 0; i < pages; i++) at = at->next;
    benchmark::DoNotOptimize(at);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(pages));
}

BENCHMARK(page_reach)->Arg(4)->Arg(8)->Arg(12)->Arg(16)->Arg(24)->Arg(32);

}  // namespace
}  // namespace sallyport
