// The quoted packet is cut anywhere and may be a lie, so it is read with bounds of its
// own and only as far as the tuple goes: the IP header and the ports, or the id of an ICMP
// query. Checksums of the quoted packet cannot be verified and are not. The error must be
// addressed to the host that it says has sent the quoted packet. An error about an error,
// or about a fragment without ports, has no flow. Asked of Linux: kernel-facts 32, 33. An ICMPv6
// redirect quotes in an option.
#include "conntrack/trackers/icmp_error.h"

#include <array>

#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

// The packet quoted by an error, from its IP header on.
struct Quote {
  const Packet& packet;
  uint32_t offset;  // in `packet`

  template <typename Header>
  Reason read(const Header*& header, uint32_t at) const {
    switch (packet.presence(offset + at, sizeof(Header))) {
      case Presence::kShort: return Reason::kInvalidIcmpInner;
      case Presence::kNotCaptured: return Reason::kNotInCapture;
      case Presence::kPresent: header = packet.header<Header>(offset + at); break;
    }
    return Reason::kNone;
  }
};

// What follows the ICMPv6 header of a redirect, and how far on the packet that it quotes begins
// (RFC 4861, 4.5 and 4.6.3).
struct RedirectHeader {
  std::array<uint8_t, 16> target;
  std::array<uint8_t, 16> destination;
  uint8_t option;
  uint8_t option_length;
};
static_assert(sizeof(RedirectHeader) == 34);

constexpr uint32_t kRedirectedAt = 40;
constexpr uint8_t kRedirectedHeader = 4;

struct Ports {
  be16 source;
  be16 destination;
};

// On success `transport` is where the quoted transport header begins.
Reason read_ipv4(const Quote& quote, Tuple& inner, uint32_t& transport) {
  const Ipv4Header* ip = nullptr;
  if (Reason why = quote.read(ip, 0); why != Reason::kNone) return why;
  bool sound = ip->version_ihl >> 4 == 4 && ip->header_length() >= sizeof(Ipv4Header);
  if (!sound || ip->fragment & Ipv4Header::kOffsetMask) return Reason::kInvalidIcmpInner;
  inner.source = Address::ipv4(ip->source);
  inner.destination = Address::ipv4(ip->destination);
  inner.protocol = ip->protocol;
  transport = ip->header_length();
  return Reason::kNone;
}

// As much of an IPv6 fragment header as is asked for: the quote may end behind it, where the
// protocol needs no more.
struct FragmentStart {
  uint8_t next_header, reserved;
  be16 offset;
};

Reason read_ipv6(const Quote& quote, Tuple& inner, uint32_t& transport) {
  const Ipv6Header* ip = nullptr;
  if (Reason why = quote.read(ip, 0); why != Reason::kNone) return why;
  if (ip->version_class_flow >> 28 != 6) return Reason::kInvalidIcmpInner;
  inner.source = Address::from_wire(Family::kIpv6, ip->source.data());
  inner.destination = Address::from_wire(Family::kIpv6, ip->destination.data());
  uint8_t next = ip->next_header;
  uint32_t at = sizeof(Ipv6Header);
  for (;;) {
    bool by_eights = next == protocol::kHopByHop || next == protocol::kIpv6Routing ||
                     next == protocol::kIpv6Destination;
    if (next == protocol::kIpv6Fragment) {
      const FragmentStart* fragment = nullptr;
      if (Reason why = quote.read(fragment, at); why != Reason::kNone) return why;
      if (fragment->offset >> 3) return Reason::kInvalidIcmpInner;
      next = fragment->next_header;
      at += sizeof(Ipv6FragmentHeader);
    } else if (by_eights || next == protocol::kAh) {
      const Ipv6Extension* extension = nullptr;
      if (Reason why = quote.read(extension, at); why != Reason::kNone) return why;
      next = extension->next_header;
      at += by_eights ? 8 * (extension->length + 1u) : 4 * (extension->length + 2u);
    } else {
      break;
    }
  }
  inner.protocol = next;
  transport = at;
  return Reason::kNone;
}

Reason read_transport(const Quote& quote, uint32_t transport, Tuple& inner) {
  switch (inner.protocol) {
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kUdpLite:
    case protocol::kSctp: {
      const Ports* ports = nullptr;
      if (Reason why = quote.read(ports, transport); why != Reason::kNone) return why;
      inner.source_port = ports->source;
      inner.destination_port = ports->destination;
      return Reason::kNone;
    }
    case protocol::kIcmp:
    case protocol::kIcmpv6: {
      const IcmpHeader* icmp = nullptr;
      if (Reason why = quote.read(icmp, transport); why != Reason::kNone) return why;
      if (is_icmp_error(inner.family, icmp->type)) return Reason::kInvalidIcmpInner;
      inner.source_port = icmp->id;
      inner.destination_port = static_cast<uint16_t>(icmp->type << 8 | icmp->code);
      return Reason::kNone;
    }
    case protocol::kGre:
      return read_gre_key(quote.packet, quote.offset + transport, inner.destination_port);
    default: return Reason::kNone;
  }
}

// A router's word, from the link itself. Of the rules of RFC 4861, 8.1, Linux holds a redirect to
// these; and it looks for the quoted packet only in the first option, whose length may be
// anything but 0. Asked of it: tests/flow/icmp6-redirect.flow.
Reason check_redirect(const Packet& packet, uint32_t at) {
  constexpr uint32_t kOnLinkHops = 255;
  switch (packet.presence(at, sizeof(RedirectHeader))) {
    case Presence::kShort: return Reason::kInvalidIcmpRedirect;
    case Presence::kNotCaptured: return Reason::kNotInCapture;
    case Presence::kPresent: break;
  }
  if (packet.fields[Field::kIcmpCode] != 0) return Reason::kInvalidIcmpInner;
  bool from_router =
      packet.fields[Field::kTtl] == kOnLinkHops && packet.source().is_link_local(Family::kIpv6);
  if (!from_router) return Reason::kInvalidIcmpRedirect;
  const auto& header = *packet.header<RedirectHeader>(at);
  if (header.option_length == 0) return Reason::kInvalidIcmpRedirect;
  return header.option == kRedirectedHeader ? Reason::kNone : Reason::kInvalidIcmpInner;
}

}  // namespace

bool is_icmp_error(Family family, uint32_t type) {
  if (family == Family::kIpv6) return type < icmpv6::kEcho || type == icmpv6::kRedirect;
  switch (type) {
    case icmp::kUnreachable:
    case icmp::kSourceQuench:
    case icmp::kRedirect:
    case icmp::kTimeExceeded:
    case icmp::kParameterProblem: return true;
    default: return false;
  }
}

Reason quoted_answer(Packet& packet, const Knobs& knobs, Tuple& answer) {
  if (Reason why = check_icmp(packet, knobs); why != Reason::kNone) return why;
  uint32_t offset = packet.transport + static_cast<uint32_t>(sizeof(IcmpHeader));
  if (packet.family == Family::kIpv6 && packet.fields[Field::kIcmpType] == icmpv6::kRedirect) {
    if (Reason why = check_redirect(packet, offset); why != Reason::kNone) return why;
    offset += kRedirectedAt;
  }
  Quote quote{packet, offset};
  Tuple inner;
  inner.family = packet.family;
  uint32_t transport = 0;
  Reason why = packet.family == Family::kIpv4 ? read_ipv4(quote, inner, transport)
                                              : read_ipv6(quote, inner, transport);
  if (why == Reason::kNone) why = read_transport(quote, transport, inner);
  if (why != Reason::kNone) return why;
  if (packet.destination() != inner.source) return Reason::kInvalidIcmpAddress;
  answer = invert(inner);
  return Reason::kNone;
}

}  // namespace sallyport
