// The last packets that were dropped: kept as they are on the packet path, told when somebody asks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attach/live.h"

namespace sallyport {

class Drops {
 public:
  static constexpr size_t kMost = 1024;
  static constexpr size_t kFront = 128;  // bytes of each packet

  Drops() : ring_(kMost) {}

  void add(const Live::Judgement& judgement, std::shared_ptr<const Program> program);
  // How many there have been; the first is number 1.
  uint64_t count() const { return count_; }
  // A line for each after the one with this number that is still known.
  std::string text(uint64_t after) const;

 private:
  struct Drop {
    Instant time{};
    std::array<uint8_t, kFront> front{};
    uint32_t held = 0, length = 0;
    InterfaceName in, out;
    Outcome outcome;
    std::shared_ptr<const Program> program;  // that decided
  };
  static std::string line(const Drop& drop);

  std::vector<Drop> ring_;
  uint64_t count_ = 0;
};

}  // namespace sallyport
