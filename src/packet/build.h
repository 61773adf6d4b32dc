// Building packets: from what is special about one to its bytes.
//
// A PacketSpec says what a packet is; everything that it does not say is as an
// ordinary sender would have it (lengths, checksums, header sizes). It can also
// ask for what no ordinary sender does: wrong checksums, false lengths, a packet
// cut short. Used where packets begin as text (`ask`, .flow scripts) and by
// tests; not on the packet path, as it allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/address.h"
#include "packet/packet.h"

namespace sallyport {

struct PacketSpec {
  Family family = Family::kIpv4;
  uint8_t protocol = protocol::kUdp;
  Address source;
  Address destination;
  uint8_t ttl = 64;
  uint8_t tos = 0;
  uint32_t id = 0;                  // of the datagram; IPv6: in the fragment header
  std::vector<uint8_t> ip_options;  // IPv4; a multiple of 4 bytes, at most 40
  std::vector<uint8_t> extensions;  // IPv6: protocol numbers, in order; 59 last: no transport
  std::vector<uint8_t> payload;     // an ICMP error's: the packet it quotes

  // TCP, UDP, UDP-Lite, SCTP, DCCP.
  uint16_t source_port = 0;
  uint16_t destination_port = 0;

  enum class Checksum : uint8_t { kGood, kBad, kNone } checksum = Checksum::kGood;

  struct Tcp {
    uint8_t flags = 0;
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint16_t window = 65535;
    std::optional<uint8_t> window_scale;
    std::optional<uint16_t> mss;
    bool sack_permitted = false;
    bool timestamps = false;
    std::vector<std::pair<uint32_t, uint32_t>> sacks;  // from, up to: what came out of order
    std::optional<uint8_t> data_offset;                // the header's length field, in words
  } tcp;
  std::optional<uint16_t> udp_length;  // the length field; without: the true one
  struct Icmp {                        // ICMP, ICMPv6 and IGMP
    uint8_t type = 0;
    uint8_t code = 0;
    uint16_t id = 0;
    uint16_t sequence = 0;
    std::optional<Address> group;  // IGMP; without: the destination
  } icmp;
  struct Chunk {
    uint8_t type = 0;  // RFC 9260's numbers: DATA 0, INIT 1, ...
    std::optional<uint8_t> flags;
    uint32_t initiate_tag = 0;             // INIT and INIT ACK
    std::optional<uint16_t> length_field;  // without: the true one
  };
  struct Sctp {
    uint32_t tag = 0;
    std::vector<Chunk> chunks;  // none: a DATA chunk; the payload is the last one's
  } sctp;
  struct Gre {
    std::optional<uint16_t> call_id;  // version 1 (PPTP), else version 0
    std::optional<uint32_t> key;      // of version 0
  } gre;
  uint32_t spi = 1;  // ESP, AH

  struct Fragment {  // only these bytes of the IP payload
    uint32_t offset = 0;
    uint32_t length = 0;
    bool more = false;
  };
  std::optional<Fragment> fragment;
  // What no ordinary sender does.
  std::optional<uint32_t> trim;          // so many bytes of IP payload, the IP header agreeing
  std::optional<uint16_t> length_field;  // of the IP header, whatever the length
  std::optional<uint8_t> ihl;            // IPv4: the header length field
  bool bad_header_checksum = false;      // IPv4
  std::optional<uint32_t> cut;           // the packet ends after so many bytes, headers unchanged
};

// The bytes from the IP header on. A packet that would be longer than 65535
// bytes comes out empty.
std::vector<uint8_t> build(const PacketSpec& spec);

}  // namespace sallyport
