// Expectations: flows that helpers have been told of, before their first packet.
//
// A packet of no flow takes the expectation that its tuple fits: it begins a flow that is RELATED
// to the one that was read, and the expectation is gone, whatever becomes of the packet, unless
// it is permanent. Found by destination, protocol and zone, which are always known exactly; source
// address and port are compared under masks. An expectation dies with its master.
//
// Discovery's windows (discovery/) are not these: a window stands for any number of answers from
// a link, is asked about ports and reasons, outlives its question's flow, and is remembered when
// it is over, to tell a late answer from a stray one. So they are two tables, asked one after the
// other.
//
// Of fixed size between two reserve(); the buckets' number is that of Linux. At the deadline an
// expectation is still good, a tick later it is not.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "conntrack/event.h"
#include "conntrack/flow.h"
#include "conntrack/helpers/helper.h"
#include "conntrack/table.h"

namespace sallyport {

struct Expectation {
  Expected expected;
  Zone zone;
  FlowId master;
  Tuple master_tuple;  // of its original direction
  const Helper* helper = nullptr;
  Tick expires = 0;
};

// As `conntrack -E expect` tells of it: NEW; DESTROY when it was fulfilled, gave way, or came to
// its end, or its master did.
struct ExpectationEvent {
  enum class Kind : uint8_t { kNew, kDestroy } kind = Kind::kNew;
  uint64_t sequence = 0;  // the first is 1
  Tick when = 0;
  Expectation expectation;
};

class Expectations {
 public:
  Expectations(const HashKey& key, const FlowTable& flows) : key_(key), flows_(flows) {}

  // Room for `more`, but not beyond `most` in all (nf_conntrack_expect_max); those that are over
  // make room. Allocates.
  void reserve(size_t more, size_t most, Tick now);
  size_t count() const { return count_; }
  size_t memory() const {
    return slots_.capacity() * sizeof(Slot) + sizeof buckets_ + events_.memory();
  }

  // Of its master's, an equal one gives way, and, if there are too many, the oldest. False: another
  // master's stands in the way, or the table is full.
  bool add(const Expectation& expectation, Tick now);
  // The one that a packet fulfils, which is gone then unless it is permanent.
  std::optional<Expectation> take(const Tuple& tuple, const Zone& zone, Tick now);
  void forget(FlowId master, Tick now);
  // Nobody listens until this is called. Allocates.
  void keep_events(size_t events) { events_.keep(events); }
  uint64_t listen() { return events_.join(); }
  void unlisten() { events_.leave(); }
  const EventRing<ExpectationEvent>& events() const { return events_; }

  // Every one that is alive, the oldest first.
  template <typename Visit>
  void each(Tick now, const Visit& visit) const {
    std::vector<const Slot*> alive;
    for (const Slot& slot : slots_) {
      if (slot.number && !is_over(slot.value, now)) alive.push_back(&slot);
    }
    std::ranges::sort(alive, {}, [](const Slot* slot) { return slot->number; });
    for (const Slot* slot : alive) visit(slot->value);
  }

 private:
  static constexpr size_t kBuckets = 1024;
  static constexpr uint32_t kNone = ~0u;

  struct Slot {
    Expectation value;
    uint64_t number = 0;    // in order of coming; 0: free
    uint32_t next = kNone;  // in the bucket, or free
    uint32_t next_of_master = kNone;
  };
  using Heads = std::array<uint32_t, kBuckets>;

  // At its deadline, or its master's, whether somebody has noticed or not.
  bool is_over(const Expectation& expectation, Tick now) const {
    FlowId master = expectation.master;
    return now > expectation.expires || !flows_.alive(master) ||
           now >= flows_[master.index].expires();
  }
  uint32_t& head_of(const Tuple& tuple);
  uint32_t& head_of(FlowId master) { return by_master_[master.index % kBuckets]; }
  void remove(uint32_t index, Tick when);
  void tell(ExpectationEvent::Kind kind, const Expectation& expectation, Tick when) {
    if (!events_.listening()) return;
    events_.add({.kind = kind, .when = when, .expectation = expectation});
  }

  static constexpr Heads none() {
    Heads heads{};
    heads.fill(kNone);
    return heads;
  }

  HashKey key_;
  const FlowTable& flows_;
  std::vector<Slot> slots_;
  Heads buckets_ = none();
  Heads by_master_ = none();
  uint32_t free_ = kNone;
  size_t count_ = 0;
  size_t most_ = 0;
  uint64_t last_ = 0;
  EventRing<ExpectationEvent> events_;
  Tick first_deadline_ = ~Tick{0};  // none ends before
};

}  // namespace sallyport
