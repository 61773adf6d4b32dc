// TCP's parts that can be looked at alone: segments, states, windows.
#pragma once

#include <array>
#include <cstdint>

#include "conntrack/trackers/tracker.h"

namespace sallyport::tcp {

enum class Kind : uint8_t { kSyn, kSynAck, kFin, kAck, kRst, kCount };

// Flow::tcp_flags, of the whole connection.
constexpr uint8_t kLiberal = 1;       // picked up in mid-stream: windows are not known well enough
constexpr uint8_t kSimultaneous = 2;  // both sides sent a SYN
constexpr uint8_t kFinSeen = 4;       // either side has closed
constexpr uint8_t kHaveLast = 8;      // TcpFlow::last… hold a segment
constexpr uint8_t kSynIgnored = 16;   // TcpFlow::last… hold a SYN that did not fit the connection
constexpr uint8_t kChallenged =
    32;  // TcpFlow::last… hold an ACK that may be a challenge (RFC 5961)

// TcpFlow::side[]: the window scale in the low bits, and
constexpr uint8_t kScaleMask = 0x0f, kScaled = 0x10, kSackOk = 0x20, kAckSeen = 0x40,
                  kUnacknowledged = 0x80;

// TcpFlow::last: a Kind, and whose segment it was.
constexpr uint8_t kLastReply = 8;

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
