// Packets for the tests of this layer, built byte by byte.
//
// A builder of its own, as tests of the parser must not trust what they test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "packet/checksum.h"
#include "packet/packet.h"

namespace sallyport::testing {

using Bytes = std::vector<uint8_t>;

inline void put16(Bytes& bytes, size_t at, uint32_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// The header checksum, over however many words the header says it has, and the packet holds.
inline void seal_ipv4(Bytes& packet) {
  put16(packet, 10, 0);
  const size_t words = std::min<size_t>(packet[0] & 0xfu, packet.size() / 4);
  const uint16_t sum = static_cast<uint16_t>(~fold(sum_words(packet.data(), words)));
  std::memcpy(&packet[10], &sum, 2);
}

// 10.0.0.1 > 10.0.0.2, TTL 64, id 0x1234.
inline Bytes ipv4(uint8_t protocol, const Bytes& payload, uint16_t fragment = 0,
                  const Bytes& options = {}) {
  Bytes packet = {0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
  packet[0] = static_cast<uint8_t>(0x45 + options.size() / 4);
  packet = packet + options + payload;
  put16(packet, 2, static_cast<uint32_t>(packet.size()));
  put16(packet, 6, fragment);
  seal_ipv4(packet);
  return packet;
}

// fd00::1 > fd00::2, hop limit 64, traffic class 0x2e.
inline Bytes ipv6(uint8_t next, const Bytes& payload) {
  Bytes packet(40);
  packet[0] = 0x62;
  packet[1] = 0xe0;
  put16(packet, 4, static_cast<uint32_t>(payload.size()));
  packet[6] = next;
  packet[7] = 64;
  packet[8] = packet[24] = 0xfd;
  packet[23] = 1;
  packet[39] = 2;
  return packet + payload;
}

// 1000 > 53, no checksum.
inline Bytes udp(const Bytes& data = {}) {
  Bytes header = {0x03, 0xe8, 0, 53, 0, 0, 0, 0};
  put16(header, 4, static_cast<uint32_t>(8 + data.size()));
  return header + data;
}

// A packet over bytes that the caller keeps; a capture may hold less than the wire had.
inline Packet packet_of(Bytes& bytes, uint32_t wire_length = 0) {
  Packet packet;
  packet.data = bytes.data();
  packet.captured = static_cast<uint32_t>(bytes.size());
  packet.wire_length = wire_length ? wire_length : packet.captured;
  return packet;
}

}  // namespace sallyport::testing
