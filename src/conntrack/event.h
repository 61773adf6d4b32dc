// What happens to flows, in order: what `conntrack -E` prints, and what anything that follows
// the table reads.
//
// When Linux tells of what (seen on Linux 6.18 with `conntrack -E`): NEW when the flow is
// confirmed; UPDATE when a packet of the flow leaves, accepted, after the flow has changed in one
// of the ways that FlowEvent::Change names, DESTROY at once. What a packet changed that was dropped
// in the end is told by the next one that is not.
//
// Nobody listens until keep() is called, and then nothing is noted and nothing kept: the packet
// path asks one question that always has the same answer. A listener pays a byte a flow for
// changes not told yet, and kMost events at most, some 16 MB.
//
// Expectations have events of their own, as they have for conntrack (`-E expect`).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "conntrack/flow.h"
#include "conntrack/flow_extension.h"

namespace sallyport {

struct FlowEvent {
  enum class Kind : uint8_t { kNew, kUpdate, kDestroy } kind = Kind::kNew;
  enum class Why : uint8_t {
    kPacket,
    kTimeout,
    kReopened,
    kReset,
    kEarlyDrop,
    kFlushed
  } why = Why::kPacket;
  // Of an UPDATE, one or several. Linux prints the TCP state only where it has changed.
  enum Change : uint8_t {
    kReply = 1,     // the first packet of the other direction
    kAssured = 2,   // [ASSURED]
    kProtocol = 4,  // the state of TCP or SCTP
    kMark = 8,
    kLabels = 16
  };
  uint8_t changes = 0;
  uint64_t sequence = 0;  // the first is 1
  Tick when = 0;
  FlowId id;
  // Copies, as the flow may be gone when the event is read.
  FlowCopy flow;
  Tuple reply;
  bool counted = false;  // nf_conntrack_acct
  FlowCounters counters;
  std::string_view helper;  // empty: none
  Labels labels;
};

// The last so many events, numbered from 1.
template <typename Event>
class EventRing {
 public:
  static constexpr size_t kMost = 65536;

  // From now on the last `events`, at most kMost, are kept. Allocates.
  void keep(size_t events) {
    ring_.assign(std::clamp<size_t>(events, 1, kMost), {});
    last_ = 0;
    if (!std::exchange(kept_, true)) listeners_++;
  }
  // One listener more, or fewer: as long as there is any, the ring that there is, or else the
  // largest, is filled. The last event's number. The memory stays for the next one: 20 MB that
  // come and go would leave holes.
  uint64_t join() {
    if (ring_.empty()) ring_.resize(kMost);
    listeners_++;
    return last_;
  }
  void leave() { listeners_--; }
  bool listening() const { return listeners_ > 0; }
  size_t memory() const { return ring_.capacity() * sizeof(Event); }

  // Numbers the event and keeps it. Only while listening().
  void add(const Event& event) {
    Event& place = ring_[last_ % ring_.size()];
    place = event;
    place.sequence = ++last_;
  }
  // Those after the one numbered `sequence`, oldest first.
  std::span<const Event> since(uint64_t sequence, std::vector<Event>& storage) const {
    storage.clear();
    uint64_t lost = last_ - std::min<uint64_t>(last_, ring_.size());
    for (uint64_t i = std::max(sequence, lost); i < last_; i++) {
      storage.push_back(ring_[i % ring_.size()]);
    }
    return storage;
  }

  uint64_t last() const { return last_; }
  // Null: it has not happened yet, or is kept no more.
  const Event* at(uint64_t sequence) const {
    const bool kept = sequence > 0 && sequence <= last_ && last_ - sequence < ring_.size();
    return kept ? &ring_[(sequence - 1) % ring_.size()] : nullptr;
  }

 private:
  std::vector<Event> ring_;
  uint64_t last_ = 0;     // sequence number
  size_t listeners_ = 0;  // who keeps is one that stays
  bool kept_ = false;
};

class EventLog {
 public:
  static constexpr size_t kMost = EventRing<FlowEvent>::kMost;

  // From now on the last `events`, at most kMost, are kept. Allocates.
  void keep(size_t events);
  // The same for one listener more, or fewer: as long as there is any. The last event's number.
  uint64_t join();
  void leave() { ring_.leave(); }
  bool listening() const { return ring_.listening(); }
  // Room for flows with indices below `flows`. Allocates if somebody listens.
  void resize(size_t flows);
  size_t memory() const;

  // A flow has changed; take() says how since it was last called, and forgets it.
  void note(uint32_t index, uint32_t changes) {
    if (listening()) pending_[index] = static_cast<uint8_t>(pending_[index] | changes);
  }
  uint8_t take(uint32_t index) { return std::exchange(pending_[index], uint8_t{0}); }

  void add(const FlowEvent& event) { ring_.add(event); }
  std::span<const FlowEvent> since(uint64_t sequence, std::vector<FlowEvent>& storage) const {
    return ring_.since(sequence, storage);
  }
  uint64_t last() const { return ring_.last(); }
  const FlowEvent* at(uint64_t sequence) const { return ring_.at(sequence); }

 private:
  EventRing<FlowEvent> ring_;
  std::vector<uint8_t> pending_;  // by index
  size_t flows_ = 0;
};

}  // namespace sallyport
