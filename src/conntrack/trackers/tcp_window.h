// Whether a segment lies in the windows, and how it moves them.
//
// G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2000). For each side we keep
// the highest sequence number sent (end), the highest that the other side allows (max_end), the
// largest window offered and the highest acknowledgement. A segment may not lie beyond max_end by
// more than one more such window, nor acknowledge (or SACK) what was never sent; what lies below
// the window is old news, and is passed without moving anything.
//
// It is here for every segment of a connection that is up (tcp_established.h).
#pragma once

#include <algorithm>

#include "conntrack/trackers/tcp.h"

namespace sallyport::tcp {

inline size_t at(Direction direction) {
  return static_cast<size_t>(direction);
}

// What a segment acknowledges; one without an ACK all that there is.
struct Acknowledgement {
  uint32_t ack;
  uint32_t sacked;
};

// Both sides of a connection as a segment sees them.
struct Sides {
  TcpWindow& sender;
  TcpWindow& receiver;
  uint32_t& senders;  // traits
  uint32_t& receivers;

  static Sides of(TcpFlow& tcp, Direction direction) {
    const size_t own = at(direction);
    TcpWindow& sender = tcp.window[own];
    TcpWindow& receiver = tcp.window[1 - own];
    return {sender, receiver, sender.traits, receiver.traits};
  }
};

// How far back an acknowledgement may lie, at least.
constexpr uint32_t kOldestAck = 66000;

// Whether compare() says so of a segment with an ACK, but no SACK, whose receiver's window is
// known; where that is closed, it may not.
inline bool surely_fits(const Sides& sides, const Segment& segment) {
  const TcpWindow& sender = sides.sender;
  const TcpWindow& receiver = sides.receiver;
  const uint32_t oldest = receiver.end - std::max(sender.max_window, kOldestAck);
  // No distance may be negative: one sign bit tells it of all.
  const uint32_t distances = (sender.max_end - segment.seq) | (receiver.end - segment.ack) |
                             (segment.ack - oldest) |
                             (segment.end - (sender.end - receiver.max_window));
  return static_cast<int32_t>(distances) >= 0;
}

inline Fit compare(const Sides& sides, const Segment& segment,
                   const Acknowledgement& acknowledged) {
  const TcpWindow& sender = sides.sender;
  const TcpWindow& receiver = sides.receiver;
  bool bad_ack = after(acknowledged.sacked, receiver.end);
  uint32_t oldest = std::max(sender.max_window, kOldestAck);
  bool old_ack = !after(acknowledged.sacked, receiver.end - oldest - 1);
  bool old_data = receiver.max_window && !after(segment.end, sender.end - receiver.max_window - 1);
  if (after(segment.seq, sender.max_end)) {
    bool near = segment.end - sender.max_end < receiver.max_window;
    // With windows of 1 GB what is beyond one edge may be before the other, too: it is not near.
    return near && !old_data && !old_ack && !bad_ack ? Fit::kOvershot : Fit::kBeyondWindow;
  }
  if (bad_ack) return Fit::kBadAck;
  return old_data || old_ack ? Fit::kOld : Fit::kFits;
}

inline void set_end(const Sides& sides, uint32_t end) {
  sides.sender.end = end;
  sides.senders |= kUnacknowledged;
}

// Whether a window has moved nobody can predict: no branch hangs on it.
inline uint32_t choose(bool first, uint32_t one, uint32_t other) {
  return other ^ ((one ^ other) & (uint32_t{0} - first));
}

[[gnu::always_inline]] inline void move_windows(const Sides& sides, const Segment& segment,
                                                const Acknowledgement& acknowledged) {
  TcpWindow& sender = sides.sender;
  TcpWindow& receiver = sides.receiver;
  uint32_t window = segment.window;
  if (!segment.syn) window <<= sides.senders & kScaleMask;
  const uint32_t offered = window + (acknowledged.sacked - acknowledged.ack);
  if (offered > sender.max_window) sender.max_window = offered;
  // What was sent across the edge of the window shows that the receiver offers more than we know.
  if (after(segment.end, sender.max_end) && receiver.max_window) {
    receiver.max_window += segment.end - sender.max_end;
  }
  if (after(segment.end, sender.end)) set_end(sides, segment.end);
  const bool first_ack = !(sides.senders & kAckSeen);
  if (segment.has_ack && (first_ack || after(acknowledged.ack, sender.max_ack))) {
    sender.max_ack = acknowledged.ack;
    sides.senders |= kAckSeen;
  }
  uint32_t allowed = acknowledged.sacked + window;
  const bool moves = !before(allowed, receiver.max_end);
  receiver.max_end = choose(moves, allowed + (window == 0), receiver.max_end);
  if (acknowledged.ack == receiver.end) {
    sides.receivers &= ~kUnacknowledged;
  }
}

}  // namespace sallyport::tcp
