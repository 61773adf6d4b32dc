// The words by which a flow is found.
//
// The two ends of a tuple (an address of IPv4 and a port; of IPv6 the port alone, since addresses
// are too long) lie in order, whichever way a packet goes, and a bit tells whether its source is
// the second of them. So one comparison finds the flow, and that bit says which direction the
// packet has: nothing branches on it, since nobody can predict it. ICMP's tuples have no ports that
// swap: its ends lie as they are, and a flow is found by either tuple.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "conntrack/tuple.h"
#include "packet/packet.h"

namespace sallyport {

// Puts `one` and `other` into the other order where that is asked for, without a branch.
inline void swap_if(bool swap, uint64_t& one, uint64_t& other) {
  const uint64_t difference = (one ^ other) & (uint64_t{0} - swap);
  one ^= difference;
  other ^= difference;
}

inline bool is_icmp(uint8_t protocol) {
  return protocol == protocol::kIcmp || protocol == protocol::kIcmpv6;
}

class FlowKey {
 public:
  using Words = std::array<uint64_t, 2>;

  FlowKey() = default;
  explicit FlowKey(const Words& words) : words_(words) {}
  FlowKey(const Tuple& tuple, const Zone& zone)
      : FlowKey(Ends(tuple.family, tuple.source, tuple.destination, tuple.source_port,
                     tuple.destination_port, is_icmp(tuple.protocol)),
                tuple.protocol,
                zone.id ? static_cast<uint64_t>(zone.directions) << kDirectionsAt : 0) {
    words_[1] |= uint64_t{zone.id} << kEndBits;
  }
  // Of a packet of a protocol with ports, in zone 0.
  template <Family kFamily>
  static FlowKey of(const Packet& packet) {
    return {Ends(kFamily, packet.source(), packet.destination(), packet.fields[Field::kSourcePort],
                 packet.fields[Field::kDestinationPort], false),
            packet.protocol(), 0};
  }

  const Words& words() const { return words_; }
  // What both directions have in common, for hashing; flows in one zone, and their packets,
  // whatever the zone says of directions.
  Words common() const { return {words_[0] & ((uint64_t{1} << kTurnedAt) - 1), words_[1]}; }

  Family family() const { return words_[0] >> kIpv6At & 1 ? Family::kIpv6 : Family::kIpv4; }
  uint8_t protocol() const { return static_cast<uint8_t>(words_[0] >> kEndBits); }
  Zone zone() const {
    return {static_cast<uint16_t>(words_[1] >> kEndBits),
            static_cast<Zone::Directions>(words_[0] >> kDirectionsAt & 3)};
  }
  // The source is the greater end.
  bool turned() const { return words_[0] >> kTurnedAt & 1; }
  // A flow whose ends are equal: each packet is to be its reply (kernel-facts 23).
  void turn() { words_[0] |= uint64_t{1} << kTurnedAt; }
  // Address and port, of IPv6 the port alone.
  uint64_t source() const { return words_[turned()] & kEnd; }
  uint64_t destination() const { return words_[!turned()] & kEnd; }

  // Of two keys: 0 if they are of one flow, whichever way it goes; and if it goes the other way.
  static uint64_t difference(const FlowKey& a, const FlowKey& b) {
    return ((a.words_[0] ^ b.words_[0]) & ~(uint64_t{1} << kTurnedAt)) |
           (a.words_[1] ^ b.words_[1]);
  }
  static Direction direction(const FlowKey& flow, const FlowKey& packet) {
    return static_cast<Direction>((flow.words_[0] ^ packet.words_[0]) >> kTurnedAt & 1);
  }

  static bool has_ports(uint8_t protocol) {
    return protocol == protocol::kUdp || protocol == protocol::kTcp ||
           protocol == protocol::kSctp || protocol == protocol::kUdpLite;
  }

 private:
  // The first word: the lesser end, the protocol, the form. The second: the greater end, the zone.
  static constexpr unsigned kEndBits = 48, kTurnedAt = 56, kIpv6At = 57, kDirectionsAt = 58;
  static constexpr uint64_t kEnd = (uint64_t{1} << kEndBits) - 1;

  struct Ends {
    uint64_t lesser, greater;
    uint64_t form;

    Ends(Family family, const Address& source, const Address& destination, uint32_t source_port,
         uint32_t destination_port, bool as_they_are)
        : lesser(source_port), greater(destination_port), form(0) {
      bool turned;
      if (family == Family::kIpv4) {
        lesser |= uint64_t{source.words[0]} << 16;
        greater |= uint64_t{destination.words[0]} << 16;
        turned = lesser > greater;
      } else {
        turned = is_after(source, destination, lesser > greater);
        form = uint64_t{1} << kIpv6At;
      }
      turned &= !as_they_are;
      swap_if(turned, lesser, greater);
      form |= uint64_t{turned} << kTurnedAt;
    }
    // Any order does: that of the addresses' words in memory costs least.
    static bool is_after(const Address& source, const Address& destination, bool port_is) {
      const auto from = std::bit_cast<Words>(source), to = std::bit_cast<Words>(destination);
      if (from[1] != to[1]) return from[1] > to[1];  // nearly always
      return from[0] != to[0] ? from[0] > to[0] : port_is;
    }
  };

  FlowKey(const Ends& ends, uint8_t protocol, uint64_t form)
      : words_{ends.lesser | uint64_t{protocol} << kEndBits | ends.form | form, ends.greater} {}

  Words words_{};
};

}  // namespace sallyport
