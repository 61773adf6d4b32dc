// One packet on its way through the hooks: what its steps leave for one another.
#pragma once

#include <optional>

#include "engine/engine.h"

namespace sallyport {

// One packet on its way through the hooks.
struct Engine::Journey {
  const Way& way;
  Rules& rules;
  Tracked& tracked;  // as new where the packet is not tracked yet
  Outcome& outcome;  // the end
  Context context;
  uint32_t filter_rule = kNoRule;  // the filter table's last verdict came from it
  Reason routing = Reason::kNone;  // why routing ended it, between two hooks
  bool tracking_drop = false;      // conntrack itself dropped it: no room, or a clash
  bool was_tracked = false;        // before the journey began
  // Of a packet whose flow may remember: what it does (null: nothing), and what the rules are
  // asked, if that is worth remembering.
  const Decision* decision = nullptr;
  std::optional<Recorder> recorder;
  bool remembered = false;  // the outcome is there already

  // What is found on the way is written where the caller wants it.
  Journey(Engine& engine, Packet& packet, const Way& the_way, Tracked& of_tracking, Outcome& end)
      : way(the_way),
        rules(engine.rules(packet.family)),
        tracked(of_tracking),
        outcome(end),
        context(packet) {
    context.now = engine.now();
    context.tracked = &tracked;
    context.sets = engine.sets_.get();
    context.logs = &engine.logs_;
    context.host = &engine.config_.host;
    context.ports = way.ports;
    context.memory = rules.memory;
    if (rules.program->needs_conntrack) context.conntrack = engine.conntrack_.get();
  }

  // Looped back: a packet that is INVALID has nothing that says that it was tracked before.
  void loop_back() {
    if (tracked.info != CtInfo::kInvalid) return;
    tracked = {};
    context.zone = {};
    context.zone_given = context.zone_is_mark = false;
    context.helper = nullptr;
    context.packet.fields[Field::kCtState] = 0;
  }
};

}  // namespace sallyport
