// Near misses: the flow, question or packet that would have let a packet in, and
// what kept it from doing so.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "attach/judged.h"
#include "engine/engine.h"

namespace sallyport {

// A packet that was dropped earlier: the flow that it would have made does not exist.
struct EarlierDrop {
  uint64_t index = 0;
  Instant time{};
  Tuple tuple;
  std::string rule;  // "filter/OUTPUT:4"
};

// The last drops, bounded.
class DropHistory {
 public:
  static constexpr size_t kMost = 65536;
  void add(const Judged& judged, const Program* program);
  const std::deque<EarlierDrop>& drops() const { return drops_; }

 private:
  std::deque<EarlierDrop> drops_;
};

struct NearMiss {
  std::string text;
  // The knob that would have made the difference, and its value; empty: none would.
  std::string knob;
  std::string value;
};

// For a packet that has just been judged and was dropped. The nearest first, at most a handful.
std::vector<NearMiss> near_misses(const Judged& judged, Engine& engine, const DropHistory& history);

// The tuple of a judged packet of a protocol with ports (and of others, without them).
Tuple tuple_of(const Judged& judged);

}  // namespace sallyport
