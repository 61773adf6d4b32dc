#include "attach/kernel_queues.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace sallyport {

// A line each: number, reader, waiting, copy mode, copy range, dropped for want of room in the
// queue, and in the socket, sequence number.
std::vector<KernelQueue> kernel_queues() {
  std::vector<KernelQueue> queues;
  std::ifstream file("/proc/self/net/netfilter/nfnetlink_queue");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    KernelQueue queue;
    uint64_t reader = 0, mode = 0, range = 0;
    if (words >> queue.number >> reader >> queue.waiting >> mode >> range >> queue.full >>
        queue.unread) {
      queues.push_back(queue);
    }
  }
  std::ranges::sort(queues, {}, &KernelQueue::number);
  return queues;
}

}  // namespace sallyport
