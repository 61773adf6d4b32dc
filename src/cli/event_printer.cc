#include "cli/event_printer.h"

#include <algorithm>
#include <fmt/format.h>

namespace sallyport {
namespace {

// To the nanosecond for what a packet did, to the tick for what time did.
Instant time_of(Tick when, Instant now) {
  if (when == tick_of(now)) return now;
  return Instant(Duration(static_cast<int64_t>(when * (1'000'000'000 / kTicksPerSecond))));
}

std::string text_of(const FlowEvent& event, const Knobs& knobs, const FlowForm& form) {
  return event_text(event, knobs, form);
}
std::string text_of(const ExpectationEvent& event, const Knobs&, const FlowForm&) {
  return event_text(event);
}

}  // namespace

EventPrinter::EventPrinter(Conntrack& conntrack, Table table, const FlowForm& form, bool timestamp,
                           std::ostream& out)
    : conntrack_(conntrack), table_(table), form_(form), timestamp_(timestamp), out_(out) {
  if (table_ == Table::kConntrack) {
    conntrack.keep_events(EventLog::kMost);
  } else {
    conntrack.keep_expectation_events(EventLog::kMost);
  }
}

void EventPrinter::print(Instant now) {
  if (table_ == Table::kConntrack) {
    conntrack_.events_since(seen_, flows_);
    print(flows_, now);
  } else {
    conntrack_.expectation_events_since(seen_, expectations_);
    print(expectations_, now);
  }
}

template <typename Event>
void EventPrinter::print(std::vector<Event>& events, Instant now) {
  if (events.empty()) return;
  lost_ += events.front().sequence - seen_ - 1;
  seen_ = events.back().sequence;
  // What ended since the last packet is told when the table comes to it.
  std::ranges::stable_sort(events, {}, &Event::when);
  for (const Event& event : events) {
    if (timestamp_) {
      int64_t us = time_of(event.when, now).time_since_epoch().count() / 1000;
      out_ << fmt::format("[{}.{:06}]\t", us / 1'000'000, us % 1'000'000);
    }
    out_ << text_of(event, conntrack_.knobs(), form_) << '\n';
  }
}

}  // namespace sallyport
