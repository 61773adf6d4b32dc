// The queues that have a reader, as the kernel counts what is in them:
// /proc/net/netfilter/nfnetlink_queue, of the caller's network namespace.
#pragma once

#include <cstdint>
#include <vector>

namespace sallyport {

struct KernelQueue {
  uint32_t number = 0;
  uint64_t waiting = 0;
  uint64_t full = 0;    // packets dropped as there was no room in the queue
  uint64_t unread = 0;  // ... or in the reader's socket
};

// By number.
std::vector<KernelQueue> kernel_queues();

}  // namespace sallyport
