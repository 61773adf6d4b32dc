// What Google Benchmark is told of a router; apart from router.cc, which is used without it.
#include <algorithm>
#include <benchmark/benchmark.h>

#include "router.h"

namespace sallyport {

void Router::report(benchmark::State& state, uint64_t packets) {
  state.SetItemsProcessed(static_cast<int64_t>(packets));
  state.counters["bytes_per_flow"] =
      static_cast<double>(engine_.conntrack().memory()) /
      static_cast<double>(std::max<size_t>(engine_.conntrack().count(), 1));
}

}  // namespace sallyport
