// A tuple: one direction's addresses and ports, and the key that both share.
//
// A flow without NAT is found under one key, whichever way its packet goes. For
// protocols with ports the key is the tuple with its endpoints in order; for
// ICMP it is the tuple of the request, its direction told by the type. The
// tracker builds the tuple and says how it is turned round: the table never
// assumes that ports swap.
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"

namespace sallyport {

enum class Direction : uint8_t { kOriginal = 0, kReply = 1 };
constexpr Direction opposite(Direction direction) {
  return direction == Direction::kOriginal ? Direction::kReply : Direction::kOriginal;
}

struct Tuple {
  Address source;
  Address destination;
  uint16_t source_port = 0;       // ICMP: the id; no ports: 0
  uint16_t destination_port = 0;  // ICMP: type << 8 | code; GRE v1: the call id
  Family family = Family::kIpv4;
  uint8_t protocol = 0;

  friend bool operator==(const Tuple&, const Tuple&) = default;
  // "udp 192.168.1.2:40000 > 192.168.1.9:53"
  std::string text() const;
};

// The tuple of the answer: trackers/ say how for protocols whose ports do not swap.
Tuple invert(const Tuple& tuple);

// A zone: a table within the table. With only one direction named, the other
// direction's tuple is in zone 0 (CT --zone-orig, --zone-reply).
struct Zone {
  uint16_t id = 0;
  enum class Directions : uint8_t { kBoth, kOriginal, kReply } directions = Directions::kBoth;

  uint16_t in(Direction direction) const {
    if (directions == Directions::kBoth) return id;
    return (directions == Directions::kOriginal) == (direction == Direction::kOriginal) ? id : 0;
  }
  friend bool operator==(const Zone&, const Zone&) = default;
};

}  // namespace sallyport
