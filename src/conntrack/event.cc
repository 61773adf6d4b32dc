#include "conntrack/event.h"

#include <algorithm>

namespace sallyport {

void EventLog::keep(size_t events) {
  ring_.assign(std::clamp<size_t>(events, 1, kMost), {});
  pending_.assign(flows_, 0);
  last_ = 0;
}

void EventLog::resize(size_t flows) {
  flows_ = flows;
  if (listening()) pending_.resize(flows);
}

size_t EventLog::memory() const {
  return ring_.capacity() * sizeof(FlowEvent) + pending_.capacity();
}

void EventLog::add(const FlowEvent& event) {
  FlowEvent& place = ring_[last_ % ring_.size()];
  place = event;
  place.sequence = ++last_;
}

std::span<const FlowEvent> EventLog::since(uint64_t sequence,
                                           std::vector<FlowEvent>& storage) const {
  storage.clear();
  uint64_t lost = last_ - std::min<uint64_t>(last_, ring_.size());
  for (uint64_t i = std::max(sequence, lost); i < last_; i++) {
    storage.push_back(ring_[i % ring_.size()]);
  }
  return storage;
}

}  // namespace sallyport
