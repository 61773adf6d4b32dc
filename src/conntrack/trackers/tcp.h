// TCP's parts that can be looked at alone: segments, states, windows.
#pragma once

#include <cstdint>

#include "conntrack/trackers/tracker.h"

namespace sallyport::tcp {

enum class Kind : uint8_t { kSyn, kSynAck, kFin, kAck, kRst, kCount };

// RFC 9293 and RFC 7323: what the options of a SYN say.
struct Options {
  bool any = false;  // there are some, whichever
  bool scaled = false;
  uint8_t scale = 0;
  bool sack_ok = false;
};

struct Segment {
  Kind kind = Kind::kAck;
  bool syn = false;
  bool has_ack = false;
  uint32_t seq = 0;
  uint32_t end = 0;  // past the last byte; SYN and FIN count
  uint32_t ack = 0;
  uint32_t sacked = 0;  // the highest edge of its SACK blocks (RFC 2018), or `ack`
  uint16_t window = 0;  // as on the wire
  Options options;      // of a SYN
};

// Of a packet that check_tcp() has passed. Options that the capture does not hold are as if not
// there.
Segment segment_of(const Packet& packet);

// Flow::tcp_flags, of the whole connection.
constexpr uint8_t liberal(Direction sender) {  // picked up in mid-stream: its windows are guesses
  return static_cast<uint8_t>(1u << static_cast<unsigned>(sender));
}
constexpr uint8_t kSimultaneous = 4;  // both sides sent a SYN
constexpr uint8_t kFinSeen = 8;       // either side has closed
constexpr uint8_t kSynIgnored = 16;   // the last segment was a SYN that did not fit the connection
constexpr uint8_t kAckIgnored = 32;   // the last segment was an ACK before the handshake
constexpr uint8_t kAckDue = 64;       // a SYN was ignored in LAST_ACK: the next ACK is for it

// TcpWindow::traits: the window scale in the low bits, and
constexpr uint32_t kScaleMask = 0x0f, kScaled = 0x10, kSackOk = 0x20, kAckSeen = 0x40,
                   kUnacknowledged = 0x80;
uint32_t traits_of(const Options& options);

// TcpFlow::last: a Kind, and whose segment it was.
constexpr uint8_t kLastKindMask = 7, kLastReply = 8;

// Sequence numbers, modulo 2^32 (RFC 9293, 3.4).
constexpr bool before(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b) < 0;
}
constexpr bool after(uint32_t a, uint32_t b) {
  return before(b, a);
}

// How a segment lies in the windows.
enum class Fit : uint8_t {
  kFits,
  kOld,
  kOvershot,  // beyond the window by less than another window: the host may know of a later ACK
  kBeyondWindow,
  kBadAck
};
// The windows move if it fits, or has overshot.
Fit fit(TcpFlow& tcp, const Segment& segment, Direction direction);
// A SYN is the first that is known of its sender, who has sent nothing before it.
void begin_window(TcpWindow& window, uint32_t end, uint32_t offered);

// What a state makes of a segment.
struct Transition {
  enum class To : uint8_t { kInvalid, kIgnore, kState } to = To::kInvalid;
  TcpState state = TcpState::kNone;
};
Transition transition(Direction direction, Kind kind, TcpState from);

// A flow of which only the state is known: its windows begin with the next segments.
void adopt(Flow& flow, TcpState state);

// Whether this combination of flags occurs in TCP at all (PSH, ECE and CWR do not matter).
bool flags_are_possible(uint8_t flags);

}  // namespace sallyport::tcp
