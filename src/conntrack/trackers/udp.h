// UDP and UDP-Lite: a flow is an exchange while it lasts.
//
// Every packet sets the short timeout, whichever way it goes. Once a reply has been
// seen, and the flow is more than two seconds old, it is a stream: the long timeout,
// and worth keeping when the table is full. The first reply itself does not make a
// stream, however late it comes. UDP-Lite needs no age (tests/flow/udplite-stream.flow).
// Asked of Linux: kernel-facts 6, 9, 10, 38.
#pragma once

#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {

// Of a datagram whose header is there: whether its length makes sense.
inline bool has_good_length(const Packet& packet) {
  const uint32_t length =
      reinterpret_cast<const UdpHeader*>(packet.data + packet.transport)->length;
  return length >= sizeof(UdpHeader) && length <= packet.length - packet.transport;
}

inline Reason check_udp(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(UdpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  if (!has_good_length(packet)) return Reason::kInvalidLength;
  return checksum_is_bad(packet, knobs) ? Reason::kInvalidChecksum : Reason::kNone;
}

inline Step open_udp(const Knobs& knobs) {
  return Step::accept(knobs.udp_timeout);
}

inline Step move_udp(const Flow& flow, Tick now, const Knobs& knobs) {
  constexpr uint32_t kStreamAge = ticks(2);
  bool old = flow.protocol() == protocol::kUdpLite || flow.age(now) > kStreamAge;
  bool stream = flow.status & ct_status::kSeenReply && old;
  return {.assured = stream, .seconds = stream ? knobs.udp_timeout_stream : knobs.udp_timeout};
}

}  // namespace sallyport
