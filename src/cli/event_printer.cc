#include "cli/event_printer.h"

#include <algorithm>
#include <fmt/ostream.h>

namespace sallyport {
namespace {

// To the nanosecond for what a packet did, to the tick for what time did.
Instant time_of(const FlowEvent& event, Instant now) {
  if (event.when == tick_of(now)) return now;
  return Instant(Duration(static_cast<int64_t>(event.when * (1'000'000'000 / kTicksPerSecond))));
}

}  // namespace

EventPrinter::EventPrinter(Conntrack& conntrack, const FlowForm& form, bool timestamp,
                           std::ostream& out)
    : conntrack_(conntrack), form_(form), timestamp_(timestamp), out_(out) {
  conntrack.keep_events(EventLog::kMost);
}

void EventPrinter::print(Instant now) {
  std::span<const FlowEvent> events = conntrack_.events_since(seen_, storage_);
  if (events.empty()) return;
  lost_ += events.front().sequence - seen_ - 1;
  seen_ = events.back().sequence;
  // Flows that ended since the last packet are told when the table comes to them.
  std::ranges::stable_sort(storage_, {}, &FlowEvent::when);
  for (const FlowEvent& event : storage_) {
    if (timestamp_) {
      int64_t us = time_of(event, now).time_since_epoch().count() / 1000;
      fmt::print(out_, "[{}.{:06}]\t", us / 1'000'000, us % 1'000'000);
    }
    out_ << event_text(event, conntrack_.knobs(), form_) << '\n';
  }
}

}  // namespace sallyport
