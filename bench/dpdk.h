// DPDK, for the yardsticks: started without huge pages of its own, without devices, on the core
// that the benchmarks are pinned to.
//
// Its own memory without hugetlbfs is a shared mapping, for which the kernel does not use huge
// pages. So there is a second heap, of memory that was asked with madvise as ours is; tables made
// with dpdk_socket() lie there.
#pragma once

#include <optional>

namespace sallyport {

// Which socket_id to give to rte_hash_create() and rte_acl_create(); nothing where DPDK does not
// start. The first call starts it.
std::optional<int> dpdk_socket();

}  // namespace sallyport
