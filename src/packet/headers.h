// Headers as they lie on the wire. Sources: the RFC named beside each.
#pragma once

#include <array>
#include <cstdint>

#include "base/byte_order.h"

namespace sallyport {

struct Ipv4Header {  // RFC 791
  uint8_t version_ihl;
  uint8_t tos;
  be16 total_length;
  be16 id;
  be16 fragment;  // flags in the upper 3 bits, offset / 8 in the others
  uint8_t ttl;
  uint8_t protocol;
  be16 checksum;
  be32 source;
  be32 destination;

  static constexpr uint16_t kMoreFragments = 0x2000, kDontFragment = 0x4000, kOffsetMask = 0x1fff;
  uint32_t header_length() const { return 4u * (version_ihl & 0xf); }
};
static_assert(sizeof(Ipv4Header) == 20);

struct Ipv6Header {  // RFC 8200
  be32 version_class_flow;
  be16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  std::array<uint8_t, 16> source;
  std::array<uint8_t, 16> destination;
};
static_assert(sizeof(Ipv6Header) == 40);

struct Ipv6FragmentHeader {  // RFC 8200, 4.5
  uint8_t next_header;
  uint8_t reserved;
  be16 offset;  // in bytes with the lower 3 bits cleared; bit 0: more fragments
  be32 id;
};

struct Ipv6Extension {  // hop-by-hop, destination options, routing: RFC 8200
  uint8_t next_header;
  uint8_t length;  // in 8 bytes, the first 8 not counted; AH: in 4 bytes, minus 2
};

struct TcpHeader {  // RFC 9293
  be16 source_port;
  be16 destination_port;
  be32 seq;
  be32 ack;
  uint8_t data_offset;  // upper 4 bits, in 4 bytes
  uint8_t flags;
  be16 window;
  be16 checksum;
  be16 urgent;

  uint32_t header_length() const { return 4u * (data_offset >> 4); }
};
static_assert(sizeof(TcpHeader) == 20);

namespace tcp_flag {
constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32, kEce = 64,
                  kCwr = 128;
}  // namespace tcp_flag

struct UdpHeader {  // RFC 768; UDP-Lite (RFC 3828) has the coverage where the length is
  be16 source_port;
  be16 destination_port;
  be16 length;
  be16 checksum;
};

struct IcmpHeader {  // RFC 792, RFC 4443
  uint8_t type;
  uint8_t code;
  be16 checksum;
  be16 id;  // echo and its like
  be16 sequence;
};

struct SctpHeader {  // RFC 9260
  be16 source_port;
  be16 destination_port;
  be32 verification_tag;
  be32 checksum;  // CRC-32c, little-endian
};

struct SctpChunk {  // RFC 9260, 3.2
  uint8_t type;
  uint8_t flags;
  be16 length;  // without padding
};

struct SctpInit {  // RFC 9260, 3.3.2 and 3.3.3: INIT and INIT ACK
  SctpChunk chunk;
  be32 initiate_tag;
  be32 window;
  be16 outbound_streams;
  be16 inbound_streams;
  be32 tsn;
};

struct DccpHeader {  // RFC 4340, the part that all packet types have
  be16 source_port;
  be16 destination_port;
  uint8_t data_offset;  // in 4 bytes
  uint8_t ccval_cscov;
  be16 checksum;
  uint8_t type_x;
  uint8_t seq_high;
  be16 seq_low;
};

struct GreHeader {  // RFC 2784, RFC 2637
  be16 flags_version;
  be16 protocol;
};

struct GreV1Header {  // RFC 2637
  be16 flags_version;
  be16 protocol;
  be16 payload_length;
  be16 call_id;
};

namespace icmp {  // IANA: ICMP type numbers
constexpr uint8_t kEchoReply = 0, kUnreachable = 3, kSourceQuench = 4, kRedirect = 5, kEcho = 8,
                  kTimeExceeded = 11, kParameterProblem = 12, kTimestamp = 13, kTimestampReply = 14,
                  kInformation = 15, kInformationReply = 16, kAddressMask = 17,
                  kAddressMaskReply = 18;
}  // namespace icmp

namespace icmpv6 {  // IANA: ICMPv6 type numbers
constexpr uint8_t kUnreachable = 1, kPacketTooBig = 2, kTimeExceeded = 3, kParameterProblem = 4,
                  kEcho = 128, kEchoReply = 129, kRedirect = 137, kNodeInformation = 139,
                  kNodeInformationReply = 140;
}  // namespace icmpv6

}  // namespace sallyport
