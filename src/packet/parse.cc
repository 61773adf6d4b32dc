// One pass over the headers, straight down: the IP header, IPv6's extension
// headers, then the first bytes of the transport header. No bytes beyond
// min(length, captured) are ever read, and `Presence` keeps the two ends apart.
//
// Which extension headers are walked over, what a broken hop-by-hop header costs
// and over what a checksum is taken was asked of Linux 6.18 (raw PREROUTING's
// counter, ip6tables -p, -m conntrack), packet by packet through a TAP.
#include "packet/parse.h"

#include <algorithm>

#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/parse_plain.h"

namespace sallyport {
namespace {

// A length of 0 in a TCP packet of more than this is a segment on its way to or
// from the interface's segmentation offload; a smaller one is just broken.
constexpr uint32_t kLargestWithoutOffload = 1500;

void refuse(Packet& packet, Reason reason) {
  packet.malformed = reason;
  packet.bridge_minds_not = false;
}
void refuse_on_host(Packet& packet) {
  packet.malformed = Reason::kBadHeader;
  packet.bridge_minds_not = true;
}

// Everything that parse() owns, as for a packet of which nothing could be read.
void reset(Packet& packet) {
  plain::reset_findings(packet);
  packet.family = Family::kIpv4;
  packet.length = packet.wire_length;
  std::fill_n(packet.fields.words.begin(), kParsedFields, 0u);
}

bool is_offloaded(const Packet& packet, uint8_t protocol) {
  return protocol == protocol::kTcp && packet.wire_length > kLargestWithoutOffload;
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
  if (packet.presence(packet.transport, kFlagsAt + 1) == Presence::kPresent) {
    packet.fields[Field::kTcpFlags] = packet.data[packet.transport + kFlagsAt];
  }
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
  if (total_length == 0 && is_offloaded(packet, ip.protocol)) total_length = packet.wire_length;

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
  packet.fragment_id = ip.id;
  // The header's checksum counts where it is held.
  if (packet.captured >= header_length && !is_all_ones(sum_words(&ip, header_length / 4))) {
    packet.malformed = Reason::kBadHeaderChecksum;
  }
  const uint16_t fragment = ip.fragment;
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
    packet.no_transport = !extension;
    if (!extension) return;
    uint32_t size = extension_length(next, extension->length);
    if (next == protocol::kIpv6Fragment) {
      const auto* fragment = packet.header<Ipv6FragmentHeader>(at);
      packet.no_transport = !fragment;
      if (!fragment) return;
      uint16_t offset = fragment->offset;
      read_fragment(packet, offset & 0xfff8u, offset & 1);
      packet.is_fragment = true;  // RFC 6946: an atomic one, too
      packet.fragment_id = fragment->id;
      packet.fragment_header = static_cast<uint16_t>(at);
    }
    next = extension->next_header;
    at += size;
    if (packet.fragment_offset > 0) {  // what follows is the middle of something
      packet.no_transport = is_extension(next);
      break;
    }
    if (at > UINT16_MAX) {  // possible in a jumbogram only
      refuse(packet, Reason::kBadHeader);
      return;
    }
  }
  packet.transport = static_cast<uint16_t>(at);
  read_transport(packet, next);
}

// The options that Linux knows, and how many others it bears with.
constexpr uint8_t kPad1 = 0, kPadN = 1, kRouterAlert = 5, kJumbo = 0xc2;  // IANA
constexpr uint32_t kMostOptions = 8;  // net.ipv6.max_hbh_opts_number
constexpr uint32_t kMostPadding = 7;  // in a row

// A jumbogram (RFC 2675): the length is the option's.
Reason read_jumbo(Packet& packet, const uint8_t* option, uint8_t size) {
  if (size != 4) return Reason::kBadHeader;
  const auto& ip = *reinterpret_cast<const Ipv6Header*>(packet.data);
  const uint64_t length = uint64_t{*reinterpret_cast<const be32*>(option)} + sizeof ip;
  if (ip.payload_length != 0 || length <= UINT16_MAX + sizeof ip) return Reason::kBadHeader;
  if (length > packet.wire_length) return Reason::kCutShort;
  packet.length = static_cast<uint32_t>(length);
  return Reason::kNone;
}

bool is_good_option(uint8_t type, std::span<const uint8_t> option) {
  switch (type) {
    case kPadN: return std::ranges::all_of(option, [](uint8_t byte) { return byte == 0; });
    case kRouterAlert:
      return option.size() == 2;  // RFC 2711
    // RFC 8200, 4.2: the upper two bits say whether who does not know it may go on.
    default: return type >> 6 == 0;
  }
}

// What is too much for a bridge, too; what is not, it has marked.
Reason read_options(Packet& packet, const uint8_t* at, const uint8_t* end) {
  uint32_t options = 0, padding = 0;
  while (at < end) {
    uint8_t type = *at;
    if (type == kPad1) {
      at++;
      padding++;
    } else {
      if (end - at < 2 || end - at < 2 + at[1]) return Reason::kBadHeader;
      uint8_t size = at[1];
      if (type == kJumbo) {
        if (Reason bad = read_jumbo(packet, at + 2, size); bad != Reason::kNone) return bad;
      } else if (!is_good_option(type, {at + 2, size})) {
        refuse_on_host(packet);
      }
      at += 2 + size;
      padding = type == kPadN ? padding + 2u + size : 0;
      if (type != kPadN && ++options > kMostOptions) refuse_on_host(packet);
    }
    if (padding > kMostPadding) refuse_on_host(packet);
  }
  return Reason::kNone;
}

// The one extension header that Linux reads before any chain, and only as the first.
void check_hop_by_hop(Packet& packet) {
  constexpr uint32_t kAt = sizeof(Ipv6Header);
  if (packet.presence(kAt, 8) == Presence::kShort) {
    refuse(packet, Reason::kBadHeader);
    return;
  }
  const auto* header = packet.header<Ipv6Extension>(kAt);
  if (!header) return;
  uint32_t size = 8u * (header->length + 1u);
  if (packet.presence(kAt, size) == Presence::kShort) {
    refuse(packet, Reason::kBadHeader);
  } else if (packet.captured >= kAt + size) {
    const uint8_t* options = packet.data + kAt + sizeof(Ipv6Extension);
    Reason bad = read_options(packet, options, packet.data + kAt + size);
    if (bad != Reason::kNone) refuse(packet, bad);
  }
}

void parse_ipv6(Packet& packet) {
  if (packet.captured < sizeof(Ipv6Header)) {
    packet.malformed = missing(packet, sizeof(Ipv6Header));
    return;
  }
  const auto& ip = *reinterpret_cast<const Ipv6Header*>(packet.data);
  const auto read_address = [&packet](Field first, const auto& bytes) {
    std::ranges::copy(Address::from_wire(Family::kIpv6, bytes.data()).words, &packet.fields[first]);
  };
  read_address(Field::kSource0, ip.source);
  read_address(Field::kDestination0, ip.destination);
  packet.fields[Field::kTtl] = ip.hop_limit;
  packet.fields[Field::kTos] = (ip.version_class_flow >> 20) & 0xff;
  packet.fields[Field::kProtocol] = ip.next_header;

  uint32_t length = uint32_t{sizeof ip} + ip.payload_length;
  // A hop-by-hop header may hold the length instead (RFC 2675, BIG TCP).
  bool elsewhere = ip.next_header == protocol::kHopByHop || is_offloaded(packet, ip.next_header);
  if (ip.payload_length == 0 && elsewhere) length = packet.wire_length;
  if (length > packet.wire_length) {
    packet.malformed = Reason::kCutShort;
    return;
  }
  packet.length = length;
  bool reserved_group = ip.destination[0] == 0xff && (ip.destination[1] & 0xf) == 0;
  if (ip.source[0] == 0xff || reserved_group) refuse_on_host(packet);
  if (ip.next_header == protocol::kHopByHop) check_hop_by_hop(packet);
  packet.fields[Field::kLength] = packet.length;
  walk_extensions(packet, ip.next_header);
}

// With its pseudo-header.
Sum sum_segment(const Packet& packet, std::span<const uint8_t> segment) {
  return pseudo_header(packet, static_cast<uint32_t>(segment.size())) + sum_bytes(segment);
}

// Linux sums all of the IP payload, whatever the UDP length says: a datagram with
// bytes behind it that are not in its checksum is INVALID.
ChecksumState check_udp(const Packet& packet, std::span<const uint8_t> segment) {
  if (segment.size() < sizeof(UdpHeader)) return ChecksumState::kGood;
  if (reinterpret_cast<const UdpHeader*>(segment.data())->checksum == 0) {
    return ChecksumState::kGood;
  }
  return sums_to_zero(sum_segment(packet, segment));
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
  // Linux sums what there is of a first fragment, and finds it wrong.
  if (packet.malformed != Reason::kNone || packet.fragment_offset > 0) return false;
  if (packet.captured < packet.length || packet.transport >= packet.length) return false;
  // A length of 0 in the header: a segment whose checksum offload had not filled in yet.
  return packet.family == Family::kIpv4
             ? reinterpret_cast<const Ipv4Header*>(packet.data)->total_length != 0
             : reinterpret_cast<const Ipv6Header*>(packet.data)->payload_length != 0;
}

}  // namespace

Sum pseudo_header(const Packet& packet, uint32_t length) {
  size_t addresses =
      packet.family == Family::kIpv4 ? offsetof(Ipv4Header, source) : offsetof(Ipv6Header, source);
  size_t words = packet.family == Family::kIpv4 ? 2 : 8;
  return sum_words(packet.data + addresses, words) + sum_length(length, packet.protocol());
}

bool is_only_for_loopback(const Packet& packet) {
  if (packet.family == Family::kIpv4) return false;
  constexpr Address kLoopback{{0, 0, 0, 1}};
  Address destination = packet.destination();
  bool interface_local = (destination.words[0] & 0xff0f0000) == 0xff010000;
  return interface_local || destination == kLoopback || packet.source() == kLoopback;
}

void leave_unparsed(Packet& packet, Reason why) {
  reset(packet);
  packet.malformed = why;
}

namespace {

[[gnu::noinline]] void parse_unusual(Packet& packet) {
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

}  // namespace

void parse(Packet& packet) {
  if (!plain::parse_ipv4(packet) && !plain::parse_ipv6(packet)) parse_unusual(packet);
}

ChecksumState compute_checksum(const Packet& packet) {
  if (!is_verifiable(packet)) return ChecksumState::kGood;
  uint32_t length = packet.length - packet.transport;
  std::span<const uint8_t> segment{packet.data + packet.transport, length};
  switch (packet.protocol()) {
    case protocol::kTcp: return sums_to_zero(sum_segment(packet, segment));
    case protocol::kUdp: return check_udp(packet, segment);
    // Linux 6.18 finds every UDP-Lite checksum wrong, its own sockets' too, over veth,
    // whatever the coverage: INVALID, unless nf_conntrack_checksum is 0. We follow.
    case protocol::kUdpLite: return ChecksumState::kBad;
    case protocol::kSctp: return check_sctp(segment);
    case protocol::kIcmp:
      if (packet.family == Family::kIpv6) return ChecksumState::kGood;
      return sums_to_zero(sum_bytes(segment));
    case protocol::kIcmpv6:
      if (packet.family == Family::kIpv4) return ChecksumState::kGood;
      return sums_to_zero(sum_segment(packet, segment));
    default: return ChecksumState::kGood;
  }
}

}  // namespace sallyport
