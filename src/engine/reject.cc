// An answer is the IP header, then a TCP header, or an ICMP header and as much of the
// packet as fits. Both families differ in the IP header, in the numbers, and in ICMPv6's
// pseudo-header; the rest is one.
#include "engine/reject.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

constexpr uint8_t kTtl = 64;                 // net.ipv4.ip_default_ttl, net.ipv6.conf.*.hop_limit
constexpr uint32_t kLongestIcmpError = 576;  // RFC 1812, 4.3.2.3
constexpr uint8_t kInternetworkControl = 0xc0;  // the precedence of an error: RFC 1812, 4.3.2.5
constexpr uint8_t kTosBits = 0x1e;              // ... and the TOS bits of the packet: RFC 1349

struct IcmpCode {
  std::string_view name;
  uint8_t code;
};
// RFC 792, RFC 1122 (3.2.2.1), RFC 1812 (5.2.7.1): codes of "destination unreachable".
constexpr IcmpCode kCodes4[] = {
    {"icmp-net-unreachable", 0},   {"icmp-host-unreachable", 1}, {"icmp-proto-unreachable", 2},
    {"icmp-port-unreachable", 3},  {"icmp-net-prohibited", 9},   {"icmp-host-prohibited", 10},
    {"icmp-admin-prohibited", 13},
};
// RFC 4443, 3.1.
constexpr IcmpCode kCodes6[] = {
    {"icmp6-no-route", 0},         {"icmp6-adm-prohibited", 1}, {"icmp6-addr-unreachable", 3},
    {"icmp6-port-unreachable", 4}, {"icmp6-policy-fail", 5},    {"icmp6-reject-route", 6},
};

using Room = std::span<uint8_t, kLongestAnswer>;

uint8_t code_of(Family family, std::string_view name) {
  std::span<const IcmpCode> codes = kCodes6;
  if (family == Family::kIpv4) codes = kCodes4;
  return std::ranges::find(codes, name, &IcmpCode::name)->code;
}

// Whether REJECT finds the checksum right. It sums what it does not know, too: without a
// pseudo-header in IPv4, with one in IPv6.
bool sums_up(const Packet& packet) {
  const bool v4 = packet.family == Family::kIpv4;
  if (packet.vouched || packet.captured < packet.length) return true;  // nobody can tell
  const std::span<const uint8_t> bytes = packet.bytes();
  const std::span<const uint8_t> segment =
      bytes.subspan(std::min<size_t>(packet.transport, bytes.size()));
  bool pseudo = !v4;
  switch (packet.protocol()) {
    case protocol::kAh:  // IPv6 walks over it
    case protocol::kGre:
    case protocol::kEsp:
    case protocol::kSctp:
    case protocol::kUdpLite: return true;
    case protocol::kUdp: {
      const UdpHeader* udp = packet.header<UdpHeader>(packet.transport);
      if (udp && udp->checksum == 0) return true;
      pseudo = true;
      break;
    }
    case protocol::kTcp: pseudo = true; break;
    default: break;
  }
  Sum sum = sum_bytes(segment);
  if (pseudo) sum += pseudo_header(packet, static_cast<uint32_t>(segment.size()));
  return fold(sum) == 0xffff;
}

// RFC 1122, 3.2.2: no error about an error. Of IPv4's types only these are known to be none;
// in IPv6 the upper half is (RFC 4443, 2.1).
bool may_be_quoted(const Packet& packet) {
  const uint8_t protocol = packet.protocol();
  const uint32_t type = packet.fields[Field::kIcmpType];
  if (packet.family == Family::kIpv6) {
    if (protocol == protocol::kNoNextHeader) return false;
    if (protocol != protocol::kIcmpv6) return true;
    return packet.presence(packet.transport, 1) == Presence::kPresent && type >= icmpv6::kEcho;
  }
  if (protocol != protocol::kIcmp) return true;
  if (packet.presence(packet.transport, 1) != Presence::kPresent) return false;
  switch (type) {
    case icmp::kEchoReply:
    case icmp::kEcho:
    case icmp::kTimestamp:
    case icmp::kTimestampReply:
    case icmp::kInformation:
    case icmp::kInformationReply:
    case icmp::kAddressMask:
    case icmp::kAddressMaskReply: return true;
    default: return false;
  }
}

// The address that an error comes from: the one that was spoken to, or the one of ours that is
// nearest to the packet's sender. Zero where none is known.
Address source_of_error(const Packet& packet, Hook hook, const Host& host) {
  if (hook == Hook::kInput) return packet.destination();
  const Address sender = packet.source();
  if (hook == Hook::kOutput && host.is_local(packet.family, sender)) return sender;
  const InterfaceName* interface = hook == Hook::kOutput ? packet.out : packet.in;
  const bool v4 = packet.family == Family::kIpv4;
  const bool on_link_only = sender.is_link_local(packet.family);
  const Prefix* best = nullptr;
  for (const Host::Interface& own : host.interfaces()) {
    if (!interface || own.name != *interface) continue;
    for (const Prefix& prefix : own.addresses) {
      if (prefix.family != packet.family) continue;
      if (!v4 && prefix.address.is_link_local(packet.family) != on_link_only) continue;
      // IPv4 takes the first that shares the sender's network, else the first; IPv6 the last.
      const bool nearer = prefix.contains(sender) && !(best && best->contains(sender));
      const bool later = !v4 && best && prefix.contains(sender) == best->contains(sender);
      if (!best || nearer || later) best = &prefix;
    }
  }
  return best ? best->address : Address{};
}

// Writes an IP header for `length` bytes behind it; its size.
uint32_t put_ip_header(Family family, uint8_t protocol, uint8_t tos, uint32_t length,
                       const Address& source, const Address& destination, bool dont_fragment,
                       uint8_t* at) {
  if (family == Family::kIpv6) {
    Ipv6Header ip{};
    ip.version_class_flow = 6u << 28;
    ip.payload_length = static_cast<uint16_t>(length);
    ip.next_header = protocol;
    ip.hop_limit = kTtl;
    source.to_wire(family, ip.source.data());
    destination.to_wire(family, ip.destination.data());
    std::memcpy(at, &ip, sizeof ip);
    return sizeof ip;
  }
  Ipv4Header ip{};
  ip.version_ihl = 0x45;
  ip.tos = tos;
  ip.total_length = static_cast<uint16_t>(sizeof ip + length);
  ip.fragment = dont_fragment ? Ipv4Header::kDontFragment : uint16_t{0};
  ip.ttl = kTtl;
  ip.protocol = protocol;
  source.to_wire(family, &ip.source);
  destination.to_wire(family, &ip.destination);
  const uint16_t sum = static_cast<uint16_t>(~fold(sum_words(&ip, sizeof ip / 4)));
  std::memcpy(at, &ip, sizeof ip);
  std::memcpy(at + offsetof(Ipv4Header, checksum), &sum, sizeof sum);
  return sizeof ip;
}

// The checksum of the finished answer, whose own bytes are zero so far.
void put_checksum(Room room, uint32_t length, uint32_t checksum_at) {
  Packet answer;
  answer.data = room.data();
  answer.captured = answer.wire_length = length;
  parse(answer);
  Sum sum = sum_bytes({room.data() + answer.transport, length - answer.transport});
  if (answer.protocol() != protocol::kIcmp) {
    sum += pseudo_header(answer, length - answer.transport);
  }
  const uint16_t stored = static_cast<uint16_t>(~fold(sum));
  std::memcpy(room.data() + answer.transport + checksum_at, &stored, sizeof stored);
}

// RFC 9293, 3.10.7.1: what a closed port says.
size_t build_reset(const Packet& packet, Room room) {
  const TcpHeader& tcp = *packet.header<TcpHeader>(packet.transport);
  TcpHeader reset{};
  reset.source_port = tcp.destination_port;
  reset.destination_port = tcp.source_port;
  reset.data_offset = sizeof reset / 4 << 4;
  reset.flags = tcp_flag::kRst;
  if (tcp.flags & tcp_flag::kAck) {
    reset.seq = tcp.ack;
  } else {
    const uint32_t payload = packet.length - packet.transport - tcp.header_length();
    const uint32_t controls = !!(tcp.flags & tcp_flag::kSyn) + !!(tcp.flags & tcp_flag::kFin);
    reset.ack = tcp.seq + controls + payload;
    reset.flags |= tcp_flag::kAck;
  }
  const uint32_t ip_size = put_ip_header(packet.family, protocol::kTcp, 0, sizeof reset,
                                         packet.destination(), packet.source(), true, room.data());
  std::memcpy(room.data() + ip_size, &reset, sizeof reset);
  const uint32_t length = ip_size + uint32_t{sizeof reset};
  put_checksum(room, length, offsetof(TcpHeader, checksum));
  return length;
}

// The quoted header as it was in the hook. (IPv6's has no checksum.)
void put_ttl(const Packet& packet, uint8_t* quoted) {
  const auto ttl = static_cast<uint8_t>(packet.fields[Field::kTtl]);
  if (packet.family == Family::kIpv6) {
    quoted[offsetof(Ipv6Header, hop_limit)] = ttl;
    return;
  }
  uint8_t* at = quoted + offsetof(Ipv4Header, ttl);
  uint8_t* checksum_at = quoted + offsetof(Ipv4Header, checksum);
  uint16_t before, after, checksum;
  std::memcpy(&before, at, sizeof before);
  *at = ttl;
  std::memcpy(&after, at, sizeof after);
  std::memcpy(&checksum, checksum_at, sizeof checksum);
  checksum = replace_in_checksum(checksum, before, after);
  std::memcpy(checksum_at, &checksum, sizeof checksum);
}

size_t build_icmp_error(const Packet& packet, std::string_view reject_with, Hook hook,
                        const Host& host, Room room) {
  const bool v4 = packet.family == Family::kIpv4;
  const uint32_t ip_size = v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  const uint32_t most =
      (v4 ? kLongestIcmpError : uint32_t{kLongestAnswer}) - ip_size - uint32_t{sizeof(IcmpHeader)};
  const std::span<const uint8_t> bytes = packet.bytes();
  const std::span<const uint8_t> quoted = bytes.first(std::min<size_t>(bytes.size(), most));
  const uint32_t length = uint32_t{sizeof(IcmpHeader)} + static_cast<uint32_t>(quoted.size());
  const auto tos =
      static_cast<uint8_t>(kInternetworkControl | (packet.fields[Field::kTos] & kTosBits));
  put_ip_header(packet.family, v4 ? protocol::kIcmp : protocol::kIcmpv6, tos, length,
                source_of_error(packet, hook, host), packet.source(), false, room.data());
  IcmpHeader icmp{};
  icmp.type = v4 ? icmp::kUnreachable : icmpv6::kUnreachable;
  icmp.code = code_of(packet.family, reject_with);
  std::memcpy(room.data() + ip_size, &icmp, sizeof icmp);
  uint8_t* quote = room.data() + ip_size + sizeof icmp;
  std::ranges::copy(quoted, quote);
  if (quoted.size() >= (v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header))) put_ttl(packet, quote);
  put_checksum(room, ip_size + length, offsetof(IcmpHeader, checksum));
  return ip_size + length;
}

}  // namespace

bool is_reset(const char* reject_with) {
  return std::string_view(reject_with) == "tcp-reset";
}

const char* why_unanswered(const Packet& packet, const char* reject_with, const Host& host) {
  const bool v4 = packet.family == Family::kIpv4;
  const Address source = packet.source(), destination = packet.destination();
  if (packet.fragment_offset > 0 || packet.more_fragments) return "it is a fragment";
  if (destination.is_multicast(packet.family) || (v4 && host.is_broadcast(destination))) {
    return "it was sent to many";
  }
  if (source.is_zero()) return "it does not say who sent it";
  if (!sums_up(packet)) return "its checksum is wrong";
  if (is_reset(reject_with)) {
    const TcpHeader* tcp = packet.header<TcpHeader>(packet.transport);
    if (packet.protocol() != protocol::kTcp || !tcp) return "its TCP header is not whole";
    return tcp->flags & tcp_flag::kRst ? "it is a reset itself" : nullptr;
  }
  // Only an error minds how the frame was addressed (RFC 1122, 3.2.2).
  if (packet.fields[Field::kPacketType] != static_cast<uint32_t>(PacketType::kHost)) {
    return "its frame was sent to many";
  }
  return may_be_quoted(packet) ? nullptr : "it is an ICMP error, or may be one";
}

size_t build_answer(const Packet& packet, const char* reject_with, Hook hook, const Host& host,
                    std::span<uint8_t, kLongestAnswer> room) {
  if (is_reset(reject_with)) return build_reset(packet, room);
  return build_icmp_error(packet, reject_with, hook, host, room);
}

}  // namespace sallyport
