// Plain packets (packet.h), which nearly all are: read at once, or not at all.
//
// A header's bytes are loaded sixteen at a time, and one shuffle makes four fields of them: the
// network's order becomes ours, and what is not there becomes 0. So a row of fields costs a few
// wide stores, where field by field, each first zeroed, the stores were what a packet waited for.
//
// Only parse() needs this.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/packet.h"

namespace sallyport::plain {

// Where in the headers a field's bytes are; of no size: the field is 0.
struct Origin {
  int at = 0, size = 0;
};
constexpr Origin kNowhere{};

// Of byte `byte` of a field's word in memory, when the bytes from `from` on have been loaded. The
// byte after those is 0.
constexpr int origin_of(Origin origin, int byte, int from) {
  constexpr bool kLittle = std::endian::native == std::endian::little;
  const int significance = kLittle ? byte : 3 - byte;
  return significance < origin.size ? origin.at + origin.size - 1 - significance - from : 16;
}

// Four fields from `kFirst` on, of bytes that are among the 16 from `kFrom` on, all of which are
// held.
template <Field kFirst, int kFrom, Origin kOne, Origin kTwo, Origin kThree, Origin kFour>
[[gnu::always_inline]] inline void fill(Packet& packet) {
  using Bytes = uint8_t __attribute__((vector_size(16)));
  Bytes bytes;
  std::memcpy(&bytes, packet.data + kFrom, sizeof bytes);
  const Bytes words = __builtin_shufflevector(
      bytes, Bytes{}, origin_of(kOne, 0, kFrom), origin_of(kOne, 1, kFrom),
      origin_of(kOne, 2, kFrom), origin_of(kOne, 3, kFrom), origin_of(kTwo, 0, kFrom),
      origin_of(kTwo, 1, kFrom), origin_of(kTwo, 2, kFrom), origin_of(kTwo, 3, kFrom),
      origin_of(kThree, 0, kFrom), origin_of(kThree, 1, kFrom), origin_of(kThree, 2, kFrom),
      origin_of(kThree, 3, kFrom), origin_of(kFour, 0, kFrom), origin_of(kFour, 1, kFrom),
      origin_of(kFour, 2, kFrom), origin_of(kFour, 3, kFrom));
  std::memcpy(&packet.fields[kFirst], &words, sizeof words);
}

// The rows below are those of fields.h, four by four.
constexpr bool is_at(Field field, int place) {
  return static_cast<int>(field) == place;
}
static_assert(is_at(Field::kProtocol, 0) && is_at(Field::kSource0, 1) && is_at(Field::kSource3, 4));
static_assert(is_at(Field::kDestination0, 5) && is_at(Field::kDestination3, 8));
static_assert(is_at(Field::kSourcePort, 9) && is_at(Field::kDestinationPort, 10));
static_assert(is_at(Field::kTcpFlags, 11) && is_at(Field::kIcmpType, 12));
static_assert(is_at(Field::kLength, 14) && is_at(Field::kTtl, 15) && is_at(Field::kTos, 16));
static_assert(is_at(Field::kFragment, 17) && kParsedFields == 18);

// The least that comes after the IP header of a plain packet; of one of another protocol, more than
// any packet has.
[[gnu::always_inline]] inline uint64_t least_of(uint8_t protocol) {
  return protocol == protocol::kUdp   ? sizeof(UdpHeader)
         : protocol == protocol::kTcp ? sizeof(TcpHeader)
                                      : uint64_t{1} << 32;
}

// All that parse() owns but for the family, the lengths and the fields.
[[gnu::always_inline]] inline void reset_findings(Packet& packet) {
  static_assert(static_cast<int>(Reason::kNone) == 0 &&
                static_cast<int>(ChecksumState::kUnknown) == 0);
  // All of them in a few wide stores: they lie together.
  constexpr size_t kFirst = offsetof(Packet, malformed), kEnd = offsetof(Packet, flow_words);
  std::memset(&packet.malformed, 0, kEnd - kFirst);
}

[[gnu::always_inline]] inline void finish(Packet& packet, Family family, uint32_t transport,
                                          uint32_t length, uint32_t tos) {
  packet.family = family;
  packet.length = length;
  packet.transport = static_cast<uint16_t>(transport);
  packet.plain = true;
  packet.fields[Field::kTos] = tos;
  packet.fields[Field::kFragment] = 0;
  if (packet.protocol() == protocol::kTcp) {
    packet.fields[Field::kTcpFlags] = packet.data[transport + offsetof(TcpHeader, flags)];
  }
}

// Of version 4. False: it is not plain, and nothing has been read.
[[gnu::always_inline]] inline bool parse_ipv4(Packet& packet) {
  constexpr uint8_t kWithoutOptions = 0x45;
  constexpr uint16_t kParts = Ipv4Header::kMoreFragments | Ipv4Header::kOffsetMask;
  if (packet.captured < sizeof(Ipv4Header)) return false;
  const auto& ip = *reinterpret_cast<const Ipv4Header*>(packet.data);
  const uint32_t length = ip.total_length;
  if (ip.version_ihl != kWithoutOptions || ip.fragment & kParts) return false;
  if (length > packet.captured || length < sizeof ip + least_of(ip.protocol)) return false;
  if (!is_all_ones(sum_of_20(packet.data))) return false;
  constexpr Origin kProtocol{offsetof(Ipv4Header, protocol), 1};
  constexpr Origin kSource{offsetof(Ipv4Header, source), 4};
  constexpr Origin kDestination{offsetof(Ipv4Header, destination), 4};
  constexpr Origin kSourcePort{sizeof ip, 2}, kDestinationPort{sizeof ip + 2, 2};
  constexpr Origin kLength{offsetof(Ipv4Header, total_length), 2};
  constexpr Origin kTtl{offsetof(Ipv4Header, ttl), 1};
  reset_findings(packet);
  fill<Field::kProtocol, 8, kProtocol, kSource, kNowhere, kNowhere>(packet);
  fill<Field::kSource3, 8, kNowhere, kDestination, kNowhere, kNowhere>(packet);
  fill<Field::kDestination3, 8, kNowhere, kSourcePort, kDestinationPort, kNowhere>(packet);
  fill<Field::kIcmpType, 0, kNowhere, kNowhere, kLength, kTtl>(packet);
  packet.fragment_id = ip.id;
  finish(packet, Family::kIpv4, sizeof ip, length, ip.tos);
  return true;
}

// Whether an address of IPv6 that begins with this word is one that anybody may be called, or, as a
// destination, a group that reaches beyond its host (RFC 4291, 2.7). ::/32, where what belongs on
// `lo` lies, is not.
constexpr uint32_t kGroups = 0xff000000;
constexpr bool may_be_source(uint32_t word) {
  return word - 1 < kGroups - 1;
}
constexpr bool may_be_destination(uint32_t word) {
  constexpr uint32_t kScope = 0x000f0000, kInterfaceLocal = 0x00010000;
  return may_be_source(word) || (word >= kGroups && (word & kScope) > kInterfaceLocal);
}

// The same of version 6.
[[gnu::always_inline]] inline bool parse_ipv6(Packet& packet) {
  if (packet.captured < sizeof(Ipv6Header) || packet.data[0] >> 4 != 6) return false;
  const auto& ip = *reinterpret_cast<const Ipv6Header*>(packet.data);
  if (!may_be_source(*reinterpret_cast<const be32*>(ip.source.data())) ||
      !may_be_destination(*reinterpret_cast<const be32*>(ip.destination.data()))) {
    return false;
  }
  const uint32_t length = uint32_t{sizeof ip} + ip.payload_length;
  if (length > packet.captured || length < sizeof ip + least_of(ip.next_header)) return false;
  constexpr Origin kProtocol{offsetof(Ipv6Header, next_header), 1};
  constexpr Origin kTtl{offsetof(Ipv6Header, hop_limit), 1};
  constexpr int kSource = offsetof(Ipv6Header, source);
  constexpr int kDestination = offsetof(Ipv6Header, destination);
  constexpr Origin kSourcePort{sizeof ip, 2}, kDestinationPort{sizeof ip + 2, 2};
  reset_findings(packet);
  fill<Field::kProtocol, 6, kProtocol, Origin{kSource, 4}, Origin{kSource + 4, 4},
       Origin{kSource + 8, 4}>(packet);
  fill<Field::kSource3, 20, Origin{kSource + 12, 4}, Origin{kDestination, 4},
       Origin{kDestination + 4, 4}, Origin{kDestination + 8, 4}>(packet);
  fill<Field::kDestination3, 32, Origin{kDestination + 12, 4}, kSourcePort, kDestinationPort,
       kNowhere>(packet);
  fill<Field::kIcmpType, 0, kNowhere, kNowhere, kNowhere, kTtl>(packet);
  packet.fields[Field::kLength] = length;
  finish(packet, Family::kIpv6, sizeof ip, length, (ip.version_class_flow >> 20) & 0xff);
  return true;
}

}  // namespace sallyport::plain
