// Whether a datagram of UDP-Lite is sound; what it does to its flow is in udp.h.
#include "conntrack/trackers/udp.h"

#include "packet/headers.h"

namespace sallyport {

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

}  // namespace sallyport
