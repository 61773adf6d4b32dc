// Decisions that flows remember, so that an established packet does not walk the rules.
//
// Most packets of a flow pass the same rules to the same end. What a walk asked is noted
// (program/recorder.h); if all of it hangs on the flow, the packet's direction and its situation
// below, the walk's outcome is kept here once, and its number with the flow. The next packet in
// the same situation counts the same rules and ends the same way. So is the finding that a walk
// may not be remembered, which spares the noting.
//
// Nothing needs to be told when a state, a status, a mark or an interface changes: the situation is
// compared each time. New rules end all decisions (clear()), and with them the numbers that flows
// keep. Rules that ask a set, the time, a limit or the packet itself are never remembered.
//
// Equal decisions have one number, whatever their flows: a firewall with a thousand rules and a
// million flows knows some tens. They are 160 bytes each, and kMost at most: when a mark differs
// from flow to flow, some flows find no room, and walk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/outcome.h"
#include "engine/way.h"
#include "program/recorder.h"

namespace sallyport {

// What beside the flow and the direction conditions may ask that is remembered.
struct Situation {
  InterfaceName in;
  InterfaceName out;
  uint32_t status = 0;  // ct_status bits
  uint32_t connmark = 0;
  Way::Path path = Way::Path::kNone;

  // A packet's state is not among these: it follows from its flow's status.
  static Situation of(const Packet& packet, const Way& way);
  bool is_of(const Flow& flow, const Way& way) const {
    static constexpr InterfaceName kNone{};
    return path == way.path && status == flow.status && connmark == flow.connmark &&
           in == (way.in ? *way.in : kNone) && out == (way.out ? *way.out : kNone);
  }

  friend bool operator==(const Situation&, const Situation&) = default;
};

struct Decision {
  Situation situation;
  Pc obstacle = kNoPc;  // the rules must be walked: this instruction is why
  // The walk's end, from tracking on, but for the packet's direction and flow.
  Outcome outcome;
  bool ends = false;  // it is all there is to do, but for counting and routing
  uint8_t rule_count = 0;
  std::array<uint32_t, Recorder::kMostRules> rules{};  // that counted

  friend bool operator==(const Decision&, const Decision&) = default;
};

class Decisions {
 public:
  static constexpr size_t kMost = 16384;

  // Room for so many more. Between bursts: allocates.
  void reserve(size_t more);
  // From now on every number that was given is wrong.
  void clear();

  // Null: 0, or it was decided in another situation than that of a packet of this flow now.
  const Decision* find(uint32_t number, const Flow& flow, const Way& way) const {
    if (number == 0) [[unlikely]]
      return nullptr;
    const Decision& decision = decisions_[number - 1];
    return decision.situation.is_of(flow, way) ? &decision : nullptr;
  }
  // Its number, from 1; an equal one is found again. 0: there is no room.
  uint16_t add(const Decision& decision);

 private:
  size_t place(const Decision& decision) const;

  std::vector<Decision> decisions_;
  std::vector<uint16_t> slots_;  // a hash table of numbers; a power of two, at most half full
};

}  // namespace sallyport
