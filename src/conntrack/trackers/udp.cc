// UDP and UDP-Lite: a flow is an exchange while it lasts.
//
// Every packet sets the short timeout, whichever way it goes. Once a reply has been
// seen, and the flow is more than two seconds old, it is a stream: the long timeout,
// and worth keeping when the table is full. The first reply itself does not make a
// stream, however late it comes. UDP-Lite needs no age (tests/flow/udplite-stream.flow).
// Asked of Linux: kernel-facts 6, 9, 10, 38.
#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

constexpr uint32_t kStreamAge = ticks(2);

}  // namespace

Reason check_udp(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(UdpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  const auto* udp = packet.header<UdpHeader>(packet.transport);
  if (udp->length < sizeof(UdpHeader) || udp->length > packet.length - packet.transport) {
    return Reason::kInvalidLength;
  }
  return checksum_is_bad(packet, knobs) ? Reason::kInvalidChecksum : Reason::kNone;
}

// The coverage (RFC 3828, 3.1): 0 means all; else it holds the header at least. The
// checksum is not optional.
Reason check_udplite(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(UdpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  const auto* udp = packet.header<UdpHeader>(packet.transport);
  uint32_t coverage = udp->length;
  if (coverage && (coverage < sizeof(UdpHeader) || coverage > packet.length - packet.transport)) {
    return Reason::kInvalidLength;
  }
  if (udp->checksum == 0) return Reason::kInvalidChecksum;
  return checksum_is_bad(packet, knobs) ? Reason::kInvalidChecksum : Reason::kNone;
}

Step move_udp(const Flow& flow, const Arrival& arrival) {
  const Knobs& knobs = arrival.knobs;
  bool old = flow.protocol() == protocol::kUdpLite || flow.age(arrival.now) > kStreamAge;
  if (!(flow.status & ct_status::kSeenReply) || !old) {
    return Step::accept(knobs.udp_timeout);
  }
  return {.assured = true, .seconds = knobs.udp_timeout_stream};
}

}  // namespace sallyport
