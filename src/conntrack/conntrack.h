// Connection tracking: from a packet to its flow, and the packet's state.
//
// The life of a packet here is track(), then, if it was accepted, confirm(),
// else release(). A flow that track() creates is invisible to every other packet
// until confirm() (kernel-facts 1), while an existing flow has already been moved
// on by track(), whatever rules say later (kernel-facts 2).
//
// Packets are tracked strictly one after the other, and may be confirmed in any order: a verdict
// may come later than the next packet. A Lookahead only warms the cache for a burst and never
// changes an answer. Nothing on this path allocates: reserve() is called between bursts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/hash.h"
#include "conntrack/event.h"
#include "conntrack/flow.h"
#include "conntrack/knobs.h"
#include "packet/packet.h"

namespace sallyport {

class Discovery;
class Host;
class LabelNames;
class Labels;
struct Expectation;
struct ExpectationEvent;
struct FlowRecord;
struct Helper;

// What the raw table's CT target says of a packet before it is tracked.
struct TrackAs {
  Zone zone;
  const Helper* helper = nullptr;  // for the flow, if this packet begins it
};

// What track() found. The packet's fields (kCtState, kCtStatus, kCtDirection,
// kConnmark) say the same.
//
// Two answers have no state at all (kNone): with kTableFull Linux drops the packet
// here, before any further rule; with kNotInCapture the bytes to tell are missing
// from the capture. RELATED with kNotInCapture: discovery answers a question of which the
// capture has too little to tell that it was one.
struct Tracked {
  FlowId flow;  // none for INVALID and UNTRACKED
  CtInfo info = CtInfo::kNone;
  Direction direction = Direction::kOriginal;
  Reason reason = Reason::kNone;  // why it is INVALID, or why discovery did not let it be RELATED
  bool created = false;           // by this packet: confirm() or release() it
  uint16_t decision = 0;          // what the flow remembers of this direction: see remember()
};

// What follow() has found. It fits two registers.
struct Followed {
  const Flow* flow = nullptr;  // the one that was guessed: Packet::flow_guess; alive
  uint32_t is_reply = 0;
  uint32_t decision = 0;  // as in Tracked

  Direction direction() const { return static_cast<Direction>(is_reply); }
};

class Conntrack {
 public:
  // `discovery` may be null (--compat linux) and must outlive this.
  Conntrack(const Knobs& knobs, const HashKey& key, Discovery* discovery);
  ~Conntrack();
  // For helpers that ask what this host is; must outlive this.
  void know_host(const Host& host);
  // Rules may give flows a helper: from the next reserve() on there is room for expectations.
  void enable_extensions();

  // Makes room for `packets` new flows; also expires what is due: if that is very much, not all at
  // once, but nobody sees the rest. Between bursts.
  void reserve(size_t packets, Tick now);

  // The short way, of a packet of which Lookahead has guessed the flow: that flow is moved on as
  // track() does in zone 0, if it is the packet's, and the packet is what nearly all are; the
  // packet's fields do not say so yet. No flow: it is track()'s, and nothing has been changed.
  Followed follow(const Packet& packet, Tick now);
  // Of a packet that has followed a flow, what track() says. `tracked` is as new.
  void tell(Packet& packet, const Followed& followed, Tracked& tracked) const;
  // `tracked` is as new.
  void track(Packet& packet, const TrackAs& as, Tick now, Tracked& tracked);
  Tracked track(Packet& packet, const TrackAs& as, Tick now) {
    Tracked tracked;
    track(packet, as, now, tracked);
    return tracked;
  }
  // What track() has found of a packet of which this is a copy: nothing moves. kNone: its flow is
  // not there.
  Tracked recognize(Packet& packet, Tick now) const;
  // NOTRACK: the packet is UNTRACKED.
  Tracked untrack(Packet& packet);
  // The packet was accepted. kNone; or kNotInCapture, if a helper cannot tell what it means; or why
  // it is dropped here: a tuple of the flow that it created is another's, the table is full, or a
  // helper does not want it. A flow that it created is gone then.
  // Other packets may have been tracked since this one was: where one of them has begun the same
  // flow and was confirmed first, `tracked` is of that one's flow afterwards, or this one is
  // dropped, as the protocol is.
  Reason confirm(const Packet& packet, Tracked& tracked, Tick now);
  // The packet was dropped: a flow that it created is gone without a trace.
  void release(const Tracked& tracked);
  // A rule has answered a packet of this TCP flow with a reset: CLOSE, as if the reset had passed,
  // whatever becomes of the reset itself. A flow that is in CLOSE keeps its timer.
  void close(FlowId id, Tick now);

  // Ends it, as `conntrack -D` does, whatever packets of it are on their way. False: it is gone.
  bool end(FlowId id, Tick now);
  // Gives it so many seconds from now on, as `conntrack -U -t` does. False: it is gone.
  bool refresh(FlowId id, uint32_t seconds, Tick now);

  // Null if that flow is gone. The pointer is good until the next reserve().
  Flow* find(FlowId id);
  const Flow* find(FlowId id) const;
  // The flow that expected that one; none if it is gone, or none did.
  FlowId master(FlowId id) const;
  // The tuple of a live flow's packets in the reply direction: the inverse of its own, but with
  // NAT.
  Tuple reply_of(FlowId id) const;
  void set_connmark(FlowId id, uint32_t mark);
  // What its owner, the engine, knows of the flow's packets in a direction: a number, 0 at first,
  // which Tracked::decision tells. The flow is alive.
  void remember(FlowId id, Direction direction, uint16_t decision);
  void forget_decisions();  // of all flows
  Labels labels(FlowId id) const;
  void set_label(FlowId id, uint8_t label);
  // A lookup that changes nothing; a dead flow is not found.
  FlowId lookup(const Tuple& tuple, const Zone& zone, Tick now, Direction* direction) const;
  // Confirmed flows, as nf_conntrack_count. While reserve() is behind with flows that are over, it
  // looks at all of them.
  size_t count() const;
  // Every confirmed flow that is alive at `now`, in no particular order.
  void each(Tick now, const std::function<void(FlowId, const Flow&)>& visit) const;
  // The same of `count` places from `first` on (places()): a piece at a time.
  void each(uint32_t first, uint32_t count, Tick now,
            const std::function<void(FlowId, const Flow&)>& visit) const;

  // From now on the last `events` are kept for events_since(); before, nobody listens and
  // nothing is. Between bursts.
  void keep_events(size_t events);
  // One listener more, or fewer: as long as there is any, events are kept, as many as keep_events()
  // has said, or the most. The last event's number.
  uint64_t listen();
  void unlisten();
  bool listening() const;                      // somebody does
  const Helper* helper(FlowId id) const;       // that reads the flow; null: none
  const Helper* expected_by(FlowId id) const;  // of the flow that expected it; null: none
  // Every expectation that is alive at `now`, the oldest first.
  void each_expectation(Tick now, const std::function<void(const Expectation&)>& visit) const;

  // Events after the one numbered `sequence` (the first is 1), oldest first. Where the first
  // number is not sequence + 1, some were lost.
  std::span<const FlowEvent> events_since(uint64_t sequence, std::vector<FlowEvent>& storage) const;
  // One of them, where it is kept, until the next burst; null: it has not happened, or is kept no
  // more. And the number of the last one.
  const FlowEvent* event(uint64_t sequence) const;
  uint64_t last_event() const;

  // The same of expectations.
  void keep_expectation_events(size_t events);
  uint64_t listen_expectations();
  void unlisten_expectations();
  std::span<const ExpectationEvent> expectation_events_since(
      uint64_t sequence, std::vector<ExpectationEvent>& storage) const;

  // Adds the flows that `conntrack -L [-o extended,labels]` prints, their timeouts counted from
  // `now`, with the helpers that there are here, and with labels if their names are known. All or
  // nothing over the whole text.
  void load(std::string_view text, Tick now, Diagnostics& diagnostics,
            const LabelNames* names = nullptr);

  // For whoever keeps flows over a restart (flow_record.h). A flow lies in one place, a number
  // below places(), for as long as it lives. Calls visit(place, flow) for those of `count` places
  // from `first` on that have ever had one; null: there is no confirmed flow now.
  uint32_t places() const;
  using Visitor = std::function<void(uint32_t place, const Flow* flow)>;
  void look_through(uint32_t first, uint32_t count, const Visitor& visit) const;
  FlowRecord record(uint32_t place) const;  // of a flow that is there
  // Puts a flow back that was recorded, with `master`, if there is one. None: its time is over, or
  // there is another with its tuple. Between bursts.
  FlowId restore(const FlowRecord& record, FlowId master, Tick now);
  void restore(const Expectation& expectation, Tick now);  // of a master that is there

  const Knobs& knobs() const;
  // As writing to /proc/sys: flows keep the timers that they have. nf_conntrack_acct stays as it
  // was.
  void change_knobs(const Knobs& knobs);
  size_t memory() const;  // bytes held for flows and index
  // Packets and bytes of a flow; nothing without nf_conntrack_acct.
  std::optional<FlowCounters> counters(FlowId id) const;

 private:
  friend class Lookahead;
  struct State;
  std::unique_ptr<State> state_;
};

// What the packets of a burst will need is asked for some packets ahead of the one that is tracked,
// so that memory is as busy as the processor: first a packet's bucket, for which it is hashed and,
// if it is plain and has an `in`, summed; then the entries that the bucket suggests, the first of
// which is guessed to be its flow; or the further bucket, and then what that suggests. Optional.
//
// The distances are those with which a million flows took least: a trip to memory, and through the
// page tables, takes as long as some ten packets do, and what has come must not push out of the
// first cache what has come just before.
class Lookahead {
 public:
  // The packets have been parsed.
  Lookahead(const Conntrack& conntrack, std::span<Packet> packets);

  // Before the first packet is tracked, and then once every kStride packets.
  void advance();
  static constexpr ptrdiff_t kStride = 8;

 private:
  static constexpr ptrdiff_t kBuckets = 32, kEntries = 16;  // ahead
  struct Range {
    size_t begin, end;
  };
  Range ahead(ptrdiff_t distance) const;
  template <Family kFamily>
  [[gnu::always_inline]] uint64_t hash_plain(Packet& packet) const;
  void hash(Range range);
  void guess(Range range);

  const Conntrack::State& conntrack_;
  std::span<Packet> packets_;
  ptrdiff_t at_ = -kBuckets;                  // the packet to be tracked next
  bool further_ = false;                      // some places are further buckets
  std::array<const void*, kBuckets> places_;  // where to look: FlowTable::Place
};

}  // namespace sallyport
