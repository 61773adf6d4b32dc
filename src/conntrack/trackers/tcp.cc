// TCP seen from the middle: what follows what, resets, timers.
//
// The states are in tcp_states.cc, the windows in tcp_window.cc. Here is what neither knows.
//
// Two hosts may have forgotten a connection that we remember. A SYN that does not fit is
// passed and remembered; if the other side agrees with a SYN/ACK, the flow starts again. An ACK
// that comes before the handshake is passed too: it may be a challenge (RFC 5961), and what answers
// either of them, a RST, is believed.
//
// What nearly every segment does is in tcp_established.h.
//
// Who resets a connection must know its numbers (RFC 5961, 3.2): a RST that lies in the window
// but is not exact does not close it, and shortens the timer only, as the hosts may see it so.
//
// Each rule stands beside what showed it: segments of the client (c) and the server (s), on a
// connection whose next numbers are 1000 (c) and 5000 (s) with windows of 1000, where not said
// otherwise, and what Linux made of them.
#include "conntrack/trackers/tcp_established.h"
#include "packet/headers.h"

namespace sallyport {

using tcp::at;
using tcp::Fit;
using tcp::Kind;
using tcp::last_of;
using tcp::Segment;
using tcp::Transition;

namespace {

bool last_was(const TcpFlow& tcp, Kind kind) {
  return (tcp.last & tcp::kLastKindMask) == static_cast<uint8_t>(kind);
}
bool last_was(const TcpFlow& tcp, Kind kind, Direction direction) {
  return tcp.last == last_of(kind, direction);
}

// Every segment that counts is remembered by its kind and sender; its numbers only if it is an
// ACK, or ignored.
void remember(Flow& flow, const Segment& segment, Direction direction) {
  flow.tcp().last = last_of(segment.kind, direction);
  flow.tcp().flags &= static_cast<uint8_t>(~(tcp::kSynIgnored | tcp::kAckIgnored | tcp::kAckDue));
}

void remember_numbers(TcpFlow& tcp, const Segment& segment) {
  tcp.last_end = segment.end;
  tcp.last_length = static_cast<uint16_t>(segment.end - segment.seq);
  tcp.last_ack = segment.ack;
  tcp.last_window = segment.window;
}

// The same ACK, or the same data, again and again: somebody does not answer.
void count_retransmissions(Flow& flow, const Segment& segment, Direction direction) {
  TcpFlow& tcp = flow.tcp();
  const bool was_reply = tcp.last & tcp::kLastReply;
  const bool again = was_reply == (direction == Direction::kReply) && tcp.last_end == segment.end &&
                     tcp.last_ack == segment.ack &&
                     tcp.last_length == static_cast<uint16_t>(segment.end - segment.seq) &&
                     tcp.last_window == segment.window;
  if (!again) tcp.retransmits = 0;
  if (again && tcp.retransmits < UINT8_MAX) tcp.retransmits++;
  remember_numbers(tcp, segment);
}

tcp::Doubts doubts_of(const TcpFlow& tcp) {
  const uint32_t traits = tcp.window[0].traits | tcp.window[1].traits;
  return {.closed = tcp.last_window == 0,
          .waiting = (traits & tcp::kUnacknowledged) != 0,
          .reset = last_was(tcp, Kind::kRst),
          .retransmits = tcp.retransmits};
}

Fit fit(Flow& flow, const Segment& segment, Direction direction) {
  Fit result = tcp::fit(flow.tcp(), segment, direction);
  if (result == Fit::kFits && segment.kind == Kind::kAck) {
    count_retransmissions(flow, segment, direction);
  }
  return result;
}

// A segment that the state has no use for passes, since the hosts may know better.
void ignore(Flow& flow, const Segment& segment, Direction direction) {
  remember(flow, segment, direction);
  const uint32_t last_ack = flow.tcp().last_ack;
  remember_numbers(flow.tcp(), segment);
  // Not what a SYN/ACK acknowledges: `cA,500 sSA,3,500 sA,3..4,500` sends nothing again, as it does
  // after an ACK of s with the same number.
  if (segment.kind == Kind::kSynAck) flow.tcp().last_ack = last_ack;
  if (segment.kind == Kind::kSyn) {
    // The handshake may have begun again: `cS sS cSA cS sA` stays in SYN_RECV.
    flow.tcp().flags &= static_cast<uint8_t>(~tcp::kSimultaneous);
    flow.tcp().flags |= tcp::kSynIgnored;
    if (flow.tcp().state == TcpState::kLastAck) flow.tcp().flags |= tcp::kAckDue;
    flow.tcp().last_ack = tcp::traits_of(segment.options);  // a SYN has no acknowledgement
  }
  if (segment.kind == Kind::kAck) flow.tcp().flags |= tcp::kAckIgnored;
}

// Both hosts agree on a connection that is not the one we know: the SYN that was passed
// is answered. The flow starts again.
bool agrees(const Flow& flow, const Segment& segment, Direction direction) {
  return segment.kind == Kind::kSynAck && flow.tcp().flags & tcp::kSynIgnored &&
         last_was(flow.tcp(), Kind::kSyn, opposite(direction)) &&
         segment.ack == flow.tcp().last_end;
}

// The side that answers stays as liberal as it was. A SYN/ACK whose SACK blocks make no sense is
// INVALID, and the flow stays in its state, though it has new windows.
Fit start_again(Flow& flow, const Segment& segment, Direction direction) {
  TcpFlow& tcp = flow.tcp();
  Direction opener = opposite(direction);
  TcpState from = tcp.state;
  tcp.window[at(opener)] = TcpWindow{};
  tcp::begin_window(tcp.window[at(opener)], tcp.last_end, tcp.last_window);
  tcp.window[at(opener)].traits = tcp.last_ack;
  tcp.window[at(direction)] = TcpWindow{};
  flow.tcp().flags &= static_cast<uint8_t>(tcp::liberal(direction) | tcp::kSynIgnored);
  flow.tcp().retransmits = 0;
  tcp.state = TcpState::kSynSent;
  Fit result = fit(flow, segment, direction);
  tcp.state = from;
  return result;
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

// A connection that nobody has answered does not wait for days.
uint32_t timeout_after(const Flow& flow, const Knobs& knobs) {
  const TcpState state = flow.tcp().state;
  const uint32_t seconds = tcp::within(doubts_of(flow.tcp()), timeout_of(state, knobs), knobs);
  bool unanswered = state == TcpState::kEstablished && !(flow.status & ct_status::kSeenReply);
  return unanswered ? std::min(seconds, knobs.tcp_timeout_unacknowledged) : seconds;
}

}  // namespace

Reason check_tcp(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(TcpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  const auto* tcp = reinterpret_cast<const TcpHeader*>(packet.data + packet.transport);
  uint32_t header = tcp->header_length();
  if (header < sizeof(TcpHeader) || header > packet.length - packet.transport) {
    return Reason::kInvalidLength;
  }
  if (checksum_is_bad(packet, knobs)) return Reason::kInvalidChecksum;
  return tcp::flags_are_possible(tcp->flags) ? Reason::kNone : Reason::kInvalidTcpFlags;
}

Step open_tcp(Flow& flow, const Arrival& arrival) {
  Segment segment = tcp::segment_of(arrival.packet);
  Transition next = tcp::transition(Direction::kOriginal, segment.kind, TcpState::kNone);
  if (next.to != Transition::To::kState) return Step::invalid(Reason::kInvalidTcpNew);
  flow.tcp() = TcpFlow{};
  flow.tcp().flags = 0;
  flow.tcp().retransmits = 0;
  flow.tcp().state = next.state;
  if (segment.kind == Kind::kSyn) {
    tcp::begin_window(flow.tcp().window[0], segment.end, segment.window);
    flow.tcp().window[0].traits = tcp::traits_of(segment.options);
  } else {
    if (!arrival.knobs.tcp_loose) return Step::invalid(Reason::kInvalidTcpNew);
    flow.tcp().flags = tcp::liberal(Direction::kOriginal) | tcp::liberal(Direction::kReply);
    flow.tcp().window[0].traits = flow.tcp().window[1].traits = tcp::kSackOk;
    fit(flow, segment, Direction::kOriginal);
  }
  remember(flow, segment, Direction::kOriginal);
  return Step::accept(timeout_after(flow, arrival.knobs));
}

namespace {

// Whether a SYN in TIME_WAIT or CLOSE begins a new connection: in CLOSE its sender must have
// closed it, or somebody orderly (kernel-facts 22).
bool is_over(const Flow& flow, Direction direction) {
  return flow.tcp().state == TcpState::kTimeWait || flow.tcp().flags & tcp::kFinSeen ||
         last_was(flow.tcp(), Kind::kRst, direction);
}

// RSTs that nobody holds against the windows.
bool is_believed(const Flow& flow, const Segment& segment, Direction direction) {
  const TcpFlow& tcp = flow.tcp();
  // The connection is over, or has been closed: `sFA,5000 cR,1..cR,9000`.
  if (tcp.state == TcpState::kClose || flow.tcp().flags & tcp::kFinSeen) return true;
  bool answers_last = segment.ack == tcp.last_end;
  // It answers a SYN that did not fit: `cS,1000 sRA,9000,1001` closes, `…,1002` is INVALID. Of a
  // SYN that fits no numbers are remembered, so that `cS sS cR,900000,0` closes too.
  bool after_syn = last_was(tcp, Kind::kSyn, opposite(direction));
  if (after_syn && answers_last && flow.status & ct_status::kSeenReply) return true;
  // It answers an ACK that came too early, or is told its number: `cS,999 sA,5000,1003`, then
  // `cRA,900000,5000` or `cR,1003`; and so does a RST of who has sent that ACK.
  bool told = tcp.state == TcpState::kSynSent && segment.seq == tcp.last_ack;
  if (flow.tcp().flags & tcp::kAckIgnored && (answers_last || told)) return true;
  // It answers the last ACK that fitted, before the connection is proven, and its receiver has not
  // acknowledged anything: `cS,999 sSA,4999,1000 sPA,5000..5005 sRA,9000,5005`, and after a pick-up
  // `cA,1 sA,50,2434 cRA,2433,1`, which leaves the end of c's data where it was.
  bool heard = tcp.window[at(opposite(direction))].traits & tcp::kAckSeen;
  return !(flow.status & ct_status::kAssured) && !heard && last_was(tcp, Kind::kAck) &&
         answers_last;
}

// Up, and seen to be so from both sides.
bool is_proven(const Flow& flow) {
  return flow.tcp().state == TcpState::kEstablished && flow.status & ct_status::kAssured;
}

// A RST below what its receiver has acknowledged is no reset at all. None is asked of one that
// follows a SYN, `cS,900 cR,990`, nor, before the connection is proven, of one with the number 0,
// which answers what had none (RFC 9293, 3.5.2): `cS,999 sSA,4999,1000 cR,0` closes, `cR,1` not.
bool is_stale(const Flow& flow, const Segment& segment, Direction direction) {
  const TcpFlow& tcp = flow.tcp();
  Direction receiver = opposite(direction);
  if (last_was(tcp, Kind::kSyn) || (segment.seq == 0 && !is_proven(flow))) return false;
  return tcp.window[at(receiver)].traits & tcp::kAckSeen &&
         tcp::before(segment.seq, tcp.window[at(receiver)].max_ack);
}

// RFC 5961, 3.2: only a RST with exactly the number that its receiver expects, or that
// follows what its sender has just sent, is surely genuine.
bool is_exact(const Flow& flow, const Segment& segment, Direction direction) {
  const TcpFlow& tcp = flow.tcp();
  Direction receiver = opposite(direction);
  bool known = is_proven(flow) && tcp.window[at(receiver)].traits & tcp::kAckSeen;
  if (!known || last_was(tcp, Kind::kSyn)) return true;
  bool follows = last_was(tcp, Kind::kAck, direction) && segment.seq == tcp.last_end;
  return follows || segment.seq == tcp.window[at(receiver)].max_ack;
}

bool is_liberal(const Flow& flow, Direction direction, const Knobs& knobs) {
  return knobs.tcp_be_liberal || flow.tcp().flags & tcp::liberal(direction);
}

bool is_ignored(Fit result) {
  return result == Fit::kOld || result == Fit::kOvershot;
}

// One that the windows refuse. If both sides try to end a connection with numbers that we do not
// understand, they know better: it does not stay for days. `cFA,1000,5001 sFA,5000,1001`: both
// INVALID, and the timer is that of unacknowledged data, unless it is shorter, or soon over anyway.
constexpr uint32_t kSoon = 120;  // with just so much left the timer was changed, a tick later not
Step refuse(Flow& flow, const Segment& segment, const Arrival& arrival, Fit result) {
  bool reset = segment.kind == Kind::kRst;
  Step step = Step::invalid(result == Fit::kBadAck ? Reason::kInvalidTcpAck
                            : reset                ? Reason::kInvalidTcpRst
                                                   : Reason::kInvalidTcpWindow);
  bool ends = reset || segment.kind == Kind::kFin;
  if (!ends || !(flow.status & ct_status::kAssured)) return step;
  Direction other = opposite(arrival.direction);
  if (last_was(flow.tcp(), Kind::kFin, other) || last_was(flow.tcp(), Kind::kRst, other)) {
    bool may_stay = flow.expires() < arrival.now + ticks(kSoon);
    if (!may_stay) step.at_most = arrival.knobs.tcp_timeout_unacknowledged;
  } else {
    remember(flow, segment, arrival.direction);
  }
  return step;
}

// The segment counts: the state moves on, and the timer.
Step advance(Flow& flow, const Segment& segment, const Arrival& arrival, TcpState to) {
  TcpFlow& tcp = flow.tcp();
  TcpState from = tcp.state;
  bool replied = flow.status & ct_status::kSeenReply;
  bool reset = segment.kind == Kind::kRst;
  bool doubtful = reset && !is_exact(flow, segment, arrival.direction);
  remember(flow, segment, arrival.direction);
  if (reset && !replied) {
    tcp.state = to;
    return {.kind = Step::Kind::kReset};
  }
  // After both have sent a SYN it is the answer's ACK that completes the handshake.
  bool completes = from == TcpState::kSynRecv && segment.kind == Kind::kAck &&
                   arrival.direction == Direction::kReply && flow.tcp().flags & tcp::kSimultaneous;
  if (completes) to = TcpState::kEstablished;
  if (!doubtful) tcp.state = to;
  if (segment.kind == Kind::kFin && from != TcpState::kClose) flow.tcp().flags |= tcp::kFinSeen;
  Step step = Step::accept(timeout_after(flow, arrival.knobs));
  bool was_up = from == TcpState::kSynRecv || from == TcpState::kEstablished;
  step.assured = was_up && tcp.state == TcpState::kEstablished && replied;
  // Only an answer ends the wait for it: not a SYN sent again, nor one that crosses it.
  step.keep_timer = from == TcpState::kSynSent && segment.kind == Kind::kSyn && !replied;
  return step;
}

}  // namespace

Step move_tcp(Flow& flow, const Arrival& arrival) {
  Segment segment = tcp::segment_of(arrival.packet);
  Direction direction = arrival.direction;
  TcpFlow& tcp = flow.tcp();
  bool liberal = is_liberal(flow, direction, arrival.knobs);
  if (agrees(flow, segment, direction)) {
    Fit result = start_again(flow, segment, direction);
    if (result == Fit::kFits || liberal) {
      tcp.state = TcpState::kSynRecv;
      remember(flow, segment, direction);
      return Step::accept(timeout_after(flow, arrival.knobs));
    }
    return is_ignored(result) ? Step{.keep_timer = true} : refuse(flow, segment, arrival, result);
  }
  Transition next = tcp::transition(direction, segment.kind, tcp.state);
  if (next.to == Transition::To::kInvalid) return Step::invalid(Reason::kInvalidTcpState);
  bool reopens = segment.kind == Kind::kSyn && next.state == TcpState::kSynSent &&
                 tcp.state != TcpState::kSynSent;
  if (reopens && is_over(flow, direction)) return {.kind = Step::Kind::kReopen};
  if (reopens || next.to == Transition::To::kIgnore) {
    ignore(flow, segment, direction);
    return {.keep_timer = true};
  }
  // `cFA,1000 sFA,5000 cS,1005 sA,5001`: the ACK is for the SYN, whatever its numbers, and not the
  // one that LAST_ACK waits for. The SYN may still be answered.
  bool due = flow.tcp().flags & tcp::kAckDue && segment.kind == Kind::kAck &&
             last_was(tcp, Kind::kSyn, opposite(direction));
  if (due) {
    flow.tcp().flags &= static_cast<uint8_t>(~tcp::kAckDue);
    return {.keep_timer = true};
  }
  // Whether it fits or not.
  if (next.state == TcpState::kSynSent2) tcp.flags |= tcp::kSimultaneous;
  bool reset = segment.kind == Kind::kRst;
  if (!reset || !is_believed(flow, segment, direction)) {
    bool held = reset && !arrival.knobs.tcp_ignore_invalid_rst;
    if (held && is_stale(flow, segment, direction)) return Step::invalid(Reason::kInvalidTcpRst);
    Fit result = fit(flow, segment, direction);
    bool passes = result == Fit::kFits || liberal;
    if (!passes && is_ignored(result)) return {.keep_timer = true};
    if (!passes) return refuse(flow, segment, arrival, result);
  }
  return advance(flow, segment, arrival, next.state);
}

}  // namespace sallyport
