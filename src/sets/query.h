// What a rule asks of a set, and the answer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace sallyport {

// A set, for as long as it exists; a handle to a destroyed set finds nothing.
struct SetRef {
  uint32_t index = 0;
  uint32_t generation = 0;

  friend bool operator==(const SetRef&, const SetRef&) = default;
};

// "--packets-gt 5": of an element's counters, after this packet was counted
// (kernel-facts 50). A set without counters passes any test.
struct CounterTest {
  enum class Op : uint8_t { kAny, kEqual, kNotEqual, kLess, kGreater };
  Op op = Op::kAny;
  uint64_t value = 0;

  bool holds(uint64_t counter) const {
    switch (op) {
      case Op::kAny: return true;
      case Op::kEqual: return counter == value;
      case Op::kNotEqual: return counter != value;
      case Op::kLess: return counter < value;
      case Op::kGreater: return counter > value;
    }
    return true;
  }
};

struct SetQuery {
  static constexpr size_t kMostDimensions = 6;

  std::array<bool, kMostDimensions> source{};  // by dimension: src, else dst
  uint8_t dimensions = 0;                      // how many were given
  // --match-set
  bool return_nomatch = false;
  bool update_counters = true;
  bool update_subcounters = true;  // of the members of a list:set
  CounterTest packets;
  CounterTest bytes;
  // SET --add-set
  bool exist = false;
  std::optional<uint32_t> timeout;  // seconds, instead of the set's own
};

// When it is asked, and whether the asking counts.
struct SetMoment {
  Tick now = 0;
  bool what_if = false;  // nothing may change, counters included
};

struct SetAnswer {
  static constexpr uint32_t kNone = ~0u;

  bool matched = false;
  bool not_captured = false;  // a port was needed that the capture does not have
  uint32_t set = kNone;       // where the deciding element is: the set, or a member of the list
  uint32_t node = kNone;      // that element
};

}  // namespace sallyport
