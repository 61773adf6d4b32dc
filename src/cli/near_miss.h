// Near misses: the flow, question or packet that would have let a packet in, and
// what kept it from doing so.
//
// Asked of what the engine remembers (flows, questions of discovery, the last 65536 events
// of flows) and of the last packets that made no flow. What was forgotten is not guessed at.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "attach/judged.h"
#include "cli/narrator.h"
#include "engine/engine.h"

namespace sallyport {

// A packet after which there was no flow, so that its answer finds none.
struct WithoutFlow {
  uint64_t index = 0;
  Instant time{};
  Tuple tuple;
  bool dropped = false;
  std::string place;  // of the rule that dropped it, "filter/OUTPUT:4", or the reason's name
  std::string table;  // ... its table
  std::optional<Hook> hook;
  CtInfo info = CtInfo::kNone;
};

// The last of them, and the flows that have ended, bounded.
class History {
 public:
  static constexpr size_t kMost = 65536;
  void add(const Judged& judged, const Program* program);
  const std::deque<WithoutFlow>& packets() const { return packets_; }

  // A flow's end, as the engine's event of this number tells it.
  struct Ended {
    Tuple tuple;
    Tick when = 0;
    uint64_t event = 0;
  };
  // Looks at so many events that have happened since, at most. False: there are more.
  bool see(const Conntrack& conntrack, uint64_t most);
  const std::deque<Ended>& ended() const { return ended_; }

 private:
  std::deque<WithoutFlow> packets_;
  std::deque<Ended> ended_;
  uint64_t seen_ = 0;  // event
};

// The engine keeps so many events of flows from now on: what has ended is known, too.
void keep_history(Engine& engine, size_t events = EventLog::kMost);

struct NearMiss {
  std::string text;
  // The knob that would have made the difference, and its value; empty: none would.
  std::string knob;
  std::string value;
  // Since the last packet of a question that this may answer: what a set would have had to
  // remember.
  std::optional<Tick> asked_ago;
  // The packet that was dropped before, which would have made the flow.
  std::optional<WithoutFlow> dropped;
};

// For a packet that was dropped at `now`, which is not long ago. The nearest first, at most a
// handful. `tracked`: nothing, if conntrack was not asked. `history` sees what has ended by now.
std::vector<NearMiss> near_misses(const Judged& judged, const std::optional<TrackedPacket>& tracked,
                                  Engine& engine, History& history, Tick now);

}  // namespace sallyport
