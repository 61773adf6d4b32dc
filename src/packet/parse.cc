// One pass over the headers, straight down: the IP header, IPv6's extension
// headers, then the first bytes of the transport header. No bytes beyond
// min(length, captured) are ever read, and `Presence` keeps the two ends apart.
//
// Which extension headers are walked over, and what becomes of one that is cut

#include "packet/parse.h"

#include <algorithm>
#include <cstring>

#include "packet/checksum.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

constexpr size_t kParsedFields = static_cast<size_t>(Field::kPacketType);

// Everything that parse() owns, as for a packet of which nothing could be read.
void reset(Packet& packet) {
  packet.malformed = Reason::kNone;
  packet.length = packet.wire_length;
  packet.transport = 0;
  packet.is_fragment = false;
  packet.more_fragments = false;
  packet.is_icmp_error = false;
  packet.fragment_offset = 0;
  packet.fragment_id = 0;
  packet.fragment_header = 0;
  packet.checksum = ChecksumState::kUnknown;
  std::fill_n(packet.fields.words.begin(), kParsedFields, 0u);
}

// A header of the IP layer that is not all there: who is to blame.
Reason missing(const Packet& packet, uint32_t size) {
  return packet.wire_length < size ? Reason::kCutShort : Reason::kNotInCapture;
}

void read_ports(Packet& packet) {
  if (packet.presence(packet.transport, 4) != Presence::kPresent) return;
  const auto* ports = reinterpret_cast<const be16*>(packet.data + packet.transport);
  packet.fields[Field::kSourcePort] = ports[0];
  packet.fields[Field::kDestinationPort] = ports[1];
}

void read_tcp(Packet& packet) {
  constexpr uint32_t kFlagsAt = offsetof(TcpHeader, flags);
  read_ports(packet);
  if (packet.presence(packet.transport, kFlagsAt + 1) != Presence::kPresent) return;
  packet.fields[Field::kTcpFlags] = packet.data[packet.transport + kFlagsAt];
}

bool is_icmp_error(uint8_t type) {
  return type == icmp::kUnreachable || type == icmp::kSourceQuench || type == icmp::kRedirect ||
         type == icmp::kTimeExceeded || type == icmp::kParameterProblem;
}

// RFC 4443, 2.1: errors have the high bit clear. Redirect is treated as one (kernel-facts 34).
bool is_icmpv6_error(uint8_t type) {
  return type < 128 || type == icmpv6::kRedirect;
}

void read_icmp(Packet& packet, uint8_t protocol) {
  if (packet.presence(packet.transport, 2) != Presence::kPresent) return;
  uint8_t type = packet.data[packet.transport];
  packet.fields[Field::kIcmpType] = type;
  packet.fields[Field::kIcmpCode] = packet.data[packet.transport + 1];
  packet.is_icmp_error = protocol == protocol::kIcmp ? is_icmp_error(type) : is_icmpv6_error(type);
}

void read_transport(Packet& packet, uint8_t protocol) {
  packet.fields[Field::kProtocol] = protocol;
  if (packet.fragment_offset > 0) return;  // what lies there is not a header
  switch (protocol) {
    case protocol::kTcp: return read_tcp(packet);
    case protocol::kUdp:
    case protocol::kUdpLite:
    case protocol::kSctp:
    case protocol::kDccp: return read_ports(packet);
    case protocol::kIcmp:
      if (packet.family == Family::kIpv4) read_icmp(packet, protocol);
      return;
    case protocol::kIcmpv6:
      if (packet.family == Family::kIpv6) read_icmp(packet, protocol);
      return;
    default: return;
  }
}

void read_fragment(Packet& packet, uint32_t offset, bool more) {
  packet.fragment_offset = offset;
  packet.more_fragments = more;
  packet.is_fragment = more || offset > 0;
  packet.fields[Field::kFragment] = offset > 0;
}

void parse_ipv4(Packet& packet) {
  if (packet.captured < sizeof(Ipv4Header)) {
    packet.malformed = missing(packet, sizeof(Ipv4Header));
    return;
  }
  const auto& ip = *reinterpret_cast<const Ipv4Header*>(packet.data);
  uint32_t header_length = ip.header_length();
  uint32_t total_length = ip.total_length;
  // Segmentation offload leaves 0 where the length does not fit or is not known yet.
  if (total_length == 0 && ip.protocol == protocol::kTcp) total_length = packet.wire_length;

  packet.fields[Field::kSource0] = ip.source;
  packet.fields[Field::kDestination0] = ip.destination;
  packet.fields[Field::kTtl] = ip.ttl;
  packet.fields[Field::kTos] = ip.tos;
  packet.fields[Field::kProtocol] = ip.protocol;
  if (header_length < sizeof(Ipv4Header) || total_length < header_length) {
    packet.malformed = Reason::kBadHeader;
    return;
  }
  if (total_length > packet.wire_length) {
    packet.malformed = Reason::kCutShort;
    return;
  }
  packet.length = total_length;
  packet.fields[Field::kLength] = total_length;
  packet.transport = static_cast<uint16_t>(header_length);
  if (packet.captured >= header_length &&
      fold(sum_words(packet.data, header_length / 4)) != 0xffff) {
    packet.malformed = Reason::kBadHeaderChecksum;
  }
  uint16_t fragment = ip.fragment;
  packet.fragment_id = ip.id;
  read_fragment(packet, 8u * (fragment & Ipv4Header::kOffsetMask),
                fragment & Ipv4Header::kMoreFragments);
  read_transport(packet, ip.protocol);
}

// Whether `next` is walked over on the way to the transport header.
bool is_extension(uint8_t next) {
  switch (next) {
    case protocol::kHopByHop:
    case protocol::kIpv6Routing:
    case protocol::kIpv6Fragment:
    case protocol::kAh:
    case protocol::kIpv6Destination: return true;
    default: return false;
  }
}

uint32_t extension_length(uint8_t kind, uint8_t length) {
  if (kind == protocol::kIpv6Fragment) return sizeof(Ipv6FragmentHeader);
  if (kind == protocol::kAh) return 4u * (length + 2u);  // RFC 4302, 2.2
  return 8u * (length + 1u);
}

// Walks the extension headers. Where the front of one is not there, its own number
// is the protocol and its place the transport's, so that presence() says why. One
// whose body runs past the end puts the transport header there, where it is short.
void walk_extensions(Packet& packet, uint8_t next) {
  uint32_t at = sizeof(Ipv6Header);
  while (is_extension(next)) {
    packet.transport = static_cast<uint16_t>(at);
    packet.fields[Field::kProtocol] = next;
    const auto* extension = packet.header<Ipv6Extension>(at);
    if (!extension) return;
    uint32_t size = extension_length(next, extension->length);
    if (next == protocol::kIpv6Fragment) {
      const auto* fragment = packet.header<Ipv6FragmentHeader>(at);
      if (!fragment) return;
      uint16_t offset = fragment->offset;
      read_fragment(packet, offset & 0xfff8u, offset & 1);
      packet.is_fragment = true;  // RFC 6946: an atomic one, too
      packet.fragment_id = fragment->id;
      packet.fragment_header = static_cast<uint16_t>(at);
    }
    next = extension->next_header;
    at += size;
    if (packet.fragment_offset > 0) break;  // what follows is the middle of something
    if (at > UINT16_MAX) {                  // possible in a jumbogram only
      packet.malformed = Reason::kBadHeader;
      return;
    }
  }
  packet.transport = static_cast<uint16_t>(at);
  read_transport(packet, next);
}

void parse_ipv6(Packet& packet) {
  if (packet.captured < sizeof(Ipv6Header)) {
    packet.malformed = missing(packet, sizeof(Ipv6Header));
    return;
  }
  const auto& ip = *reinterpret_cast<const Ipv6Header*>(packet.data);
  const auto* source = reinterpret_cast<const be32*>(ip.source.data());
  const auto* destination = reinterpret_cast<const be32*>(ip.destination.data());
  for (size_t i = 0; i < 4; i++) {
    packet.fields.words[static_cast<size_t>(Field::kSource0) + i] = source[i];
    packet.fields.words[static_cast<size_t>(Field::kDestination0) + i] = destination[i];
  }
  packet.fields[Field::kTtl] = ip.hop_limit;
  packet.fields[Field::kTos] = (ip.version_class_flow >> 20) & 0xff;
  packet.fields[Field::kProtocol] = ip.next_header;

  uint32_t length = uint32_t{sizeof ip} + ip.payload_length;
  // Jumbograms (RFC 2675, BIG TCP) and segmentation offload have 0 there.
  bool jumbo = ip.next_header == protocol::kHopByHop ||
               (ip.next_header == protocol::kTcp &&
                packet.wire_length >= sizeof(Ipv6Header) + sizeof(TcpHeader));
  if (ip.payload_length == 0 && jumbo) length = packet.wire_length;
  if (length > packet.wire_length) {
    packet.malformed = Reason::kCutShort;
    return;
  }
  packet.length = length;
  packet.fields[Field::kLength] = length;
  walk_extensions(packet, ip.next_header);
}

// The pseudo-header: both addresses, the protocol, the transport's length.
Sum pseudo_header(const Packet& packet, uint32_t length) {
  struct {
    be32 length;
    be32 protocol;
  } const tail{length, packet.protocol()};
  size_t addresses =
      packet.family == Family::kIpv4 ? offsetof(Ipv4Header, source) : offsetof(Ipv6Header, source);
  size_t words = packet.family == Family::kIpv4 ? 2 : 8;
  return sum_words(packet.data + addresses, words) + sum_words(&tail, 2);
}

ChecksumState sums_to_zero(Sum sum) {
  return fold(sum) == 0xffff ? ChecksumState::kGood : ChecksumState::kBad;
}

ChecksumState check_udp(const Packet& packet, std::span<const uint8_t> segment, bool lite) {
  if (segment.size() < sizeof(UdpHeader)) return ChecksumState::kGood;
  const auto& udp = *reinterpret_cast<const UdpHeader*>(segment.data());
  if (udp.checksum == 0) return lite ? ChecksumState::kBad : ChecksumState::kGood;
  uint32_t length = udp.length;
  if (lite) {
    uint32_t covered = length == 0 ? static_cast<uint32_t>(segment.size()) : length;
    if (covered > segment.size()) return ChecksumState::kGood;  // the length is wrong, not the sum
    return sums_to_zero(pseudo_header(packet, static_cast<uint32_t>(segment.size())) +
                        sum_bytes(segment.first(covered)));
  }
  if (length < sizeof(UdpHeader) || length > segment.size()) return ChecksumState::kGood;
  return sums_to_zero(pseudo_header(packet, length) + sum_bytes(segment.first(length)));
}

ChecksumState check_sctp(std::span<const uint8_t> segment) {
  if (segment.size() < sizeof(SctpHeader)) return ChecksumState::kGood;
  constexpr size_t kChecksumAt = offsetof(SctpHeader, checksum);
  constexpr uint8_t kZeroes[4] = {};
  uint32_t crc = crc32c(segment.first(kChecksumAt));
  crc = crc32c(kZeroes, crc);
  crc = crc32c(segment.subspan(sizeof(SctpHeader)), crc);
  const uint8_t* stored = segment.data() + kChecksumAt;
  uint32_t found = static_cast<uint32_t>(stored[0]) | static_cast<uint32_t>(stored[1]) << 8 |
                   static_cast<uint32_t>(stored[2]) << 16 | static_cast<uint32_t>(stored[3]) << 24;
  return crc == found ? ChecksumState::kGood : ChecksumState::kBad;
}

bool is_verifiable(const Packet& packet) {
  if (packet.malformed != Reason::kNone || packet.is_fragment) return false;
  if (packet.captured < packet.length || packet.transport >= packet.length) return false;
  // A length of 0 in the header: a segment whose checksum offload had not filled in yet.
  return packet.family == Family::kIpv4
             ? reinterpret_cast<const Ipv4Header*>(packet.data)->total_length != 0
             : reinterpret_cast<const Ipv6Header*>(packet.data)->payload_length != 0;
}

ChecksumState compute_checksum(const Packet& packet) {
  if (!is_verifiable(packet)) return ChecksumState::kGood;
  uint32_t length = packet.length - packet.transport;
  std::span<const uint8_t> segment{packet.data + packet.transport, length};
  switch (packet.protocol()) {
    case protocol::kTcp: return sums_to_zero(pseudo_header(packet, length) + sum_bytes(segment));
    case protocol::kUdp: return check_udp(packet, segment, false);
    case protocol::kUdpLite: return check_udp(packet, segment, true);
    case protocol::kSctp: return check_sctp(segment);
    case protocol::kIcmp:
      if (packet.family == Family::kIpv6) return ChecksumState::kGood;
      return sums_to_zero(sum_bytes(segment));
    case protocol::kIcmpv6:
      if (packet.family == Family::kIpv4) return ChecksumState::kGood;
      return sums_to_zero(pseudo_header(packet, length) + sum_bytes(segment));
    default: return ChecksumState::kGood;
  }
}

}  // namespace

void parse(Packet& packet) {
  reset(packet);
  if (packet.captured == 0) {
    packet.malformed = missing(packet, 1);
    return;
  }
  switch (packet.data[0] >> 4) {
    case 4: packet.family = Family::kIpv4; return parse_ipv4(packet);
    case 6: packet.family = Family::kIpv6; return parse_ipv6(packet);
    default: packet.malformed = Reason::kBadHeader; return;
  }
}

ChecksumState verify_checksum(Packet& packet) {
  if (packet.checksum == ChecksumState::kUnknown) packet.checksum = compute_checksum(packet);
  return packet.checksum;
}

}  // namespace sallyport
