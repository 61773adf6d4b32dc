// A group of nfnetlink_log: where rules with `log group N` and the kernel's trace say what they
// saw.
#pragma once

#include <cstdint>

#include "kernel/sandbox.h"

namespace sallyport::testing {

// What of a packet comes with its message.
enum class LogCopy : uint8_t { kNothing, kWhole };

// From now on the group's messages come to this netlink socket, one at a time.
Done bind_log_group(int fd, uint16_t group, LogCopy copy);

}  // namespace sallyport::testing
