#include "control/event_lines.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <utility>

#include "conntrack/conntrack_xml.h"

namespace sallyport {
namespace {

// To the nanosecond for what a packet did, to the tick for what time did.
Instant time_of(Tick when, Instant now) {
  if (when == tick_of(now)) return now;
  return Instant(Duration(static_cast<int64_t>(when * (1'000'000'000 / kTicksPerSecond))));
}

std::string stamp(Instant time) {
  const int64_t us = time.time_since_epoch().count() / 1000;
  return fmt::format("[{}.{:06}]\t", us / 1'000'000, us % 1'000'000);
}

}  // namespace

EventLines::EventLines(Conntrack& conntrack, Form form)
    : conntrack_(conntrack), form_(std::move(form)) {
  seen_ = form_.table == Table::kConntrack ? conntrack.listen() : conntrack.listen_expectations();
}

EventLines::~EventLines() {
  if (form_.table == Table::kConntrack) {
    conntrack_.unlisten();
  } else {
    conntrack_.unlisten_expectations();
  }
}

bool EventLines::takes(const FlowEvent& event) const {
  return (form_.kinds >> static_cast<unsigned>(event.kind) & 1) != 0 &&
         (!form_.takes || form_.takes(event));
}
bool EventLines::takes(const ExpectationEvent& event) const {
  const auto kind = event.kind == ExpectationEvent::Kind::kNew ? FlowEvent::Kind::kNew
                                                               : FlowEvent::Kind::kDestroy;
  return (form_.kinds >> static_cast<unsigned>(kind) & 1) != 0;
}

std::string EventLines::text_of(const FlowEvent& event, Instant when) const {
  if (!form_.xml) {
    return (form_.timestamp ? stamp(when) : "") +
           event_text(event, conntrack_.knobs(), form_.flows);
  }
  std::string text = event_xml(event, conntrack_.knobs(), form_.flows.labels,
                               form_.timestamp ? std::optional(when) : std::nullopt);
  return count_ == 0 ? std::string(kXmlBegin) + text : text;
}
std::string EventLines::text_of(const ExpectationEvent& event, Instant when) const {
  return (form_.timestamp ? stamp(when) : "") + event_text(event);
}

void EventLines::append(Instant now, std::string& out) {
  if (form_.table == Table::kConntrack) {
    conntrack_.events_since(seen_, flows_);
    append(flows_, now, out);
  } else {
    conntrack_.expectation_events_since(seen_, expectations_);
    append(expectations_, now, out);
  }
}

template <typename Event>
void EventLines::append(std::vector<Event>& events, Instant now, std::string& out) {
  if (events.empty()) return;
  lost_ += events.front().sequence - seen_ - 1;
  seen_ = events.back().sequence;
  // What ended since the last packet is told when the table comes to it.
  std::ranges::stable_sort(events, {}, &Event::when);
  for (const Event& event : events) {
    if (!takes(event)) continue;
    out += text_of(event, time_of(event.when, now)) + '\n';
    count_++;
  }
}

void EventLines::end(std::string& out) const {
  if (form_.xml && count_ > 0) out += kXmlEnd;
}

}  // namespace sallyport
