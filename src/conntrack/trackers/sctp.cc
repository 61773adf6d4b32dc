// SCTP seen from the middle: chunks, verification tags, states, timers (RFC 9260).
//
// A packet is a header and a run of chunks, and each chunk moves the association on
// (sctp_states.cc). Who may speak is told by tags: each side chooses one in its INIT or INIT ACK,
// and every packet to it bears that one. So what we know of an association is the tag of each
// direction, and a packet with another tag is INVALID, but for chunks that RFC 9260, 8.5.1 has
// rules of their own for, or that may come on a path whose beginning we have not seen.
//
// A packet's chunks are taken one by one, and what the first have done stays done where a
// later one makes the packet INVALID: Linux does the same. Which chunk is asked what was found by
// experiments on Linux, chunk by chunk in every state with every tag, and in pairs
// (tests/kernel/derive_sctp_table.py); then held against random exchanges (sctp_test.cc). Not
// looked at: stream and sequence numbers, parameters, cookies, authentication.
#include "conntrack/trackers/sctp.h"

#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {

using sctp::Kind;

namespace {

constexpr uint8_t kTagReflected = 1;  // the T bit of ABORT and SHUTDOWN COMPLETE

struct Chunk {
  Kind kind = Kind::kOther;
  bool reflected = false;
  uint32_t initiate_tag = 0;  // of INIT and INIT ACK
};

// The chunks of a packet, one after the other, up to its end: what is too short for a header
// there is padding, and the last one may claim to be longer than the packet.
class Chunks {
 public:
  explicit Chunks(const Packet& packet)
      : packet_(packet), at_(packet.transport + sizeof(SctpHeader)) {}

  // Whether there is another: kShort is the end. Then chunk() is it, unless reason() tells why not.
  Presence next() {
    Presence presence = packet_.presence(at_, sizeof(SctpChunk));
    if (presence != Presence::kPresent) return presence;
    const auto& header = *packet_.header<SctpChunk>(at_);
    chunk_ = {.kind = sctp::kind_of(header.type), .reflected = (header.flags & kTagReflected) != 0};
    // A length of 1 to 3 is taken for 4, by Linux too.
    reason_ = header.length == 0 ? Reason::kInvalidLength : Reason::kNone;
    if (chunk_.kind == Kind::kInit || chunk_.kind == Kind::kInitAck) read_initiate_tag();
    at_ += (header.length + 3u) & ~3u;
    return presence;
  }
  const Chunk& chunk() const { return chunk_; }
  Reason reason() const { return reason_; }

 private:
  void read_initiate_tag() {
    switch (packet_.presence(at_, sizeof(SctpInit))) {
      case Presence::kPresent:
        chunk_.initiate_tag = packet_.header<SctpInit>(at_)->initiate_tag;
        break;
      case Presence::kShort: reason_ = Reason::kInvalidShort; break;
      case Presence::kNotCaptured: reason_ = Reason::kNotInCapture; break;
    }
  }

  const Packet& packet_;
  uint32_t at_;
  Chunk chunk_;
  Reason reason_ = Reason::kNone;
};

// RFC 9260, 3 and 6.10: these stand alone; a cookie and its acknowledgement come first.
bool may_stand(Kind kind, uint32_t before) {
  return before == 0 || (kind != Kind::kCookieEcho && kind != Kind::kCookieAck);
}
bool stands_alone(Kind kind) {
  return kind == Kind::kInit || kind == Kind::kInitAck || kind == Kind::kShutdownComplete;
}

Reason check_chunks(const Packet& packet) {
  bool alone = false;
  uint32_t count = 0;
  for (Chunks chunks(packet);; count++) {
    Presence presence = chunks.next();
    if (presence == Presence::kNotCaptured) return Reason::kNotInCapture;
    if (presence == Presence::kShort) break;
    if (chunks.reason() != Reason::kNone) return chunks.reason();
    Kind kind = chunks.chunk().kind;
    alone |= stands_alone(kind);
    if (!may_stand(kind, count)) return Reason::kInvalidSctp;
  }
  if (count == 0) return Reason::kInvalidShort;
  return alone && count > 1 ? Reason::kInvalidSctp : Reason::kNone;
}

uint32_t timeout_of(SctpState state, const Knobs& knobs) {
  switch (state) {
    case SctpState::kCookieWait: return knobs.sctp_timeout_cookie_wait;
    case SctpState::kCookieEchoed: return knobs.sctp_timeout_cookie_echoed;
    case SctpState::kEstablished: return knobs.sctp_timeout_established;
    case SctpState::kShutdownSent: return knobs.sctp_timeout_shutdown_sent;
    case SctpState::kShutdownRecd: return knobs.sctp_timeout_shutdown_recd;
    case SctpState::kShutdownAckSent: return knobs.sctp_timeout_shutdown_ack_sent;
    case SctpState::kHeartbeatSent: return knobs.sctp_timeout_heartbeat_sent;
    case SctpState::kClosed:
    case SctpState::kNone:
    case SctpState::kCount: break;
  }
  return knobs.sctp_timeout_closed;
}

size_t at(Direction direction) {
  return static_cast<size_t>(direction);
}

// Whether a chunk of this kind has a rule of its own for the tag. One such chunk frees the
// whole packet of the common rule: so it is in Linux.
bool has_own_tag_rule(Kind kind) {
  return kind == Kind::kInit || kind == Kind::kAbort || kind == Kind::kShutdownComplete ||
         kind == Kind::kShutdownAck || kind == Kind::kHeartbeat || kind == Kind::kHeartbeatAck;
}

// What a packet is, before its chunks are taken one by one.
struct Contents {
  bool common_tag_rule = true;
  bool data = false;
};

Contents contents_of(const Packet& packet) {
  Contents contents;
  Chunks chunks(packet);
  while (chunks.next() == Presence::kPresent) {
    if (has_own_tag_rule(chunks.chunk().kind)) contents.common_tag_rule = false;
    if (chunks.chunk().kind == Kind::kData) contents.data = true;
  }
  return contents;
}

// One packet of an association.
class Association {
 public:
  Association(SctpFlow& flow, Direction direction, uint32_t tag, bool with_data)
      : flow_(flow),
        direction_(direction),
        other_(opposite(direction)),
        tag_(tag),
        with_data_(with_data),
        own_(flow.tag[at(direction_)]),
        peers_(flow.tag[at(other_)]) {}

  bool tag_is_right() const { return tag_ == own_; }

  // Whether the tag is right for this chunk. What heartbeats teach is learned here.
  bool may_pass(const Chunk& chunk) {
    switch (chunk.kind) {
      case Kind::kInit: return tag_ == 0;  // its sender knows none yet
      case Kind::kInitAck: return initiate_tag_fits(chunk);
      case Kind::kAbort:  // who knows no association sends back the tag of what it got
      case Kind::kShutdownComplete: return tag_ == (chunk.reflected ? peers_ : own_);
      case Kind::kCookieEcho: return tag_is_right();
      case Kind::kHeartbeat: return probes();
      case Kind::kHeartbeatAck: return answers_probe();
      default: return true;
    }
  }

  // The tags that a chunk, accepted, tells.
  void take(const Chunk& chunk) {
    if (chunk.kind == Kind::kInit) {
      if (peers_ != chunk.initiate_tag) {
        uint8_t both = sctp::initiated(direction_) | sctp::initiated(other_);
        if ((flow_.flags & both) == both) clear(sctp::initiated(other_));
        flow_.flags |= sctp::initiated(direction_);
      }
      peers_ = chunk.initiate_tag;
    } else if (chunk.kind == Kind::kInitAck) {
      peers_ = chunk.initiate_tag;
    } else if (chunk.kind == Kind::kCookieAck) {
      clear(sctp::initiated(direction_) | sctp::initiated(other_));
    }
  }

  // A HEARTBEAT with another tag passes, and proves nothing.
  bool is_unproven() const { return unproven_; }

 private:
  void clear(unsigned bits) { flow_.flags &= static_cast<uint8_t>(~bits); }

  // An INIT ACK repeats what is known, or answers an INIT of the other side, and no INIT of its own
  // has crossed it.
  bool initiate_tag_fits(const Chunk& chunk) const {
    if (peers_ == 0 || peers_ == chunk.initiate_tag) return true;
    return flow_.flags & sctp::initiated(other_) && !(flow_.flags & sctp::initiated(direction_));
  }

  // A HEARTBEAT may come on a path that we see for the first time: its tag is believed if there
  // is none, else not before the answer comes. It carries no data, and there is one a packet.
  bool probes() {
    if (own_ == 0) {
      own_ = tag_;
      return true;
    }
    bool right = tag_ == own_;
    if (!right && (with_data_ || unproven_)) return false;
    clear(sctp::probed(direction_) | sctp::probed(other_));
    if (right) return true;
    flow_.flags |= sctp::probed(direction_);
    unproven_ = true;
    return true;
  }

  bool answers_probe() {
    if (own_ == 0) {
      own_ = tag_;
      return true;
    }
    bool right = tag_ == own_;
    if (!right && (with_data_ || !(flow_.flags & sctp::probed(other_)))) return false;
    clear(sctp::probed(direction_) | sctp::probed(other_));
    if (right) return true;
    own_ = tag_;
    peers_ = 0;  // the next HEARTBEAT tells
    return true;
  }

  SctpFlow& flow_;
  Direction direction_;
  Direction other_;
  uint32_t tag_;
  bool with_data_;
  uint32_t& own_;
  uint32_t& peers_;
  bool unproven_ = false;
};

uint32_t tag_of(const Packet& packet) {
  return packet.header<SctpHeader>(packet.transport)->verification_tag;
}

// A flow from elsewhere learns its tags as they come.
void learn(SctpFlow& flow, Direction direction, uint32_t tag) {
  if (!(flow.flags & sctp::unheard(direction)) || tag == 0) return;
  flow.flags &= static_cast<uint8_t>(~sctp::unheard(direction));
  flow.tag[at(direction)] = tag;
}

}  // namespace

Reason check_sctp(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(SctpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  if (checksum_is_bad(packet, knobs)) return Reason::kInvalidChecksum;
  return check_chunks(packet);
}

Step open_sctp(Flow& flow, const Arrival& arrival) {
  flow.sctp() = SctpFlow{};
  uint32_t tag = tag_of(arrival.packet);
  uint32_t& own = flow.sctp().tag[at(Direction::kOriginal)];
  uint32_t& peers = flow.sctp().tag[at(Direction::kReply)];
  Chunks chunks(arrival.packet);
  while (chunks.next() == Presence::kPresent) {
    const Chunk& chunk = chunks.chunk();
    if (sctp::transition(Direction::kOriginal, chunk.kind, SctpState::kNone) == SctpState::kNone) {
      return Step::invalid(Reason::kInvalidSctp);
    }
    if (chunk.kind == Kind::kInit) flow.sctp().flags |= sctp::initiated(Direction::kOriginal);
    if (chunk.kind == Kind::kInit || chunk.kind == Kind::kInitAck) peers = chunk.initiate_tag;
    if (chunk.kind == Kind::kShutdownAck) peers = tag;  // it may be reflected (RFC 9260, 8.4)
    if (chunk.kind == Kind::kHeartbeat) own = tag;
  }
  return move_sctp(flow, arrival);
}

Step move_sctp(Flow& flow, const Arrival& arrival) {
  SctpFlow& sctp = flow.sctp();
  uint32_t tag = tag_of(arrival.packet);
  learn(sctp, arrival.direction, tag);
  Contents contents = contents_of(arrival.packet);
  Association association(sctp, arrival.direction, tag, contents.data);
  if (contents.common_tag_rule && !association.tag_is_right()) {
    return Step::invalid(Reason::kInvalidSctpTag);
  }
  Step step;
  Chunks chunks(arrival.packet);
  while (chunks.next() == Presence::kPresent) {
    const Chunk& chunk = chunks.chunk();
    if (!association.may_pass(chunk)) return Step::invalid(Reason::kInvalidSctpTag);
    SctpState from = sctp.state;
    SctpState to = sctp::transition(arrival.direction, chunk.kind, from);
    if (to == SctpState::kNone) return Step::invalid(Reason::kInvalidSctp);
    association.take(chunk);
    sctp.state = to;
    // Here, not in the step: it holds even if a later chunk makes the packet INVALID.
    if (to == SctpState::kEstablished && from != to) flow.status |= ct_status::kAssured;
    step.keep_timer |= chunk.kind == Kind::kInit && from == SctpState::kClosed;
  }
  step.keep_timer |= association.is_unproven();
  step.seconds = timeout_of(sctp.state, arrival.knobs);
  return step;
}

namespace sctp {

void adopt(Flow& flow, SctpState state) {
  flow.sctp() = SctpFlow{
      .state = state,
      .flags = static_cast<uint8_t>(unheard(Direction::kOriginal) | unheard(Direction::kReply))};
}

}  // namespace sctp

}  // namespace sallyport
