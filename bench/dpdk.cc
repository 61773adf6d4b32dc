#include "dpdk.h"

#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <sched.h>
#include <string>

#include "huge_array.h"

namespace sallyport {
namespace {

// For the largest table, of 10 million keys; only what is used is ever touched.
constexpr size_t kHeapBytes = size_t{3} << 30;
constexpr size_t kPage = size_t{2} << 20;
constexpr char kHeap[] = "bench";

std::optional<int> start() {
  std::string core = fmt::format("0@{}", sched_getcpu());
  std::array arguments = {"bench", "--no-huge",     "--no-pci",       "--no-shconf", "-m",
                          "64",    "--log-level=1", "--no-telemetry", "--lcores",    core.c_str()};
  if (rte_eal_init(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data())) < 0) {
    return std::nullopt;
  }
  static HugeArray<uint8_t> memory(kHeapBytes);
  if (rte_malloc_heap_create(kHeap) != 0) return std::nullopt;
  if (rte_malloc_heap_memory_add(kHeap, memory.data(), kHeapBytes, nullptr, kHeapBytes / kPage,
                                 kPage) != 0) {
    return std::nullopt;
  }
  int socket = rte_malloc_heap_get_socket(kHeap);
  return socket < 0 ? std::nullopt : std::optional(socket);
}

}  // namespace

std::optional<int> dpdk_socket() {
  static const std::optional<int> kSocket = start();
  return kSocket;
}

}  // namespace sallyport
