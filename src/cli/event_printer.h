// `--events`: what happens to flows, or to expectations, as `conntrack -E` and `conntrack -E
// expect` print it while it happens.
#pragma once

#include <ostream>
#include <vector>

#include "base/time.h"
#include "conntrack/conntrack_text.h"

namespace sallyport {

class EventPrinter {
 public:
  enum class Table : uint8_t { kConntrack, kExpect };

  // Events from now on; all outlive it. `timestamp` puts the time before each, as `-o timestamp`
  // does; `form` is for flows.
  EventPrinter(Conntrack& conntrack, Table table, const FlowForm& form, bool timestamp,
               std::ostream& out);

  // What has happened since it was last asked; `now` is the last packet's time.
  void print(Instant now);
  uint64_t lost() const { return lost_; }  // to the ring's end: more at once than it holds

 private:
  template <typename Event>
  void print(std::vector<Event>& events, Instant now);

  Conntrack& conntrack_;
  Table table_;
  FlowForm form_;
  bool timestamp_;
  std::ostream& out_;
  uint64_t seen_ = 0;  // sequence number
  uint64_t lost_ = 0;
  std::vector<FlowEvent> flows_;
  std::vector<ExpectationEvent> expectations_;
};

}  // namespace sallyport
