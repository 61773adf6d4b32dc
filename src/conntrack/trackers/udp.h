// UDP and UDP-Lite: a flow is an exchange while it lasts.
//
// Every packet sets the short timeout, whichever way it goes. Once a reply has been
// seen, and the flow is more than two seconds old, it is a stream: the long timeout,
// and worth keeping when the table is full. The first reply itself does not make a
// stream, however late it comes. UDP-Lite needs no age (tests/flow/udplite-stream.flow).
// Asked of Linux: kernel-facts 6, 9, 10, 38.
#pragma once

#include "conntrack/trackers/tracker.h"

namespace sallyport {

inline Step move_udp(const Flow& flow, const Arrival& arrival) {
  constexpr uint32_t kStreamAge = ticks(2);
  bool old = flow.protocol() == protocol::kUdpLite || flow.age(arrival.now) > kStreamAge;
  bool stream = flow.status & ct_status::kSeenReply && old;
  return {.assured = stream,
          .seconds = stream ? arrival.knobs.udp_timeout_stream : arrival.knobs.udp_timeout};
}

}  // namespace sallyport
