// SCTP's parts that can be looked at alone: chunks, states, what a flow remembers.
#pragma once

#include <cstdint>

#include "conntrack/flow.h"

namespace sallyport::sctp {

// The chunks that begin an association, move it on or end it (RFC 9260, 3.2). All others, DATA too,
// only ride on one.
enum class Kind : uint8_t {
  kInit,
  kInitAck,
  kCookieEcho,
  kCookieAck,
  kHeartbeat,
  kHeartbeatAck,
  kShutdown,
  kShutdownAck,
  kShutdownComplete,
  kAbort,
  kError,
  kData,
  kOther,
  kCount
};

Kind kind_of(uint8_t type);

// What a chunk makes of a state; kNone: it is INVALID there.
SctpState transition(Direction direction, Kind kind, SctpState from);

// SctpFlow::flags, one bit a direction.
constexpr uint8_t initiated(Direction from) {  // an INIT with a new tag, not yet acknowledged
  return static_cast<uint8_t>(1u << static_cast<unsigned>(from));
}
constexpr uint8_t probed(Direction from) {  // the last HEARTBEAT had another tag than we know
  return static_cast<uint8_t>(4u << static_cast<unsigned>(from));
}
constexpr uint8_t unheard(Direction from) {  // an adopted flow: the first packet tells the tag
  return static_cast<uint8_t>(16u << static_cast<unsigned>(from));
}

// A flow of which only the state is known.
void adopt(Flow& flow, SctpState state);

}  // namespace sallyport::sctp
