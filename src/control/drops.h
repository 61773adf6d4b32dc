// The last packets that were dropped: kept as they are on the packet path, told when somebody asks.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "attach/live.h"

namespace sallyport {

struct Drop {
  static constexpr size_t kFront = 128;  // what is kept of a packet

  Instant time{};
  std::array<uint8_t, kFront> front{};
  uint32_t held = 0, length = 0;  // bytes in `front`, and of the packet
  InterfaceName in, out;          // empty: none
  BridgePorts ports;              // the same
  Way::Path path = Way::Path::kInput;
  Outcome outcome;
  std::shared_ptr<const Program> program;  // that decided
};

class Drops {
 public:
  static constexpr size_t kMost = 1024;

  Drops() : ring_(kMost) {}

  void add(const Live::Judgement& judgement, std::shared_ptr<const Program> program);
  // They are numbered from 1 on. Known are those from first() to count().
  uint64_t count() const { return count_; }
  uint64_t first() const { return count_ - std::min<uint64_t>(count_, kMost) + 1; }
  const Drop& operator[](uint64_t number) const { return ring_[number % kMost]; }

 private:
  std::vector<Drop> ring_;
  uint64_t count_ = 0;
};

}  // namespace sallyport
