#include "conntrack/event.h"

namespace sallyport {

void EventLog::keep(size_t events) {
  ring_.keep(events);
  pending_.assign(flows_, 0);
}

uint64_t EventLog::join() {
  if (!listening()) pending_.assign(flows_, 0);
  return ring_.join();
}

void EventLog::resize(size_t flows) {
  flows_ = flows;
  if (listening()) pending_.resize(flows);
}

size_t EventLog::memory() const {
  return ring_.memory() + pending_.capacity();
}

}  // namespace sallyport
