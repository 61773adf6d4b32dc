// The way of a packet through connection tracking.
//
// track(): sound? -> tuple -> flow, or a new one -> the tracker's step -> state.
// An existing flow is changed at once and stays changed whatever rules say of the
// packet; a new one lies in its entry, outside the index, until confirm().
//
// A flow that ends while packets are in flight is taken out of the index but its
// entry stays readable until reserve(), so a rule may still ask about the flow of
// the RST that ended it. Deadlines are looked at twice: a lookup does not find a dead
// flow, and reserve() lets the wheel bring up those that nobody asks for: a limited number at a
// time, so that no burst waits for a million. Those that are due and still there are nowhere to be
// seen.
#include "conntrack/conntrack.h"

#include <algorithm>
#include <optional>

#include "conntrack/conntrack_text.h"
#include "conntrack/discovery/discovery.h"
#include "conntrack/expectation.h"
#include "conntrack/flow_extension.h"
#include "conntrack/flow_record.h"
#include "conntrack/helpers/helper.h"
#include "conntrack/table.h"
#include "conntrack/timer_wheel.h"
#include "conntrack/trackers/icmp_error.h"
#include "conntrack/trackers/sctp.h"
#include "conntrack/trackers/tcp_established.h"
#include "conntrack/trackers/tracker.h"
#include "conntrack/trackers/udp.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

// The kernel counts a timeout in ticks of 32 bits, and stops at half of them.
constexpr uint64_t kLongestTimeout = 0x7fffffff;
// When the table is full, so many flows near the new one's place are looked at for one to
// give up; they are far apart only in a table that is nearly empty.
constexpr size_t kEarlyDropFlows = 16;
constexpr size_t kEarlyDropBuckets = 64;
// How old a flow from a listing is taken to be where the listing does not say: past UDP's two
// seconds.
constexpr uint32_t kAdoptedAge = 3;  // seconds
// Timers that one reserve() looks at, beside twice as many as it makes room for: some 100 us.
constexpr size_t kExpiredAtOnce = 512;
constexpr size_t kAll = ~size_t{0};
// Flows of a listing for which room is made at a time.
constexpr size_t kLoadedAtOnce = 256;

// Whether a packet passes that has begun the same flow as one that was confirmed before it: not
// where a protocol's own state would miss it (tests/kernel/clash.py).
bool may_join(uint8_t protocol) {
  switch (protocol) {
    case protocol::kTcp:
    case protocol::kSctp:
    case protocol::kIcmp:
    case protocol::kIcmpv6: return false;
    default: return true;
  }
}

// RFC 4890's list of what ICMPv6 does for the link itself: kernel-facts 34.
bool is_untracked_icmpv6(uint32_t type) {
  return (type >= 130 && type <= 136) || type == 143 || type == 151 || type == 152;
}

// Of a flow whose line does not say: it is offloaded, so it is alive, and without a deadline there.
uint32_t usual_timeout(uint8_t protocol, const Knobs& knobs) {
  switch (protocol) {
    case protocol::kTcp: return knobs.tcp_timeout_established;
    case protocol::kUdp: return knobs.udp_timeout_stream;
    case protocol::kSctp: return knobs.sctp_timeout_established;
    default: return knobs.generic_timeout;
  }
}

// The protocol's state, for who wants to know whether it has changed.
uint8_t state_of(const Flow& flow) {
  switch (flow.protocol()) {
    case protocol::kTcp: return static_cast<uint8_t>(flow.tcp().state);
    case protocol::kSctp: return static_cast<uint8_t>(flow.sctp().state);
    default: return 0;
  }
}

// What rules may ask of a packet that has been tracked.
void describe(Packet& packet, const Tracked& tracked, const Flow* flow) {
  packet.fields[Field::kCtState] = tracked.info == CtInfo::kNone ? 0 : ct_state_bit(tracked.info);
  packet.fields[Field::kCtDirection] = static_cast<uint32_t>(tracked.direction);
  packet.fields[Field::kCtStatus] = flow ? flow->status : 0;
  packet.fields[Field::kConnmark] = flow ? flow->connmark : 0;
}

// `tracked` is as new.
void leave_without_flow(Tracked& tracked, CtInfo info, Reason reason) {
  tracked.info = reason == Reason::kNotInCapture ? CtInfo::kNone : info;
  tracked.reason = reason;
}

}  // namespace

struct Conntrack::State {
  State(const Knobs& wanted, const HashKey& key, Discovery* to_ask)
      : knobs(wanted), table(key), discovery(to_ask), expectations(key, table) {}

  FlowId id_of(uint32_t index) const { return {index, table[index].generation}; }

  void emit(FlowEvent::Kind kind, FlowEvent::Why why, uint32_t index, Tick when,
            uint8_t changes = 0) {
    if (!events.listening()) [[likely]]
      return;
    record(kind, why, index, when, changes);
  }
  // The same, while somebody listens.
  [[gnu::noinline]] void record(FlowEvent::Kind kind, FlowEvent::Why why, uint32_t index, Tick when,
                                uint8_t changes) {
    events.add({.kind = kind,
                .why = why,
                .changes = changes,
                .when = when,
                .id = id_of(index),
                .flow = FlowCopy(table[index]),
                .reply = table.reply_of(index),
                .counted = knobs.acct != 0,
                .counters = knobs.acct ? counters(index) : FlowCounters{},
                .helper = helper_name(index),
                .labels = labels(index)});
  }

  FlowExtension* extension(uint32_t index) { return extensions.find(index, table[index]); }
  const FlowExtension* extension(uint32_t index) const {
    return extensions.find(index, table[index]);
  }

  std::string_view helper_name(uint32_t index) const {
    const FlowExtension* extension = this->extension(index);
    return extension && extension->helper ? extension->helper->name : std::string_view();
  }

  Labels labels(uint32_t index) const {
    const FlowExtension* extension = this->extension(index);
    return extension ? extension->labels : Labels();
  }

  FlowCounters counters(uint32_t index) const;
  void set_counters(uint32_t index, const FlowCounters& counters);

  void set_timeout(Flow& flow, uint64_t seconds) {
    flow.timeout = static_cast<uint32_t>(std::min(ticks(seconds), kLongestTimeout));
  }
  // The flow's deadline is as far from now as its timeout says.
  [[gnu::always_inline]] void start_timer(Flow& flow, uint32_t index, Tick now) {
    Tick before = flow.expires();
    Tick deadline = now + flow.timeout;
    flow.expire_at(deadline);
    if (deadline < before) file_anew(index, deadline);
  }
  [[gnu::cold, gnu::noinline]] void file_anew(uint32_t index, Tick deadline) {
    wheel.remove(index);
    wheel.add(index, deadline);
  }

  void release(uint32_t index) {
    extensions.release(index, table[index]);
    table.release(index);
  }

  // A confirmed flow ends. Its entry stays until reserve().
  void destroy(uint32_t index, FlowEvent::Why why, Tick when) {
    wheel.remove(index);
    unlink(index, why, when);
    table.push_dying(index, graveyard);
    graveyard = index;
  }

  void unlink(uint32_t index, FlowEvent::Why why, Tick when) {
    table.erase(index);
    if (expectations.count() != 0) expectations.forget(id_of(index), when);
    table[index].status |= ct_status::kDying;
    count--;
    emit(FlowEvent::Kind::kDestroy, why, index, when);
  }

  // What `find` has found, if it is alive; the dead in its place are destroyed.
  template <typename Find>
  FlowTable::Found alive(FlowTable::Found found, Tick now, Find find) {
    while (found.index && now >= table[found.index].expires()) {
      destroy(found.index, FlowEvent::Why::kTimeout, table[found.index].expires());
      found = find();
    }
    return found;
  }
  template <typename Find>
  FlowTable::Found alive(Tick now, Find find) {
    return alive(find(), now, find);
  }
  FlowTable::Found find_alive(const Tuple& tuple, const Zone& zone, Tick now) {
    return alive(now, [&] { return table.find(tuple, zone); });
  }
  // The flow that has one of this new one's tuples; 0: none has.
  uint32_t find_clash(uint32_t index, Tick now) {
    return alive(now, [&] { return table.find_clash(index); }).index;
  }
  // Whether the packets of both flows are the same, from whichever side each was begun.
  bool are_one(uint32_t a, uint32_t b) const;
  // A new flow becomes visible, or is gone: kNone, or why its packet is dropped.
  [[gnu::always_inline]] Reason settle(const Packet& packet, Flow& flow, Tracked& tracked,
                                       uint32_t told, Tick now);
  Reason settle_clash(const Packet& packet, Tracked& tracked, uint32_t first, Tick now);

  // nf_conntrack_max: gives up a flow that is not ASSURED, in the neighbourhood of the new one.
  bool make_room(const Tuple& tuple, const Zone& zone, Tick now) {
    if (!knobs.max || count < knobs.max) return true;
    while (overdue && count >= knobs.max) expire(reserved_at, 1);
    if (count < knobs.max) return true;
    uint32_t victim = 0;
    size_t looked_at = 0;
    table.near(table.hash(tuple, zone.in(Direction::kOriginal)), kEarlyDropBuckets,
               [&](uint32_t index) {
                 const Flow& flow = table[index];
                 if (flow.status & ct_status::kAssured && now < flow.expires()) {
                   return ++looked_at == kEarlyDropFlows;
                 }
                 victim = index;
                 return true;
               });
    if (!victim) return false;
    destroy(victim, FlowEvent::Why::kEarlyDrop, now);
    return true;
  }

  // All of these fill in a `tracked` that is as new.
  void track(Packet& packet, const TrackAs& as, Tick now, Tracked& tracked);
  void track_plain(Packet& packet, const TrackAs& as, Tick now, Tracked& tracked);
  void track_icmp_error(Packet& packet, const Zone& zone, Tick now, Tracked& tracked);
  void leave_unsound(const Packet& packet, Reason why, const Zone& zone, Tick now,
                     Tracked& tracked);
  void begin(Packet& packet, const Tuple& tuple, const FlowKey& key, const TrackAs& as, Tick now,
             Tracked& tracked);
  // A new flow is one that was expected: of a helper, or an answer to discovery. The reason is
  // discovery's.
  bool is_expected(uint32_t index, Tick now);
  Reason is_answer(const Packet& packet, uint32_t index, Tick now);
  void spend_expectation(const Packet& packet, const Zone& zone, Tick now);
  // The helper reads an accepted packet. kNone, or what confirm() says.
  Reason help(const Packet& packet, const Tracked& tracked, Tick now);
  // False if the packet begins another flow with the same tuple.
  bool go_on(Packet& packet, uint32_t index, Direction direction, Tick now, Tracked& tracked);
  // What a packet that its flow accepts does to it, its tracker having said `step`. `moved`: the
  // flow has another state of its protocol now.
  [[gnu::always_inline]] void move_on(const Step& step, bool moved, const Packet& packet,
                                      Flow& flow, FlowTable::Found found, Tick now);
  // The timer is set anew, unless the flow has one that is not.
  [[gnu::always_inline]] void refresh(Flow& flow, uint32_t index, uint64_t seconds, Tick now) {
    if (flow.status & ct_status::kFixedTimeout) [[unlikely]]
      return;
    set_timeout(flow, seconds);
    start_timer(flow, index, now);
  }
  // A packet of this flow, as follow() has it.
  [[gnu::noinline]] Followed follow_udp(const Packet& packet, Flow& flow, Direction direction,
                                        Tick now);
  [[gnu::noinline]] Followed follow_tcp(const Packet& packet, Flow& flow, Direction direction,
                                        Tick now);
  // A flow from elsewhere. Where there is one with its tuple already, that one stays.
  void adopt(const FlowLine& line, Tick now);
  // `told` is the timeout that its event has, in ticks.
  [[gnu::always_inline]] void insert(uint32_t index, Flow& flow, uint32_t told, Tick now);
  [[gnu::always_inline]] void account(Flow& flow, uint32_t index, Direction direction,
                                      const Packet& packet) {
    if (!knobs.acct || !flow.count(direction, packet.length)) [[likely]]
      return;
    carry(index, direction, packet.length);
  }
  [[gnu::cold]] void carry(uint32_t index, Direction direction, uint32_t length);

  // Flows whose time has come by `now` end, at most so many.
  void expire(Tick now, size_t most);
  // Overdue flows are still in the table, but for nobody to see.
  bool is_over(const Flow& flow) const {
    return overdue && reserved_at >= flow.expires() &&
           (flow.status & (ct_status::kConfirmed | ct_status::kDying)) == ct_status::kConfirmed;
  }
  Flow* find(FlowId id) {
    if (!table.alive(id)) return nullptr;
    Flow& flow = table[id.index];
    return is_over(flow) ? nullptr : &flow;
  }
  void reserve(size_t packets, size_t records, Tick now);

  Knobs knobs;
  FlowTable table;
  Discovery* discovery;
  TimerWheel wheel;
  size_t count = 0;
  uint32_t begun = 0;       // the last new flow, and
  uint64_t insertions = 0;  // how many others had been confirmed by then
  uint32_t graveyard = 0;   // the last of those that ended since the last reserve(), a list
  Tick reserved_at = 0;     // the time of that
  bool overdue = false;     // it has left flows that are over
  bool extended = false;    // rules may give flows a helper or labels
  EventLog events;
  FlowExtensions extensions;
  Expectations expectations;
  const Host* host = nullptr;
};

void Conntrack::State::track(Packet& packet, const TrackAs& as, Tick now, Tracked& tracked) {
  const Zone& zone = as.zone;
  // A first fragment that goes on alone (IPv6) is a packet like others, if a short one.
  if (packet.fragment_offset > 0) {
    return leave_without_flow(tracked, CtInfo::kInvalid, Reason::kInvalidFragment);
  }
  uint8_t protocol = packet.protocol();
  if (protocol == protocol::kIcmp || protocol == protocol::kIcmpv6) {
    if (Reason why = need(packet, 1, Reason::kInvalidShort); why != Reason::kNone) {
      return leave_without_flow(tracked, CtInfo::kInvalid, why);
    }
    uint32_t type = packet.fields[Field::kIcmpType];
    if (protocol == protocol::kIcmpv6 && is_untracked_icmpv6(type)) {
      Reason why = check(packet, knobs);
      return leave_without_flow(tracked,
                                why == Reason::kNone ? CtInfo::kUntracked : CtInfo::kInvalid, why);
    }
    if (is_icmp_error(packet.family, type)) return track_icmp_error(packet, zone, now, tracked);
  }
  if (Reason why = check(packet, knobs); why != Reason::kNone) {
    return leave_unsound(packet, why, zone, now, tracked);
  }
  Tuple tuple;
  if (Reason why = tuple_of(packet, tuple); why != Reason::kNone) {
    return leave_without_flow(tracked, CtInfo::kInvalid, why);
  }
  const FlowTable::Found found = find_alive(tuple, zone, now);
  if (found.index && go_on(packet, found.index, found.direction, now, tracked)) return;
  begin(packet, tuple, FlowKey(tuple, zone), as, now, tracked);
}

// The same of a plain packet in zone 0, of which it has been reckoned what to look for (Lookahead).
void Conntrack::State::track_plain(Packet& packet, const TrackAs& as, Tick now, Tracked& tracked) {
  const bool is_udp = packet.protocol() == protocol::kUdp;
  const Reason why = is_udp ? check_udp(packet, knobs) : check_tcp(packet, knobs);
  if (why != Reason::kNone) [[unlikely]]
    return leave_unsound(packet, why, as.zone, now, tracked);
  const Tuple tuple = tuple_with_ports(packet);
  const FlowKey key(packet.flow_words);
  auto find = [&] { return table.find(tuple, key, packet.flow_hash); };
  if (FlowTable::Found found = find(); found.index) [[unlikely]] {
    found = alive(found, now, find);
    if (found.index && go_on(packet, found.index, found.direction, now, tracked)) return;
  }
  begin(packet, tuple, key, as, now, tracked);
}

void Conntrack::State::leave_unsound(const Packet& packet, Reason why, const Zone& zone, Tick now,
                                     Tracked& tracked) {
  if (expectations.count() != 0) spend_expectation(packet, zone, now);
  leave_without_flow(tracked, CtInfo::kInvalid, why);
}

// A packet without a flow takes what expects it, as it would begin one, though it is INVALID.
void Conntrack::State::spend_expectation(const Packet& packet, const Zone& zone, Tick now) {
  Tuple tuple;
  if (tuple_of(packet, tuple) != Reason::kNone || find_alive(tuple, zone, now).index) return;
  expectations.take(tuple, zone, now);
}

// The flow that an error is about is neither moved nor refreshed (kernel-facts 4).
void Conntrack::State::track_icmp_error(Packet& packet, const Zone& zone, Tick now,
                                        Tracked& tracked) {
  Tuple answer;
  Reason why = quoted_answer(packet, knobs, answer);
  if (why != Reason::kNone) return leave_without_flow(tracked, CtInfo::kInvalid, why);
  FlowTable::Found found = find_alive(answer, zone, now);
  if (!found.index) return leave_without_flow(tracked, CtInfo::kInvalid, Reason::kInvalidIcmpError);
  tracked.flow = id_of(found.index);
  tracked.info = CtInfo::kRelated;
  tracked.direction = found.direction;
}

inline void Conntrack::State::move_on(const Step& step, bool moved, const Packet& packet,
                                      Flow& flow, FlowTable::Found found, Tick now) {
  // Linux counts where it sets the timer: not a packet that passes without moving anything.
  if (!step.keep_timer) [[likely]]
    account(flow, found.index, found.direction, packet);
  if (step.kind == Step::Kind::kReset) [[unlikely]] {
    destroy(found.index, FlowEvent::Why::kReset, now);  // told with the status that it had
  } else if (!step.keep_timer) [[likely]] {
    refresh(flow, found.index, step.seconds, now);
  }
  const uint32_t reply = found.direction == Direction::kReply ? ct_status::kSeenReply : 0;
  const uint32_t added = reply | (step.assured ? ct_status::kAssured : 0);
  const uint32_t fresh = added & ~uint32_t{flow.status};
  if (!fresh && !moved) [[likely]]
    return;
  flow.status = static_cast<uint16_t>(flow.status | added);
  events.note(found.index, (fresh & ct_status::kSeenReply ? FlowEvent::kReply : 0) |
                               (fresh & ct_status::kAssured ? FlowEvent::kAssured : 0) |
                               (moved ? FlowEvent::kProtocol : 0));
}

bool Conntrack::State::go_on(Packet& packet, uint32_t index, Direction direction, Tick now,
                             Tracked& tracked) {
  Flow& flow = table[index];
  const uint8_t state = state_of(flow);
  const Step step = move(flow, {packet, direction, now, knobs});
  switch (step.kind) {
    case Step::Kind::kInvalid:
      if (flow.expires() > now + ticks(step.at_most)) {
        set_timeout(flow, step.at_most);
        start_timer(flow, index, now);
      }
      leave_without_flow(tracked, CtInfo::kInvalid, step.reason);
      return true;
    case Step::Kind::kReopen: destroy(index, FlowEvent::Why::kReopened, now); return false;
    case Step::Kind::kAccept:
    case Step::Kind::kReset: break;
  }
  tracked.decision = flow.decision(direction);  // while it is not dying
  move_on(step, state_of(flow) != state, packet, flow, {index, direction}, now);
  tracked.flow = {index, flow.generation};
  tracked.direction = direction;
  tracked.info = info_of(flow);
  return true;
}

void Conntrack::State::begin(Packet& packet, const Tuple& tuple, const FlowKey& key,
                             const TrackAs& as, Tick now, Tracked& tracked) {
  uint32_t index = make_room(tuple, as.zone, now) ? table.allocate(tuple, key) : 0;
  if (!index) return leave_without_flow(tracked, CtInfo::kNone, Reason::kTableFull);
  Flow& flow = table[index];
  flow.created = static_cast<uint32_t>(now);
  // The expectation is gone even if the packet turns out to be INVALID.
  bool expected = expectations.count() != 0 && is_expected(index, now);
  const bool is_udp = key.protocol() == protocol::kUdp;
  const Step step =
      is_udp ? open_udp(knobs) : open(flow, {packet, Direction::kOriginal, now, knobs});
  if (step.kind != Step::Kind::kAccept) {
    release(index);
    return leave_without_flow(tracked, CtInfo::kInvalid, step.reason);
  }
  set_timeout(flow, step.seconds);
  if (!expected && as.helper) {
    if (FlowExtension* extension = extensions.get(index, flow)) {
      extension->helper = as.helper;
      flow.status |= ct_status::kHelper;
    }
  }
  if (!expected && discovery && packet.in && discovery->may_know(packet, now)) {
    tracked.reason = is_answer(packet, index, now);
  }
  account(flow, index, Direction::kOriginal, packet);
  begun = index;
  insertions = table.insertions();
  tracked.flow = {index, flow.generation};
  tracked.created = true;
  tracked.info = info_of(flow);
}

bool Conntrack::State::is_expected(uint32_t index, Tick now) {
  Flow& flow = table[index];
  std::optional<Expectation> expectation = expectations.take(flow.tuple(), flow.zone(), now);
  if (!expectation) return false;
  flow.status |= ct_status::kExpected;
  FlowId master = expectation->master;
  if (const Flow* of = find(master)) flow.connmark = of->connmark;
  if (FlowExtension* extension = extensions.get(index, flow)) {
    extension->master = master;
    extension->expected_by = expectation->helper;
  }
  return true;
}

Reason Conntrack::State::is_answer(const Packet& packet, uint32_t index, Tick now) {
  Flow& flow = table[index];
  Discovery::Answer answer = discovery->received(packet, now);
  if (answer.related) {
    flow.status |= ct_status::kExpected;
    if (FlowExtension* extension = extensions.get(index, flow)) extension->master = answer.master;
    // An answer's flow ends with its window: who has answered once must not keep the
    // port open by talking on. If the host talks back, that is a flow of its own then.
    if (answer.until != 0) {
      flow.status |= ct_status::kFixedTimeout;
      flow.timeout = static_cast<uint32_t>(answer.until - now);
    }
  }
  return answer.assumed ? Reason::kNotInCapture : answer.refused;
}

Reason Conntrack::State::help(const Packet& packet, const Tracked& tracked, Tick now) {
  uint32_t index = tracked.flow.index;
  Flow& flow = table[index];
  FlowExtension* extension = extensions.find(index, flow);
  bool reads = extension && extension->helper && !(flow.status & ct_status::kDying);
  if (!reads) return Reason::kNone;
  const Helper& helper = *extension->helper;
  uint32_t start = packet.transport;
  uint32_t sequence = 0;
  if (const TcpHeader* tcp = packet.header<TcpHeader>(start);
      tcp && helper.protocol == protocol::kTcp) {
    sequence = tcp->seq + (tcp->flags & tcp_flag::kSyn ? 1 : 0);
    start += tcp->header_length();
  } else {
    start += uint32_t{sizeof(UdpHeader)};
  }
  start = std::min(start, packet.length);
  uint32_t held = std::clamp(packet.captured, start, packet.length) - start;
  HelperAnswer answer =
      helper.read({.packet = packet,
                   .payload = {reinterpret_cast<const char*>(packet.data) + start, held},
                   .whole = held == packet.length - start,
                   .sequence = sequence,
                   .tuple = flow.tuple(),
                   .direction = tracked.direction,
                   .established = tracked.info == CtInfo::kEstablished,
                   .host = host},
                  extension->memory);
  switch (answer.kind) {
    case HelperAnswer::Kind::kNothing: return Reason::kNone;
    case HelperAnswer::Kind::kDrop: return Reason::kHelperDrop;
    case HelperAnswer::Kind::kUnknown: return Reason::kNotInCapture;
    case HelperAnswer::Kind::kExpect: break;
  }
  bool added = expectations.add({.expected = answer.expected,
                                 .zone = flow.zone(),
                                 .master = tracked.flow,
                                 .master_tuple = flow.tuple(),
                                 .helper = &helper,
                                 .expires = now + ticks(helper.seconds)},
                                now);
  if (!added && helper.drops_refused) return Reason::kHelperDrop;
  if (helper.master_seconds != 0) {
    set_timeout(flow, helper.master_seconds);
    if (flow.status & ct_status::kConfirmed) start_timer(flow, index, now);
  }
  return Reason::kNone;
}

inline void Conntrack::State::insert(uint32_t index, Flow& flow, uint32_t told, Tick now) {
  flow.status |= ct_status::kConfirmed;
  count++;
  if (events.listening()) [[unlikely]] {
    events.take(index);
    flow.expire_at(now + told);
    record(FlowEvent::Kind::kNew, FlowEvent::Why::kPacket, index, now, 0);
  }
  flow.expire_at(now + flow.timeout);
  wheel.add(index, flow.expires());
}

// Which counters have begun anew: of packets, if it is 0 now; of bytes, if it is less than what the
// packet added.
void Conntrack::State::carry(uint32_t index, Direction direction, uint32_t length) {
  auto at = static_cast<size_t>(direction);
  FlowCounters counted = table[index].counted();
  FlowExtension* extension = extensions.get(index, table[index]);
  if (!extension) return;  // reserve() has made room for one a packet
  extension->packets_carried[at] += counted.packets[at] == 0;
  extension->bytes_carried[at] += counted.bytes[at] < length;
}

FlowCounters Conntrack::State::counters(uint32_t index) const {
  FlowCounters counters = table[index].counted();
  const FlowExtension* extension = this->extension(index);
  for (size_t at = 0; extension && at < 2; at++) {
    counters.packets[at] += uint64_t{extension->packets_carried[at]} << Flow::kPacketsBits;
    counters.bytes[at] += uint64_t{extension->bytes_carried[at]} << Flow::kBytesBits;
  }
  return counters;
}

void Conntrack::State::set_counters(uint32_t index, const FlowCounters& counters) {
  Flow& flow = table[index];
  flow.set_counted(counters);
  for (size_t at = 0; at < 2; at++) {
    auto packets = static_cast<uint32_t>(counters.packets[at] >> Flow::kPacketsBits);
    auto bytes = static_cast<uint32_t>(counters.bytes[at] >> Flow::kBytesBits);
    if (!packets && !bytes) continue;
    FlowExtension& extension = *extensions.get(index, flow);  // load() has made room
    extension.packets_carried[at] = packets;
    extension.bytes_carried[at] = bytes;
  }
}

bool Conntrack::State::are_one(uint32_t a, uint32_t b) const {
  const Flow& one = table[a];
  const Flow& other = table[b];
  Tuple reply = table.reply_of(b);
  Direction same = one.tuple() == other.tuple() ? Direction::kOriginal : Direction::kReply;
  bool tuples = same == Direction::kOriginal
                    ? table.reply_of(a) == reply
                    : one.tuple() == reply && table.reply_of(a) == other.tuple();
  return tuples && one.zone().in(Direction::kOriginal) == other.zone().in(same) &&
         one.zone().in(Direction::kReply) == other.zone().in(opposite(same));
}

inline Reason Conntrack::State::settle(const Packet& packet, Flow& flow, Tracked& tracked,
                                       uint32_t told, Tick now) {
  const uint32_t index = tracked.flow.index;
  const bool searched = begun == index && insertions == table.insertions();
  const bool is_clear = searched && table.has_one_answer(flow);
  const uint32_t first = is_clear ? 0 : find_clash(index, now);
  if (first || !table.insert(index, packet.flow_hash)) [[unlikely]]
    return settle_clash(packet, tracked, first, now);
  insert(index, flow, told, now);
  return Reason::kNone;
}

// With `first`, or 0: the index has no room.
Reason Conntrack::State::settle_clash(const Packet& packet, Tracked& tracked, uint32_t first,
                                      Tick now) {
  const uint32_t index = tracked.flow.index;
  bool joins = first && may_join(table[index].protocol()) && are_one(index, first);
  if (expectations.count() != 0) expectations.forget(tracked.flow, now);
  release(index);
  if (!joins) return first ? Reason::kInsertFailed : Reason::kTableFull;
  account(table[first], first, Direction::kOriginal, packet);  // whichever way it goes
  tracked.flow = id_of(first);
  return Reason::kNone;
}

void Conntrack::State::adopt(const FlowLine& line, Tick now) {
  if (find_alive(line.tuple, line.zone, now).index) return;
  if (find_alive(line.reply, line.zone, now).index) return;
  uint32_t index = table.allocate(line.tuple, line.zone);
  if (!index) return;
  Flow& flow = table[index];
  flow.status = static_cast<uint16_t>(line.status & ~ct_status::kExtended);
  flow.connmark = line.connmark;
  flow.created = static_cast<uint32_t>(now - ticks(line.age.value_or(kAdoptedAge)));
  if (line.reply != invert(line.tuple)) table.set_reply(index, line.reply);
  if (line.tuple.protocol == protocol::kTcp) tcp::adopt(flow, line.tcp_state);
  if (line.tuple.protocol == protocol::kSctp) sctp::adopt(flow, line.sctp_state);
  set_timeout(flow, line.timeout.value_or(usual_timeout(line.tuple.protocol, knobs)));
  if (knobs.acct && line.counters) set_counters(index, *line.counters);
  const Helper* helper = find_helper(line.helper, line.tuple.protocol, line.tuple.family);
  if (helper || line.labels.any()) {
    FlowExtension& extension = *extensions.get(index, flow);  // load() has made room
    extension.helper = helper;
    extension.labels = line.labels;
    if (helper) flow.status |= ct_status::kHelper;
  }
  if (table.insert(index)) {
    insert(index, flow, flow.timeout, now);
  } else {
    release(index);
  }
}

Conntrack::Conntrack(const Knobs& knobs, const HashKey& key, Discovery* discovery)
    : state_(std::make_unique<State>(knobs, key, discovery)) {}

Conntrack::~Conntrack() = default;

void Conntrack::know_host(const Host& host) {
  state_->host = &host;
}

void Conntrack::enable_extensions() {
  state_->extended = true;
}

void Conntrack::State::expire(Tick now, size_t most) {
  auto ahead = [this](std::span<const uint32_t> indices) {
    for (uint32_t index : indices) table.prefetch(index);
    for (uint32_t index : indices) table.prefetch_bucket_of(index);
  };
  auto due = [this](uint32_t index, Tick deadline) {
    Tick expires = table[index].expires();
    if (expires > deadline) {
      wheel.add(index, expires);
      return;
    }
    unlink(index, FlowEvent::Why::kTimeout, expires);
    release(index);
  };
  overdue = !wheel.advance(now, most, ahead, due);
}

void Conntrack::State::reserve(size_t packets, size_t records, Tick now) {
  while (graveyard) release(std::exchange(graveyard, table.next_dying(graveyard)));
  reserved_at = std::max(reserved_at, now);
  // A listener is told in the order of time.
  bool heard = events.listening() || expectations.events().listening();
  expire(now, heard ? kAll : kExpiredAtOnce + 2 * packets);
  if (extended) expectations.reserve(packets, knobs.expect_max, now);
  bool grown = table.reserve(packets);
  extensions.reserve(table.size(), records);
  if (!grown) return;
  wheel.resize(table.size());
  events.resize(table.size());
}

void Conntrack::reserve(size_t packets, Tick now) {
  state_->reserve(packets, packets, now);
}

namespace {

// In zone 0; 0: it has no tuple.
uint64_t hash_of(const FlowTable& table, const Packet& packet) {
  if (packet.malformed != Reason::kNone) return 0;
  Tuple tuple;
  return tuple_of(packet, tuple) == Reason::kNone ? table.hash(tuple, 0) : 0;
}

}  // namespace

Lookahead::Lookahead(const Conntrack& conntrack, std::span<Packet> packets)
    : conntrack_(*conntrack.state_), packets_(packets) {
  while (at_ < 0) advance();
}

void Lookahead::advance() {
  const bool further = further_;
  further_ = false;
  hash(ahead(kBuckets));
  guess(ahead(kEntries));
  if (further) guess(ahead(kEntries - kStride));
  at_ += kStride;
}

inline Lookahead::Range Lookahead::ahead(ptrdiff_t distance) const {
  const ptrdiff_t begin = at_ + distance, size = std::ssize(packets_);
  return {static_cast<size_t>(std::max<ptrdiff_t>(begin, 0)),
          static_cast<size_t>(std::clamp<ptrdiff_t>(begin + kStride, 0, size))};
}

// A plain packet is summed where that counts.
template <Family kFamily>
inline uint64_t Lookahead::hash_plain(Packet& packet) const {
  if (packet.in && conntrack_.knobs.checksum && packet.checksum == ChecksumState::kUnknown)
      [[likely]] {
    packet.checksum = sum_plain<kFamily>(packet);
  }
  const auto key = FlowKey::of<kFamily>(packet);
  packet.flow_words = key.words();
  return conntrack_.table.hash<kFamily>(key, packet);
}

// ... and asks for its bucket.
inline void Lookahead::hash(Range range) {
  const FlowTable& table = conntrack_.table;
  for (size_t i = range.begin; i < range.end; i++) {
    Packet& packet = packets_[i];
    packet.flow_hash = !packet.plain                    ? hash_of(table, packet)
                       : packet.family == Family::kIpv4 ? hash_plain<Family::kIpv4>(packet)
                                                        : hash_plain<Family::kIpv6>(packet);
    places_[i % kBuckets] = packet.flow_hash ? table.prefetch_bucket(packet.flow_hash) : nullptr;
  }
}

// Asks for the entries that a bucket suggests, or for the bucket that hangs on it: that one's are
// asked for the next time.
inline void Lookahead::guess(Range range) {
  const FlowTable& table = conntrack_.table;
  for (size_t i = range.begin; i < range.end; i++) {
    FlowTable::Place& place = places_[i % kBuckets];
    if (!place) continue;
    Packet& packet = packets_[i];
    const FlowTable::Guess guess = table.prefetch_entries(place, packet.flow_hash);
    if (packet.plain) {
      packet.flow_entry = guess.entry;
      packet.flow_guess = guess.index;
    }
    further_ |= place != nullptr;
  }
}

// Each protocol by itself: together they would need more registers than there are.
Followed Conntrack::State::follow_udp(const Packet& packet, Flow& flow, Direction direction,
                                      Tick now) {
  if (!has_good_length(packet)) [[unlikely]]
    return {};
  const Followed followed{&flow, static_cast<uint32_t>(direction), flow.decision(direction)};
  const Step step = move_udp(flow, now, knobs);
  move_on(step, false, packet, flow, {packet.flow_guess, direction}, now);
  return followed;
}

Followed Conntrack::State::follow_tcp(const Packet& packet, Flow& flow, Direction direction,
                                      Tick now) {
  uint32_t seconds;
  if (!tcp::move_established(flow, packet, direction, knobs, seconds)) return {};
  const Followed followed{&flow, static_cast<uint32_t>(direction), flow.decision(direction)};
  account(flow, packet.flow_guess, direction, packet);  // its status says all already
  refresh(flow, packet.flow_guess, seconds, now);
  return followed;
}

Followed Conntrack::follow(const Packet& packet, Tick now) {
  State& state = *state_;
  const FlowTable::Found found = state.table.guessed(packet);
  if (!found.index) [[unlikely]]
    return {};
  Flow& flow = *static_cast<Flow*>(packet.flow_entry);
  if (now >= flow.expires()) [[unlikely]]
    return {};
  // Usually it has been summed (Lookahead). One that is not good where Linux looks is another's to
  // judge.
  if (packet.checksum != ChecksumState::kGood && packet.in && state.knobs.checksum) [[unlikely]] {
    return {};
  }
  return packet.protocol() == protocol::kUdp ? state.follow_udp(packet, flow, found.direction, now)
                                             : state.follow_tcp(packet, flow, found.direction, now);
}

void Conntrack::tell(Packet& packet, const Followed& followed, Tracked& tracked) const {
  tracked.flow = {packet.flow_guess, followed.flow->generation};
  tracked.info = info_of(*followed.flow);
  tracked.direction = followed.direction();
  tracked.decision = static_cast<uint16_t>(followed.decision);
  describe(packet, tracked, followed.flow);
}

void Conntrack::track(Packet& packet, const TrackAs& as, Tick now, Tracked& tracked) {
  State& state = *state_;
  if (packet.plain && packet.flow_hash && as.zone.id == 0) [[likely]] {
    state.track_plain(packet, as, now, tracked);
  } else {
    state.track(packet, as, now, tracked);
  }
  describe(packet, tracked, tracked.flow ? &state.table[tracked.flow.index] : nullptr);
}

Tracked Conntrack::recognize(Packet& packet, Tick now) const {
  Tracked tracked;
  Tuple tuple;
  if (tuple_of(packet, tuple) != Reason::kNone) return tracked;
  tracked.flow = lookup(tuple, {}, now, &tracked.direction);
  const Flow* flow = find(tracked.flow);
  if (!flow) return {};
  tracked.info = info_of(*flow);
  describe(packet, tracked, flow);
  return tracked;
}

Tracked Conntrack::untrack(Packet& packet) {
  Tracked tracked;
  tracked.info = CtInfo::kUntracked;
  describe(packet, tracked, nullptr);
  return tracked;
}

Reason Conntrack::confirm(const Packet& packet, Tracked& tracked, Tick now) {
  State& state = *state_;
  Flow* flow = state.find(tracked.flow);
  if (!flow) return Reason::kNone;
  uint32_t index = tracked.flow.index;
  Reason helped = Reason::kNone;
  uint32_t timeout = flow->timeout;  // the tracker's: NEW tells it, whatever a helper makes of it
  if (flow->status & ct_status::kHelper) helped = state.help(packet, tracked, now);
  if (helped == Reason::kHelperDrop) {
    release(tracked);
    return helped;
  }
  if (tracked.created && !(flow->status & ct_status::kConfirmed)) {
    Reason failed = state.settle(packet, *flow, tracked, timeout, now);
    if (failed != Reason::kNone) return failed;
  } else if (state.events.listening() && !(flow->status & ct_status::kDying)) {
    uint8_t changes = state.events.take(index);
    if (changes) {
      state.emit(FlowEvent::Kind::kUpdate, FlowEvent::Why::kPacket, index, now, changes);
    }
  }
  if (state.discovery && !packet.in && tracked.direction == Direction::kOriginal &&
      tracked.info != CtInfo::kRelated) {
    state.discovery->sent(packet, tracked.flow, now);
  }
  return helped;
}

void Conntrack::release(const Tracked& tracked) {
  const Flow* flow = find(tracked.flow);
  if (!tracked.created || !flow || flow->status & ct_status::kConfirmed) return;
  state_->release(tracked.flow.index);
}

void Conntrack::close(FlowId id, Tick now) {
  State& state = *state_;
  Flow* flow = find(id);
  if (!flow || !(flow->status & ct_status::kConfirmed) || flow->status & ct_status::kDying) return;
  if (flow->tcp().state == TcpState::kClose) return;
  flow->tcp().state = TcpState::kClose;
  state.set_timeout(*flow, state.knobs.tcp_timeout_close);
  flow->expire_at(now + flow->timeout);
  state.wheel.remove(id.index);
  state.wheel.add(id.index, flow->expires());
  if (!state.events.listening()) return;
  state.events.note(id.index, FlowEvent::kProtocol);
  state.emit(FlowEvent::Kind::kUpdate, FlowEvent::Why::kPacket, id.index, now,
             state.events.take(id.index));
}

Flow* Conntrack::find(FlowId id) {
  return state_->find(id);
}
const Flow* Conntrack::find(FlowId id) const {
  return state_->find(id);
}
FlowId Conntrack::master(FlowId id) const {
  const FlowExtension* extension = find(id) ? state_->extension(id.index) : nullptr;
  return extension && find(extension->master) ? extension->master : FlowId{};
}

Tuple Conntrack::reply_of(FlowId id) const {
  return state_->table.reply_of(id.index);
}

const Helper* Conntrack::helper(FlowId id) const {
  const FlowExtension* extension = find(id) ? state_->extension(id.index) : nullptr;
  return extension ? extension->helper : nullptr;
}
const Helper* Conntrack::expected_by(FlowId id) const {
  const FlowExtension* extension = find(id) ? state_->extension(id.index) : nullptr;
  return extension ? extension->expected_by : nullptr;
}

void Conntrack::each_expectation(Tick now,
                                 const std::function<void(const Expectation&)>& visit) const {
  state_->expectations.each(now, visit);
}

FlowId Conntrack::lookup(const Tuple& tuple, const Zone& zone, Tick now,
                         Direction* direction) const {
  FlowTable::Found found = state_->table.find(tuple, zone);
  if (!found.index || now >= state_->table[found.index].expires()) return {};
  if (direction) *direction = found.direction;
  return state_->id_of(found.index);
}

size_t Conntrack::count() const {
  if (!state_->overdue) return state_->count;
  size_t alive = 0;
  each(state_->reserved_at, [&](FlowId, const Flow&) { alive++; });
  return alive;
}

void Conntrack::each(Tick now, const std::function<void(FlowId, const Flow&)>& visit) const {
  const FlowTable& table = state_->table;
  table.each([&](uint32_t index) {
    if (now < table[index].expires()) visit(state_->id_of(index), table[index]);
  });
}

void Conntrack::each(uint32_t first, uint32_t count, Tick now,
                     const std::function<void(FlowId, const Flow&)>& visit) const {
  look_through(first, count, [&](uint32_t place, const Flow* flow) {
    if (flow && now < flow->expires()) visit(state_->id_of(place), *flow);
  });
}

bool Conntrack::end(FlowId id, Tick now) {
  if (!find(id)) return false;
  state_->destroy(id.index, FlowEvent::Why::kFlushed, now);
  return true;
}

bool Conntrack::refresh(FlowId id, uint32_t seconds, Tick now) {
  Flow* flow = find(id);
  if (!flow) return false;
  state_->set_timeout(*flow, seconds);
  state_->start_timer(*flow, id.index, now);
  return true;
}

bool Conntrack::listening() const {
  return state_->events.listening();
}

uint64_t Conntrack::listen() {
  return state_->events.join();
}
void Conntrack::unlisten() {
  state_->events.leave();
}
uint64_t Conntrack::listen_expectations() {
  return state_->expectations.listen();
}
void Conntrack::unlisten_expectations() {
  state_->expectations.unlisten();
}

void Conntrack::keep_events(size_t events) {
  state_->events.keep(events);
}

std::span<const FlowEvent> Conntrack::events_since(uint64_t sequence,
                                                   std::vector<FlowEvent>& storage) const {
  return state_->events.since(sequence, storage);
}

const FlowEvent* Conntrack::event(uint64_t sequence) const {
  return state_->events.at(sequence);
}

uint64_t Conntrack::last_event() const {
  return state_->events.last();
}

void Conntrack::keep_expectation_events(size_t events) {
  state_->expectations.keep_events(events);
}

std::span<const ExpectationEvent> Conntrack::expectation_events_since(
    uint64_t sequence, std::vector<ExpectationEvent>& storage) const {
  return state_->expectations.events().since(sequence, storage);
}

void Conntrack::set_connmark(FlowId id, uint32_t mark) {
  Flow* flow = find(id);
  if (!flow || flow->connmark == mark) return;
  flow->connmark = mark;
  state_->events.note(id.index, FlowEvent::kMark);
}

void Conntrack::remember(FlowId id, Direction direction, uint16_t decision) {
  state_->table[id.index].remember(direction, decision);
}
void Conntrack::forget_decisions() {
  state_->table.each([this](uint32_t index) {
    for (Direction direction : {Direction::kOriginal, Direction::kReply}) {
      remember(state_->id_of(index), direction, 0);
    }
  });
}

Labels Conntrack::labels(FlowId id) const {
  return find(id) ? state_->labels(id.index) : Labels();
}

void Conntrack::set_label(FlowId id, uint8_t label) {
  Flow* flow = find(id);
  FlowExtension* extension = flow ? state_->extensions.get(id.index, *flow) : nullptr;
  if (!extension || extension->labels.has(label)) return;
  extension->labels.set(label);
  state_->events.note(id.index, FlowEvent::kLabels);
}

void Conntrack::load(std::string_view text, Tick now, Diagnostics& diagnostics,
                     const LabelNames* names) {
  std::vector<FlowLine> lines;
  bool good = true;
  for (uint32_t number = 1; !text.empty(); number++) {
    size_t end = std::min(text.find('\n'), text.size());
    Result<std::optional<FlowLine>> line = parse_flow(text.substr(0, end), number, names);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line) {
      diagnostics.add(std::move(line.error()));
      good = false;
    } else if (*line && good) {
      lines.push_back(**line);
    }
  }
  if (!good) return;
  bool extended = std::ranges::any_of(
      lines, [](const FlowLine& line) { return !line.helper.empty() || line.labels.any(); });
  if (extended) enable_extensions();
  for (size_t i = 0; i < lines.size(); i++) {
    if (i % kLoadedAtOnce == 0) reserve(std::min(kLoadedAtOnce, lines.size() - i), now);
    state_->adopt(lines[i], now);
  }
}

uint32_t Conntrack::places() const {
  return static_cast<uint32_t>(state_->table.size());
}

void Conntrack::look_through(uint32_t first, uint32_t count, const Visitor& visit) const {
  constexpr uint32_t kLife = ct_status::kConfirmed | ct_status::kDying;
  state_->table.each_used(first, count, [&](uint32_t index) {
    const Flow& flow = state_->table[index];
    visit(index, (flow.status & kLife) == ct_status::kConfirmed ? &flow : nullptr);
  });
}

FlowRecord Conntrack::record(uint32_t place) const {
  const Flow& flow = state_->table[place];
  const FlowExtension* extension = state_->extension(place);
  FlowRecord record{
      .flow = FlowCopy(flow), .reply = state_->table.reply_of(place), .extension = {}};
  if (extension) record.extension = *extension;
  if (extension && !find(extension->master)) record.extension->master = {};
  return record;
}

FlowId Conntrack::restore(const FlowRecord& record, FlowId master, Tick now) {
  State& state = *state_;
  const Flow& kept = record.flow;
  const Tuple tuple = kept.tuple();
  // A clock that was set back in the meantime gives no flow more than its timeout.
  const Tick expires = std::min(kept.expires(), now + kept.timeout);
  if (expires <= now || kept.timeout > kLongestTimeout) return {};
  if (state.find_alive(tuple, kept.zone(), now).index) return {};
  if (state.find_alive(record.reply, kept.zone(), now).index) return {};
  if (state.count >= state.knobs.max && state.knobs.max != 0) return {};
  if (record.extension) enable_extensions();
  state.reserve(1, record.extension ? 1 : 0, now);
  const uint32_t index = state.table.allocate(tuple, kept.zone());
  if (!index) return {};
  Flow& flow = state.table[index];
  flow.status = kept.status;
  flow.connmark = kept.connmark;
  flow.created = kept.created;
  flow.timeout = kept.timeout;
  flow.set_counted(kept.counted());
  if (tuple.protocol == protocol::kTcp) flow.tcp() = kept.tcp();
  if (tuple.protocol == protocol::kSctp) flow.sctp() = kept.sctp();
  if (record.reply != invert(tuple)) state.table.set_reply(index, record.reply);
  if (record.extension) {
    if (FlowExtension* extension = state.extensions.get(index, flow)) {
      *extension = *record.extension;
      extension->master = master;
      if (extension->helper) flow.status |= ct_status::kHelper;
    }
  }
  if (!state.table.insert(index)) {
    state.release(index);
    return {};
  }
  state.insert(index, flow, static_cast<uint32_t>(expires - now), now);
  flow.expire_at(expires);
  state.file_anew(index, expires);
  return state.id_of(index);
}

void Conntrack::restore(const Expectation& expectation, Tick now) {
  if (!find(expectation.master) || expectation.expires <= now) return;
  enable_extensions();
  state_->reserve(1, 1, now);
  Expectation kept = expectation;
  kept.master_tuple = find(expectation.master)->tuple();
  kept.expires = std::min(kept.expires, now + ticks(kept.helper->seconds));
  state_->expectations.add(kept, now);
}

const Knobs& Conntrack::knobs() const {
  return state_->knobs;
}

size_t Conntrack::memory() const {
  const State& state = *state_;
  return state.table.memory() + state.wheel.memory() + state.events.memory() +
         state.extensions.memory() + state.expectations.memory();
}

void Conntrack::change_knobs(const Knobs& knobs) {
  uint32_t acct = state_->knobs.acct;
  state_->knobs = knobs;
  state_->knobs.acct = acct;
}

std::optional<FlowCounters> Conntrack::counters(FlowId id) const {
  if (!state_->knobs.acct || !state_->find(id)) return std::nullopt;
  return state_->counters(id.index);
}

}  // namespace sallyport
