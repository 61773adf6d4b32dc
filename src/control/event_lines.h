// What happens to flows, or to expectations, as `conntrack -E` and `conntrack -E expect` print it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "conntrack/conntrack_text.h"

namespace sallyport {

class EventLines {
 public:
  enum class Table : uint8_t { kConntrack, kExpect };
  struct Form {
    Table table = Table::kConntrack;
    FlowForm flows;
    bool timestamp = false;                       // the time stands before each, or in it
    bool xml = false;                             // of flows; expectations have none
    uint8_t kinds = 7;                            // by FlowEvent::Kind, and ExpectationEvent's
    std::function<bool(const FlowEvent&)> takes;  // empty: all
  };
  // Events from now on, as long as it lives. `conntrack` outlives it.
  EventLines(Conntrack& conntrack, Form form);
  ~EventLines();
  EventLines(const EventLines&) = delete;
  EventLines& operator=(const EventLines&) = delete;

  // What has happened since it was last asked; `now` is the last packet's time.
  void append(Instant now, std::string& out);
  void end(std::string& out) const;          // of all; XML has one
  uint64_t count() const { return count_; }  // of those told
  uint64_t lost() const { return lost_; }    // to the ring's end: more at once than it holds

 private:
  template <typename Event>
  void append(std::vector<Event>& events, Instant now, std::string& out);
  bool takes(const FlowEvent& event) const;
  bool takes(const ExpectationEvent& event) const;
  std::string text_of(const FlowEvent& event, Instant when) const;
  std::string text_of(const ExpectationEvent& event, Instant when) const;

  Conntrack& conntrack_;
  const Form form_;
  uint64_t seen_ = 0;  // sequence number
  uint64_t count_ = 0, lost_ = 0;
  std::vector<FlowEvent> flows_;
  std::vector<ExpectationEvent> expectations_;
};

}  // namespace sallyport
