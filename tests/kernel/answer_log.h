// What REJECT sends back, read where it begins its way: at OUTPUT, before the probe drops it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "kernel/sandbox.h"

namespace sallyport::testing {

class AnswerLog {
 public:
  // In the sandbox's namespace.
  static std::expected<AnswerLog, std::string> open();

  // The reset or ICMP error that the packet sent last was answered with, in the normal form of
  // Observation::answer; empty if there was none. A packet that was not dropped may have one from
  // the host it came to.
  std::vector<uint8_t> take();

 private:
  Fd socket_;
};

}  // namespace sallyport::testing
