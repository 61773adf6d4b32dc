#include "sets/packet_element.h"

#include "base/byte_order.h"

namespace sallyport {
namespace {

struct PortPlace {
  uint8_t source;       // offset in the transport header
  uint8_t destination;  //
  uint8_t bytes;        // 0: this protocol has no port
  uint8_t header;       // bytes that must be there, even for a port that lies before the cut
};

// Seen on Linux 6.18, one packet each: a TCP header of 19 bytes, a UDP one of 7, SCTP of 8,
// UDP-Lite of 4, ICMP of 4 have no port. DCCP's ports are not looked at: it is "dccp:0". ICMP's
// type and code are the port, whichever direction is asked, and ICMPv6's inside IPv4 are, too.
PortPlace port_place(uint8_t protocol) {
  switch (protocol) {
    case protocol::kTcp: return {0, 2, 2, 20};
    case protocol::kUdp:
    case protocol::kUdpLite: return {0, 2, 2, 8};
    case protocol::kSctp: return {0, 2, 2, 12};
    case protocol::kIcmp:
    case protocol::kIcmpv6: return {0, 0, 2, 8};
    default: return {0, 0, 0, 0};
  }
}

// False: the packet has no port. A fragment other than the first has none, unless it is
// IPv4 and its protocol has none anyway; nor have IPv6 without a next header and protocol 0.
bool read_port(const Packet& packet, bool source, Element& element, bool& not_captured) {
  uint8_t protocol = packet.protocol();
  bool later = packet.is_fragment && packet.fragment_offset != 0;
  if (protocol == 0) return false;
  if (packet.family == Family::kIpv6 && (later || protocol == protocol::kNoNextHeader))
    return false;
  element.protocol = protocol;
  PortPlace place = port_place(protocol);
  if (place.bytes == 0) return true;
  if (later) return false;
  if (packet.presence(packet.transport, place.header) == Presence::kShort) return false;
  const be16* port =
      packet.header<be16>(packet.transport + (source ? place.source : place.destination));
  if (port == nullptr) {
    not_captured = true;
    return false;
  }
  element.port = *port;
  return true;
}

}  // namespace

std::optional<Element> element_of(const Packet& packet, const SetOptions& options,
                                  const SetQuery& query, bool& not_captured) {
  const SetTypeInfo& info = options.info();
  if (query.dimensions < info.dimensions) return std::nullopt;
  Element element;
  size_t dimension = 0;
  if (info.has_address) {
    if (packet.family != options.family) return std::nullopt;
    element.address = query.source[dimension++] ? packet.source() : packet.destination();
    int bits = bits_of(options.family);
    element.length = static_cast<uint8_t>(bits);
    if (options.netmask != 0)
      element.address = element.address & mask_of(options.family, options.netmask);
  }
  if (info.has_port) {
    if (!read_port(packet, query.source[dimension], element, not_captured)) return std::nullopt;
    if (!info.has_address) {
      // bitmap:port: TCP and UDP only, either alike (SCTP and UDP-Lite never match).
      if (element.protocol != protocol::kTcp && element.protocol != protocol::kUdp)
        return std::nullopt;
      if (element.port < options.first_port || element.port > options.last_port)
        return std::nullopt;
      element.protocol = 0;
    }
  }
  return element;
}

}  // namespace sallyport
