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

enum class Fit : uint8_t { kFits, kOld, kBeyondWindow, kBadAck };

// Whether the segment fits the windows; they move if it does.
Fit fit(Flow& flow, const Segment& segment, Direction direction, bool liberal) {
  TcpFlow& tcp = flow.tcp;
  TcpWindow& sender = tcp.window[at(direction)];
  TcpWindow& receiver = tcp.window[at(opposite(direction))];
  uint8_t& side = tcp.side[at(direction)];
  if (sender.max_window == 0) {
    if (segment.syn) {
      begin_window(sender, segment);
      set_options(side, segment.options);
      agree_on_scale(tcp);
      if (!segment.has_ack) return Fit::kFits;  // simultaneous open
    } else {
      sender.end = segment.end;
      sender.max_window = std::max<uint32_t>(segment.window, 1);
      sender.max_end = segment.end + sender.max_window;
      if (receiver.max_window == 0) receiver.end = receiver.max_end = segment.ack;
    }
  } else if (tcp.state == TcpState::kSynSent && direction == Direction::kOriginal && segment.syn) {
    begin_window(sender, segment);  // a SYN sent again, perhaps with another number
    set_options(side, segment.options);
    return Fit::kFits;
  }
  uint32_t seq = segment.seq;
  uint32_t end = segment.end;
  uint32_t ack = segment.has_ack ? segment.ack : receiver.end;
  bool wrong_ack_of_syn = tcp.state == TcpState::kSynSent && segment.syn;
  if (segment.kind == Kind::kRst && segment.has_ack && segment.ack == 0) ack = receiver.end;
  if (wrong_ack_of_syn) ack = receiver.end;

  if (!liberal) {
    if (after(end, sender.max_end + receiver.max_window)) return Fit::kBeyondWindow;
    if (after(ack, receiver.end)) return Fit::kBadAck;
    if (!after(end, sender.end - receiver.max_window - 1)) return Fit::kOld;
    uint32_t oldest = std::max<uint32_t>(receiver.max_window, 66000);
    if (!after(ack, receiver.end - oldest - 1)) return Fit::kOld;
  }
  (void)seq;

  uint32_t window = segment.window;
  if (!segment.syn) window <<= side & tcp::kScaleMask;
  sender.max_window = std::max(sender.max_window, window);
  if (after(end, sender.end)) {
    sender.end = end;
    side |= tcp::kUnacknowledged;
  }
  if (segment.has_ack) {
    if (!(side & tcp::kAckSeen) || after(ack, sender.max_ack)) sender.max_ack = ack;
    side |= tcp::kAckSeen;
    if (after(ack + window, receiver.max_end)) receiver.max_end = ack + window + (window == 0);
    if (ack == receiver.end) {
      tcp.side[at(opposite(direction))] &= static_cast<uint8_t>(~tcp::kUnacknowledged);
    }
  }
  return Fit::kFits;
}

// Counts how often the last segment was sent again without anything between.
void remember(Flow& flow, const Segment& segment, Direction direction) {
  TcpFlow& tcp = flow.tcp;
  auto last = static_cast<uint8_t>(static_cast<uint8_t>(segment.kind) |
                                   (direction == Direction::kReply ? tcp::kLastReply : 0));
  auto length = static_cast<uint16_t>(segment.end - segment.seq);
  bool again = flow.tcp_flags & tcp::kHaveLast && tcp.last == last && tcp.last_end == segment.end &&
               tcp.last_length == length && tcp.last_ack == segment.ack &&
               tcp.last_window == segment.window;
  if (again) {
    if (flow.retransmits < 255) flow.retransmits++;
    return;
  }
  flow.retransmits = 0;
  flow.tcp_flags |= tcp::kHaveLast;
  tcp.last = last;
  tcp.last_end = segment.end;
  tcp.last_length = length;
  tcp.last_ack = segment.ack;
  tcp.last_window = segment.window;
}

uint32_t timeout_of(TcpState state, const Knobs& knobs) {
  switch (state) {
    case TcpState::kSynSent:
    case TcpState::kSynSent2: return knobs.tcp_timeout_syn_sent;
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

uint32_t timeout_after(const Flow& flow, const Segment& segment, const Knobs& knobs) {
  uint32_t usual = timeout_of(flow.tcp.state, knobs);
  if (flow.retransmits >= knobs.tcp_max_retrans) {
    return std::min(usual, knobs.tcp_timeout_max_retrans);
  }
  bool unacknowledged = (flow.tcp.side[0] | flow.tcp.side[1]) & tcp::kUnacknowledged;
  if (unacknowledged || segment.window == 0) {
    return std::min(usual, knobs.tcp_timeout_unacknowledged);
  }
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
    fit(flow, segment, Direction::kOriginal, true);
  }
  flow.tcp.state = next.state;
  remember(flow, segment, Direction::kOriginal);
  return Step::accept(timeout_after(flow, segment, arrival.knobs));
}

Step move_tcp(Flow& flow, const Arrival& arrival) {
  Segment segment = segment_of(arrival.packet);
  const Knobs& knobs = arrival.knobs;
  TcpFlow& tcp = flow.tcp;
  TcpState from = tcp.state;
  Transition next = tcp::transition(arrival.direction, segment.kind, from);
  if (next.to == Transition::To::kInvalid) return Step::invalid(Reason::kInvalidTcpState);
  Step ignored{.keep_timer = true};
  if (next.to == Transition::To::kIgnore) return ignored;
  if (segment.kind == Kind::kSyn && (from == TcpState::kTimeWait || from == TcpState::kClose)) {
    uint8_t own_reset = static_cast<uint8_t>(Kind::kRst);
    bool over =
        from == TcpState::kTimeWait || flow.tcp_flags & tcp::kFinSeen || tcp.last == own_reset;
    return over ? Step{.kind = Step::Kind::kReopen} : ignored;
  }
  bool liberal = knobs.tcp_be_liberal || flow.tcp_flags & tcp::kLiberal;
  TcpFlow before = tcp;
  switch (fit(flow, segment, arrival.direction, liberal)) {
    case Fit::kFits: break;
    case Fit::kOld: return ignored;
    case Fit::kBeyondWindow:
      tcp = before;
      return Step::invalid(segment.kind == Kind::kRst ? Reason::kInvalidTcpRst
                                                      : Reason::kInvalidTcpWindow);
    case Fit::kBadAck: tcp = before; return Step::invalid(Reason::kInvalidTcpAck);
  }
  remember(flow, segment, arrival.direction);
  tcp.state = next.state;
  if (segment.kind == Kind::kFin) flow.tcp_flags |= tcp::kFinSeen;
  if (segment.kind == Kind::kRst && !(flow.status & ct_status::kSeenReply)) {
    return {.kind = Step::Kind::kReset};
  }
  Step step = Step::accept(timeout_after(flow, segment, knobs));
  bool was_up = from == TcpState::kSynRecv || from == TcpState::kEstablished;
  if (was_up && tcp.state == TcpState::kEstablished && flow.status & ct_status::kSeenReply) {
    step.assured = true;
  }
  return step;
}

}  // namespace sallyport
