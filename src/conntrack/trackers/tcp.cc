// TCP seen from the middle: states, windows, timers.
//
// States: a man in the middle does not know what arrives, so these are not the states
// of RFC 9293 of either host but of the pair, with the names that Linux gives them. The
// table says, for direction, kind of segment and state, what comes next. It was written
// from what Linux does (tests/kernel/derive_tcp_table.py asks it again) and RFC 9293.
//
// Windows: G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2000). For each
// side we keep the highest sequence number sent (end), the highest that the other side
// allows (max_end) and the largest window offered. A segment may not lie beyond max_end by
// more than one more such window, nor acknowledge what was never sent; what lies below
// the window is old news, and is passed without moving anything.
//
// Two hosts may have forgotten a connection that we remember. A SYN that does not fit is
// passed and remembered; if the other side agrees with a SYN/ACK, the flow starts again.
#include "conntrack/trackers/tcp.h"

#include <algorithm>

#include "packet/headers.h"

namespace sallyport {

using tcp::Kind;
using tcp::Transition;

namespace {

// Sequence numbers, modulo 2^32 (RFC 9293, 3.4).
constexpr bool before(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b) < 0;
}
constexpr bool after(uint32_t a, uint32_t b) {
  return before(b, a);
}

// RFC 9293 and RFC 7323: what the options of a SYN say.
struct Options {
  bool scaled = false;
  uint8_t scale = 0;
  bool sack_ok = false;
};

struct Segment {
  Kind kind;
  bool syn;
  bool has_ack;
  uint32_t seq;
  uint32_t end;  // past the last byte; SYN and FIN count
  uint32_t ack;
  uint16_t window;  // as on the wire
  Options options;  // of a SYN
};

constexpr uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionScale = 3, kOptionSackOk = 4;
constexpr uint8_t kLargestScale = 14;  // RFC 7323, 2.3

Options read_options(const uint8_t* at, const uint8_t* end) {
  Options options;
  while (at < end && *at != kOptionEnd) {
    if (*at == kOptionNop) {
      at++;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) break;
    if (at[0] == kOptionScale && at[1] == 3) {
      options.scaled = true;
      options.scale = std::min(at[2], kLargestScale);
    } else if (at[0] == kOptionSackOk && at[1] == 2) {
      options.sack_ok = true;
    }
    at += at[1];
  }
  return options;
}

Kind kind_of(uint8_t flags) {
  if (flags & tcp_flag::kRst) return Kind::kRst;
  if (flags & tcp_flag::kSyn) return flags & tcp_flag::kAck ? Kind::kSynAck : Kind::kSyn;
  return flags & tcp_flag::kFin ? Kind::kFin : Kind::kAck;
}

// A checked packet only. Options that the capture does not hold are as if not there.
Segment segment_of(const Packet& packet) {
  const TcpHeader& tcp = *packet.header<TcpHeader>(packet.transport);
  Segment segment;
  segment.kind = kind_of(tcp.flags);
  segment.syn = tcp.flags & tcp_flag::kSyn;
  segment.has_ack = tcp.flags & tcp_flag::kAck;
  segment.seq = tcp.seq;
  uint32_t payload = packet.length - packet.transport - tcp.header_length();
  segment.end = segment.seq + payload + (segment.syn ? 1 : 0) + (tcp.flags & tcp_flag::kFin);
  segment.ack = tcp.ack;
  segment.window = tcp.window;
  uint32_t options_end = std::min(packet.transport + tcp.header_length(), packet.captured);
  if (segment.syn && options_end > packet.transport + sizeof(TcpHeader)) {
    segment.options =
        read_options(packet.data + packet.transport + sizeof(TcpHeader), packet.data + options_end);
  }
  return segment;
}

size_t at(Direction direction) {
  return static_cast<size_t>(direction);
}

void set_options(uint8_t& side, const Options& options) {
  side = static_cast<uint8_t>((side & tcp::kUnacknowledged) | options.scale |
                              (options.scaled ? tcp::kScaled : 0) |
                              (options.sack_ok ? tcp::kSackOk : 0));
}

// RFC 7323, 1.3: windows are scaled only if both sides offer it.
void agree_on_scale(TcpFlow& tcp) {
  if (tcp.side[0] & tcp.side[1] & tcp::kScaled) return;
  for (uint8_t& side : tcp.side) side &= static_cast<uint8_t>(~tcp::kScaleMask);
}

// The first segment that a side sends, or the SYN of a new start.
void begin_window(TcpWindow& window, const Segment& segment) {
  window.end = window.max_end = segment.end;
  window.max_window = std::max<uint32_t>(segment.window, 1);
}

enum class Fit : uint8_t {
  kFits,
  kOld,
  kOvershot,  // beyond the window by less than another window: the host may know of a later ACK
  kBeyondWindow,
  kBadAck
};

// The first that is known of the sender.
void begin_sender(TcpFlow& tcp, const Segment& segment, Direction direction) {
  TcpWindow& sender = tcp.window[at(direction)];
  TcpWindow& receiver = tcp.window[at(opposite(direction))];
  if (segment.syn) {
    begin_window(sender, segment);
    set_options(tcp.side[at(direction)], segment.options);
    agree_on_scale(tcp);
    return;
  }
  sender.end = segment.end;
  sender.max_window = std::max<uint32_t>(segment.window, 1);
  sender.max_end = segment.end + sender.max_window;
  // Linux lets the first segment be one off.
  if (segment.ack == receiver.end + 1) receiver.end++;
}

// Whether a segment lies in the windows as they are.
Fit compare(const TcpFlow& tcp, const Segment& segment, Direction direction, uint32_t ack) {
  const TcpWindow& sender = tcp.window[at(direction)];
  const TcpWindow& receiver = tcp.window[at(opposite(direction))];
  if (after(ack, receiver.end)) return Fit::kBadAck;
  if (after(segment.seq, sender.max_end)) {
    bool near = before(segment.end, sender.max_end + receiver.max_window);
    return near ? Fit::kOvershot : Fit::kBeyondWindow;
  }
  bool reset = segment.kind == Kind::kRst;  // of these, what is old is another question
  if (!reset && !after(segment.end, sender.end - receiver.max_window - 1)) return Fit::kOld;
  uint32_t oldest = std::max<uint32_t>(receiver.max_window, 66000);
  return after(ack, receiver.end - oldest - 1) ? Fit::kFits : Fit::kOld;
}

void move_windows(TcpFlow& tcp, const Segment& segment, Direction direction, uint32_t ack) {
  TcpWindow& sender = tcp.window[at(direction)];
  TcpWindow& receiver = tcp.window[at(opposite(direction))];
  uint8_t& side = tcp.side[at(direction)];
  uint32_t window = segment.window;
  if (!segment.syn) window <<= side & tcp::kScaleMask;
  sender.max_window = std::max(sender.max_window, window);
  if (after(segment.end, sender.end)) {
    sender.end = segment.end;
    if (!segment.syn) side |= tcp::kUnacknowledged;
  }
  if (segment.has_ack) {
    if (!(side & tcp::kAckSeen) || after(ack, sender.max_ack)) sender.max_ack = ack;
    side |= tcp::kAckSeen;
  }
  if (!before(ack + window, receiver.max_end)) receiver.max_end = ack + window + (window == 0);
  if (ack == receiver.end) {
    tcp.side[at(opposite(direction))] &= static_cast<uint8_t>(~tcp::kUnacknowledged);
  }
}

// Whether the segment fits the windows; they move if it does.
Fit fit(TcpFlow& tcp, const Segment& segment, Direction direction) {
  const TcpWindow& receiver = tcp.window[at(opposite(direction))];
  bool reset = segment.kind == Kind::kRst;
  if (tcp.window[at(direction)].max_window == 0) {
    begin_sender(tcp, segment, direction);
    if (segment.kind == Kind::kSyn) return Fit::kFits;  // simultaneous open
  } else if (tcp.state == TcpState::kSynSent && direction == Direction::kOriginal && segment.syn) {
    // A SYN sent again, perhaps with another number.
    begin_window(tcp.window[at(direction)], segment);
    set_options(tcp.side[at(direction)], segment.options);
    return Fit::kFits;
  }
  uint32_t ack = segment.has_ack ? segment.ack : receiver.end;
  if (reset && segment.ack == 0) ack = receiver.end;
  Fit result = compare(tcp, segment, direction, ack);
  if (result == Fit::kFits) move_windows(tcp, segment, direction, ack);
  TcpWindow& sender = tcp.window[at(direction)];
  if (result == Fit::kOvershot && after(segment.end, sender.end)) {
    sender.end = segment.end;
    tcp.side[at(direction)] |= tcp::kUnacknowledged;
  }
  return result;
}

uint8_t last_of(Kind kind, Direction direction) {
  return static_cast<uint8_t>(static_cast<uint8_t>(kind) |
                              (direction == Direction::kReply ? tcp::kLastReply : 0));
}

// What TcpFlow::last… remember, and whether it is the same segment as before.
bool remember(Flow& flow, const Segment& segment, Direction direction) {
  TcpFlow& tcp = flow.tcp;
  uint8_t last = last_of(segment.kind, direction);
  auto length = static_cast<uint16_t>(segment.end - segment.seq);
  bool again = flow.tcp_flags & tcp::kHaveLast && tcp.last == last && tcp.last_end == segment.end &&
               tcp.last_length == length && tcp.last_ack == segment.ack &&
               tcp.last_window == segment.window;
  flow.tcp_flags &= static_cast<uint8_t>(~(tcp::kSynIgnored | tcp::kChallenged));
  flow.tcp_flags |= tcp::kHaveLast;
  tcp.last = last;
  tcp.last_end = segment.end;
  tcp.last_length = length;
  tcp.last_ack = segment.ack;
  tcp.last_window = segment.window;
  return again;
}

// A segment that the state has no use for passes, since the hosts may know better. A SYN, or what
// may be a challenge ACK, is remembered for what comes next.
void ignore(Flow& flow, const Segment& segment, Direction direction) {
  if (segment.kind == Kind::kSynAck) return;
  remember(flow, segment, direction);
  if (segment.kind == Kind::kSyn) {
    flow.tcp_flags |= tcp::kSynIgnored;
    uint8_t options = 0;
    set_options(options, segment.options);
    flow.tcp.last_ack = options;  // a SYN has no acknowledgement
  }
  if (segment.kind == Kind::kAck) flow.tcp_flags |= tcp::kChallenged;
}

// Both hosts agree on a connection that is not the one we know: the SYN that was passed
// is answered. The flow starts again in SYN_RECV.
bool agrees(const Flow& flow, const Segment& segment, Direction direction) {
  return segment.kind == Kind::kSynAck && flow.tcp_flags & tcp::kSynIgnored &&
         flow.tcp.last == last_of(Kind::kSyn, opposite(direction)) &&
         segment.ack == flow.tcp.last_end;
}

void start_again(Flow& flow, const Segment& segment, Direction direction) {
  TcpFlow& tcp = flow.tcp;
  TcpWindow& opener = tcp.window[at(opposite(direction))];
  opener = TcpWindow{};
  opener.end = opener.max_end = tcp.last_end;
  opener.max_window = std::max<uint32_t>(tcp.last_window, 1);
  tcp.side[at(opposite(direction))] = static_cast<uint8_t>(tcp.last_ack);
  tcp.window[at(direction)] = TcpWindow{};
  tcp.side[at(direction)] = 0;
  tcp.state = TcpState::kSynSent;
  flow.tcp_flags = 0;
  fit(tcp, segment, direction);
  tcp.state = TcpState::kSynRecv;
}

// Linux has no knob for it.
constexpr uint32_t kTimeoutSynSent2 = 120;

uint32_t timeout_of(TcpState state, const Knobs& knobs) {
  switch (state) {
    case TcpState::kSynSent: return knobs.tcp_timeout_syn_sent;
    case TcpState::kSynSent2: return kTimeoutSynSent2;
    case TcpState::kSynRecv: return knobs.tcp_timeout_syn_recv;
    case TcpState::kEstablished: return knobs.tcp_timeout_established;
    case TcpState::kFinWait: return knobs.tcp_timeout_fin_wait;
    case TcpState::kCloseWait: return knobs.tcp_timeout_close_wait;
    case TcpState::kLastAck: return knobs.tcp_timeout_last_ack;
    case TcpState::kTimeWait: return knobs.tcp_timeout_time_wait;
    case TcpState::kClose:
    case TcpState::kNone:
    case TcpState::kCount: break;
  }
  return knobs.tcp_timeout_close;
}

uint32_t timeout_after(const Flow& flow, bool assured, const Segment& segment, const Knobs& knobs) {
  uint32_t usual = timeout_of(flow.tcp.state, knobs);
  if (flow.retransmits >= knobs.tcp_max_retrans) {
    return std::min(usual, knobs.tcp_timeout_max_retrans);
  }
  bool unacknowledged = (flow.tcp.side[0] | flow.tcp.side[1]) & tcp::kUnacknowledged;
  bool unproven = flow.tcp.state == TcpState::kEstablished && !assured;
  if (unacknowledged || unproven) return std::min(usual, knobs.tcp_timeout_unacknowledged);
  if (segment.window == 0) return std::min(usual, knobs.tcp_timeout_max_retrans);
  return usual;
}

}  // namespace

Reason check_tcp(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(TcpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  const auto* tcp = packet.header<TcpHeader>(packet.transport);
  uint32_t header = tcp->header_length();
  if (header < sizeof(TcpHeader) || header > packet.length - packet.transport) {
    return Reason::kInvalidLength;
  }
  if (checksum_is_bad(packet, knobs)) return Reason::kInvalidChecksum;
  return tcp::flags_are_possible(tcp->flags) ? Reason::kNone : Reason::kInvalidTcpFlags;
}

Step open_tcp(Flow& flow, const Arrival& arrival) {
  Segment segment = segment_of(arrival.packet);
  Transition next = tcp::transition(Direction::kOriginal, segment.kind, TcpState::kNone);
  if (next.to != Transition::To::kState) return Step::invalid(Reason::kInvalidTcpNew);
  flow.tcp = TcpFlow{};
  flow.tcp_flags = 0;
  flow.retransmits = 0;
  if (segment.kind == Kind::kSyn) {
    begin_window(flow.tcp.window[0], segment);
    set_options(flow.tcp.side[0], segment.options);
  } else {
    if (!arrival.knobs.tcp_loose) return Step::invalid(Reason::kInvalidTcpNew);
    flow.tcp_flags |= tcp::kLiberal;
    begin_sender(flow.tcp, segment, Direction::kOriginal);
  }
  flow.tcp.state = next.state;
  return Step::accept(timeout_after(flow, false, segment, arrival.knobs));
}

namespace {

// Whether a SYN in TIME_WAIT or CLOSE begins a new connection: in CLOSE its sender must have
// closed it, or somebody orderly (kernel-facts 22).
bool is_over(const Flow& flow, Direction direction) {
  return flow.tcp.state == TcpState::kTimeWait || flow.tcp_flags & tcp::kFinSeen ||
         flow.tcp.last == last_of(Kind::kRst, direction);
}

// RFC 5961, 3.2: only a RST with exactly the number that its receiver expects, or that
// follows what its sender has just sent, is surely genuine.
bool is_exact(const Flow& flow, const Segment& segment, Direction direction) {
  const TcpFlow& tcp = flow.tcp;
  Direction receiver = opposite(direction);
  if (tcp.state != TcpState::kEstablished) return true;
  if (!(tcp.side[at(receiver)] & tcp::kAckSeen)) return true;
  bool answers_syn = flow.tcp_flags & tcp::kSynIgnored && tcp.last == last_of(Kind::kSyn, receiver);
  if (answers_syn) return true;
  bool follows = flow.tcp_flags & tcp::kHaveLast &&
                 !((tcp.last ^ last_of(Kind::kSyn, direction)) & tcp::kLastReply) &&
                 segment.seq == tcp.last_end;
  return follows || segment.seq == tcp.window[at(receiver)].max_ack;
}

// A RST below what its receiver has acknowledged is no reset at all.
bool is_stale_reset(const TcpFlow& tcp, const Segment& segment, Direction direction) {
  Direction receiver = opposite(direction);
  return tcp.side[at(receiver)] & tcp::kAckSeen &&
         before(segment.seq, tcp.window[at(receiver)].max_ack);
}

enum class Passage : uint8_t { kIn, kLiberal, kIgnored, kInvalid };

// What the windows say.
Passage pass(Flow& flow, const Segment& segment, const Arrival& arrival, Reason& reason) {
  TcpFlow& tcp = flow.tcp;
  bool reset = segment.kind == Kind::kRst;
  bool answers_challenge = reset && flow.tcp_flags & tcp::kChallenged &&
                           tcp.last == last_of(Kind::kAck, opposite(arrival.direction)) &&
                           segment.seq == tcp.last_ack;
  if (answers_challenge) return Passage::kIn;
  bool answers_syn = reset && segment.has_ack && flow.tcp_flags & tcp::kSynIgnored &&
                     tcp.last == last_of(Kind::kSyn, opposite(arrival.direction)) &&
                     segment.ack == tcp.last_end;
  if (answers_syn) return Passage::kIn;
  if (reset && tcp.state == TcpState::kClose) return Passage::kIn;
  if (reset && !arrival.knobs.tcp_ignore_invalid_rst &&
      is_stale_reset(tcp, segment, arrival.direction)) {
    reason = Reason::kInvalidTcpRst;
    return Passage::kInvalid;
  }
  Fit result = fit(tcp, segment, arrival.direction);
  if (result == Fit::kFits) return Passage::kIn;
  if (arrival.knobs.tcp_be_liberal || flow.tcp_flags & tcp::kLiberal) return Passage::kLiberal;
  if (result == Fit::kOvershot && reset && flow.tcp_flags & tcp::kFinSeen) return Passage::kIn;
  if (result == Fit::kOld || result == Fit::kOvershot) return Passage::kIgnored;
  reason = result == Fit::kBadAck ? Reason::kInvalidTcpAck
           : reset                ? Reason::kInvalidTcpRst
                                  : Reason::kInvalidTcpWindow;
  return Passage::kInvalid;
}

}  // namespace

Step move_tcp(Flow& flow, const Arrival& arrival) {
  Segment segment = segment_of(arrival.packet);
  Direction direction = arrival.direction;
  const Knobs& knobs = arrival.knobs;
  TcpFlow& tcp = flow.tcp;
  TcpState from = tcp.state;
  Transition next = tcp::transition(direction, segment.kind, from);
  if (agrees(flow, segment, direction)) {
    start_again(flow, segment, direction);
    remember(flow, segment, direction);
    return Step::accept(knobs.tcp_timeout_syn_recv);
  }
  if (next.to == Transition::To::kInvalid) return Step::invalid(Reason::kInvalidTcpState);
  bool reopens =
      segment.kind == Kind::kSyn && next.state == TcpState::kSynSent && from != TcpState::kSynSent;
  if (reopens && is_over(flow, direction)) return {.kind = Step::Kind::kReopen};
  if (reopens || next.to == Transition::To::kIgnore) {
    ignore(flow, segment, direction);
    return {.keep_timer = true};
  }
  Reason reason = Reason::kNone;
  Passage passage = pass(flow, segment, arrival, reason);
  if (passage == Passage::kInvalid) return Step::invalid(reason);
  if (passage == Passage::kIgnored) return {.keep_timer = true};
  bool reset = segment.kind == Kind::kRst;
  if (reset && !(flow.status & ct_status::kSeenReply)) {
    tcp.state = next.state;
    return {.kind = Step::Kind::kReset};
  }
  bool exact = passage == Passage::kIn && is_exact(flow, segment, direction);
  if (reset && !exact) return Step::accept(knobs.tcp_timeout_close);
  bool again = false;
  if (passage == Passage::kIn) {
    again = remember(flow, segment, direction);
    flow.retransmits = again ? static_cast<uint8_t>(std::min(flow.retransmits + 1, 255)) : 0;
  }
  tcp.state = next.state;
  if (segment.kind == Kind::kFin && from != TcpState::kClose) flow.tcp_flags |= tcp::kFinSeen;
  bool was_up = from == TcpState::kSynRecv || from == TcpState::kEstablished;
  Step step;
  step.assured =
      was_up && tcp.state == TcpState::kEstablished && flow.status & ct_status::kSeenReply;
  bool assured = step.assured || flow.status & ct_status::kAssured;
  step.seconds = timeout_after(flow, assured, segment, knobs);
  // Only an answer ends the wait for it: not a SYN sent again, nor one that crosses it.
  step.keep_timer = from == TcpState::kSynSent && !(flow.status & ct_status::kSeenReply) &&
                    (tcp.state == TcpState::kSynSent || tcp.state == TcpState::kSynSent2);
  return step;
}

}  // namespace sallyport
