// Deadlines of flows, found in their order.
//
// A hierarchy of wheels with 64 slots each: a deadline that first differs from
// the wheel's own time in its L-th group of six bits lies on level L, in the
// slot of those bits. So everything on a lower level is due before everything
// on a higher one, within a level slots are due in the order of their bits, and
// the next slot is one count of trailing zeroes away, however far time jumps (a
// capture may be silent for a year). When the wheel's time reaches a slot of a
// higher level, what is in it moves down; a timer moves at most once a level.
//
// Timers are cheap to postpone: the owner need not tell the wheel. A timer that
// comes up too early is added again. Only a deadline that comes closer must be
// filed anew.
//
// A million timers may be due at once: advance() stops when it has looked at as many as it was
// allowed to, and goes on from there the next time.
//
// Eight bytes an index; a timer is an index of the flow table.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/segments.h"
#include "base/time.h"

namespace sallyport {

class TimerWheel {
 public:
  // Indices below `count` may be used. Allocates.
  void resize(size_t count) { links_.grow(count); }
  size_t memory() const { return links_.memory() + sizeof *this; }

  // Index 0 is nobody. A deadline that is over comes up one tick from now.
  void add(uint32_t index, Tick deadline) {
    if (deadline <= elapsed_) deadline = elapsed_ + 1;
    int level = (63 - std::countl_zero(deadline ^ elapsed_)) / kBits;
    auto digit = static_cast<uint32_t>(deadline >> (kBits * level)) % kSlots;
    uint32_t slot = static_cast<uint32_t>(level) * kSlots + digit;
    uint32_t first = heads_[slot];
    links_[index] = Link{first, kHead | slot};
    if (first) links_[first].previous = index;
    heads_[slot] = index;
    occupied_[static_cast<size_t>(level)] |= uint64_t{1} << digit;
  }

  void remove(uint32_t index) {
    Link link = links_[index];
    if (link.next) links_[link.next].previous = link.previous;
    if (!(link.previous & kHead)) {
      links_[link.previous].next = link.next;
      return;
    }
    uint32_t slot = link.previous & ~kHead;
    heads_[slot] = link.next;
    if (!link.next) occupied_[slot / kSlots] &= ~(uint64_t{1} << slot % kSlots);
  }

  // Calls due(index, deadline) for timers up to `now`, in order of their deadlines, at most `most`
  // times; each has been removed, and may be added again, to a later tick; nothing else may be
  // removed meanwhile. ahead(indices) is told which come next, to warm the cache. True: there are
  // no more. Time that runs backwards does nothing.
  template <typename Ahead, typename Due>
  bool advance(Tick now, size_t most, Ahead ahead, Due due) {
    for (;;) {
      if (!open_ && !open_next(now)) break;
      while (heads_[open_]) {
        if (most == 0) return false;
        std::array<uint32_t, kAhead> next;
        size_t count = 0;
        for (uint32_t i = heads_[open_]; i && count < std::min(kAhead, most); i = links_[i].next) {
          next[count++] = i;
        }
        ahead(std::span<const uint32_t>(next).first(count));
        for (size_t i = 0; i < count; i++) {
          remove(next[i]);
          due(next[i], elapsed_);
        }
        most -= count;
      }
      open_ = 0;
    }
    if (now > elapsed_) elapsed_ = now;
    return true;
  }

 private:
  static constexpr size_t kAhead = 32;
  static constexpr int kBits = 6;
  static constexpr uint32_t kSlots = 1 << kBits;
  static constexpr size_t kLevels = (64 + kBits - 1) / kBits;
  static constexpr uint32_t kHead = 1u << 31;  // `previous` is a slot, not an index

  struct Link {
    uint32_t next = 0;
    uint32_t previous = 0;
  };

  // The wheel's time reaches the next slot that has timers, unless that is after `now`. Nobody
  // can be added to it while it is open.
  bool open_next(Tick now) {
    size_t level = 0;
    while (level < kLevels && !occupied_[level]) level++;
    if (level == kLevels) return false;
    int digit = std::countr_zero(occupied_[level]);
    Tick start = start_of(static_cast<int>(level), static_cast<Tick>(digit));
    if (start > now) return false;
    elapsed_ = start;
    open_ = static_cast<uint32_t>(level) * kSlots + static_cast<uint32_t>(digit);
    return true;
  }

  // The first tick of a slot: the wheel's time with the level's digit, and zeroes below.
  Tick start_of(int level, Tick digit) const {
    int low = kBits * level;
    int high = low + kBits;
    Tick above = high >= 64 ? 0 : elapsed_ >> high << high;
    return above | digit << low;
  }

  Tick elapsed_ = 0;
  std::array<uint64_t, kLevels> occupied_{};
  std::array<uint32_t, kLevels * kSlots> heads_{};
  uint32_t open_ = 0;  // the slot that advance() is at; 0: none, since that is never filled
  Segments<Link> links_;
};

}  // namespace sallyport
