// SCTP's states as seen from the middle.
//
// RFC 9260 has the states of one host; what is known here is what both have sent, under the
// names that Linux gives it: SHUTDOWN_SENT is a SHUTDOWN of the side that began the flow,
// SHUTDOWN_RECD one of the other side, HEARTBEAT_SENT a flow of which the first that was seen is
// a HEARTBEAT (a second path of an association, RFC 9260, 8.3). The rows were written from what
// Linux answers (tests/kernel/derive_sctp_table.py asks it again): each is a change. A chunk
// without a row leaves a flow in its state, and begins none.
#include <array>

#include "conntrack/trackers/sctp.h"

namespace sallyport::sctp {
namespace {

constexpr size_t kStates = static_cast<size_t>(SctpState::kCount);
constexpr size_t kKinds = static_cast<size_t>(Kind::kCount);

struct Row {
  Direction direction;
  Kind kind;
  SctpState from;
  SctpState to;
};

constexpr Direction kO = Direction::kOriginal;
constexpr Direction kR = Direction::kReply;
using enum SctpState;

constexpr Row kRows[] = {
    // Four chunks set an association up (5.1).
    {kO, Kind::kInit, kNone, kClosed},
    {kR, Kind::kInitAck, kClosed, kCookieWait},
    {kO, Kind::kCookieEcho, kCookieWait, kCookieEchoed},
    {kR, Kind::kCookieEcho, kCookieWait, kCookieEchoed},
    {kO, Kind::kCookieAck, kCookieEchoed, kEstablished},
    {kR, Kind::kCookieAck, kCookieEchoed, kEstablished},
    {kR, Kind::kError, kCookieEchoed, kClosed},  // a stale cookie
    // Three end it (9.2).
    {kO, Kind::kShutdown, kEstablished, kShutdownSent},
    {kR, Kind::kShutdown, kEstablished, kShutdownRecd},
    {kO, Kind::kShutdownAck, kShutdownSent, kShutdownAckSent},
    {kR, Kind::kShutdownAck, kShutdownSent, kShutdownAckSent},
    {kO, Kind::kShutdownAck, kShutdownRecd, kShutdownAckSent},
    {kR, Kind::kShutdownAck, kShutdownRecd, kShutdownAckSent},
    {kO, Kind::kShutdownComplete, kShutdownAckSent, kClosed},
    {kR, Kind::kShutdownComplete, kShutdownAckSent, kClosed},
    // Or one, at any time (9.1).
    {kO, Kind::kAbort, kCookieWait, kClosed},
    {kR, Kind::kAbort, kCookieWait, kClosed},
    {kO, Kind::kAbort, kCookieEchoed, kClosed},
    {kR, Kind::kAbort, kCookieEchoed, kClosed},
    {kO, Kind::kAbort, kEstablished, kClosed},
    {kR, Kind::kAbort, kEstablished, kClosed},
    {kO, Kind::kAbort, kShutdownSent, kClosed},
    {kR, Kind::kAbort, kShutdownSent, kClosed},
    {kO, Kind::kAbort, kShutdownRecd, kClosed},
    {kR, Kind::kAbort, kShutdownRecd, kClosed},
    {kO, Kind::kAbort, kShutdownAckSent, kClosed},
    {kR, Kind::kAbort, kShutdownAckSent, kClosed},
    // Who begins again while it ends has forgotten it.
    {kO, Kind::kInit, kShutdownSent, kClosed},
    {kO, Kind::kInit, kShutdownRecd, kClosed},
    // A flow that begins in the middle: a HEARTBEAT and its answer prove a path.
    {kO, Kind::kHeartbeat, kNone, kHeartbeatSent},
    {kR, Kind::kHeartbeatAck, kHeartbeatSent, kEstablished},
    {kO, Kind::kHeartbeatAck, kNone, kClosed},
    {kO, Kind::kInitAck, kNone, kClosed},
    {kO, Kind::kCookieEcho, kNone, kClosed},
    {kO, Kind::kShutdown, kNone, kClosed},
    {kO, Kind::kShutdownAck, kNone, kShutdownAckSent},
    {kO, Kind::kError, kNone, kClosed},
    // Until it is proved, its side may still do anything else.
    {kO, Kind::kInit, kHeartbeatSent, kCookieWait},
    {kO, Kind::kInitAck, kHeartbeatSent, kClosed},
    {kO, Kind::kCookieEcho, kHeartbeatSent, kClosed},
    {kO, Kind::kCookieAck, kHeartbeatSent, kClosed},
    {kO, Kind::kShutdown, kHeartbeatSent, kClosed},
    {kO, Kind::kShutdownAck, kHeartbeatSent, kShutdownAckSent},
    {kO, Kind::kShutdownComplete, kHeartbeatSent, kClosed},
    {kO, Kind::kAbort, kHeartbeatSent, kClosed},
    {kO, Kind::kError, kHeartbeatSent, kClosed},
    // And the other side may not: INVALID.
    {kR, Kind::kInit, kHeartbeatSent, kNone},
    {kR, Kind::kInitAck, kHeartbeatSent, kNone},
    {kR, Kind::kCookieEcho, kHeartbeatSent, kNone},
    {kR, Kind::kCookieAck, kHeartbeatSent, kNone},
    {kR, Kind::kShutdown, kHeartbeatSent, kNone},
    {kR, Kind::kShutdownAck, kHeartbeatSent, kNone},
    {kR, Kind::kShutdownComplete, kHeartbeatSent, kNone},
    {kR, Kind::kAbort, kHeartbeatSent, kNone},
    {kR, Kind::kError, kHeartbeatSent, kNone},
};

using Table = std::array<std::array<std::array<SctpState, kStates>, kKinds>, 2>;

// A row that changes nothing, or twice the same cell, does not compile.
consteval Table expand() {
  Table table{};
  for (auto& kinds : table) {
    for (auto& states : kinds) {
      for (size_t i = 0; i < kStates; i++) states[i] = static_cast<SctpState>(i);
    }
  }
  for (const Row& row : kRows) {
    SctpState& cell = table[static_cast<size_t>(row.direction)][static_cast<size_t>(row.kind)]
                           [static_cast<size_t>(row.from)];
    if (cell != row.from || row.to == row.from) throw "two rows for one cell, or none needed";
    cell = row.to;
  }
  return table;
}

constexpr Table kTable = expand();

}  // namespace

Kind kind_of(uint8_t type) {
  switch (type) {
    case 0: return Kind::kData;
    case 1: return Kind::kInit;
    case 2: return Kind::kInitAck;
    case 4: return Kind::kHeartbeat;
    case 5: return Kind::kHeartbeatAck;
    case 6: return Kind::kAbort;
    case 7: return Kind::kShutdown;
    case 8: return Kind::kShutdownAck;
    case 9: return Kind::kError;
    case 10: return Kind::kCookieEcho;
    case 11: return Kind::kCookieAck;
    case 14: return Kind::kShutdownComplete;
    default: return Kind::kOther;
  }
}

SctpState transition(Direction direction, Kind kind, SctpState from) {
  return kTable[static_cast<size_t>(direction)][static_cast<size_t>(kind)]
               [static_cast<size_t>(from)];
}

}  // namespace sallyport::sctp
