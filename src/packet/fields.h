// What rules ask about a packet, as a row of words.
//
// Parsing a packet fills the row once; trackers, rules and sets then compare
// integers and never look at headers again. The compiled program names a
// condition as (field, mask, value), which is also what `explain` prints and
// what a classifier can index. Values are in host order.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sallyport {

// X(enumerator, "name")
#define SALLYPORT_FIELDS(X)                                                                 \
  /* Filled by the parser. */                                                               \
  X(kProtocol, "proto") /* of the transport header, after IPv6 extension headers */         \
  X(kSource0, "src")    /* IPv4: word 0; IPv6: words 0 to 3 */                              \
  X(kSource1, "src1")                                                                       \
  X(kSource2, "src2")                                                                       \
  X(kSource3, "src3")                                                                       \
  X(kDestination0, "dst")                                                                   \
  X(kDestination1, "dst1")                                                                  \
  X(kDestination2, "dst2")                                                                  \
  X(kDestination3, "dst3")                                                                  \
  X(kSourcePort, "sport") /* TCP, UDP, UDP-Lite, SCTP, DCCP; else 0 */                      \
  X(kDestinationPort, "dport")                                                              \
  X(kTcpFlags,                                                                              \
    "tcp-flags") /* the flags byte: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE, CWR */ \
  X(kIcmpType, "icmp-type") /* ICMP and ICMPv6 */                                           \
  X(kIcmpCode, "icmp-code")                                                                 \
  X(kLength, "length")     /* of the IP packet as on the wire, header included */           \
  X(kTtl, "ttl")           /* IPv4 TTL, IPv6 hop limit */                                   \
  X(kTos, "tos")           /* IPv4 TOS, IPv6 traffic class */                               \
  X(kFragment, "fragment") /* 1: a fragment other than the first (`-f`) */                  \
  /* Filled by the attachment or the engine. */                                             \
  X(kPacketType, "pkttype") /* a PacketType */                                              \
  X(kMark, "mark")                                                                          \
  /* Filled by conntrack; kCtState is 0 where conntrack has not seen the packet. */         \
  X(kCtState, "ctstate")   /* one bit of CtStateBit */                                      \
  X(kCtDirection, "ctdir") /* 0 original, 1 reply */                                        \
  X(kCtStatus, "ctstatus") /* CtStatus bits of the flow */                                  \
  X(kConnmark, "connmark")

enum class Field : uint8_t {
#define X(enumerator, name) enumerator,
  SALLYPORT_FIELDS(X)
#undef X
      kCount
};

// The parser's come first.
constexpr size_t kParsedFields = static_cast<size_t>(Field::kPacketType);

std::string_view field_name(Field field);

struct Fields {
  std::array<uint32_t, static_cast<size_t>(Field::kCount)> words{};

  uint32_t& operator[](Field field) { return words[static_cast<size_t>(field)]; }
  uint32_t operator[](Field field) const { return words[static_cast<size_t>(field)]; }
};

// linux/if_packet.h: how the frame was addressed.
enum class PacketType : uint8_t { kHost = 0, kBroadcast = 1, kMulticast = 2, kOtherHost = 3 };

}  // namespace sallyport
