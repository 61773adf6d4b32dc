// A firewall of one table, for tests: packets in, answers as text.
#pragma once

#include <fmt/format.h>
#include <string>
#include <vector>

#include "conntrack/conntrack.h"
#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport::testing {

inline Address address_of(Family family, const char* text) {
  return *Address::parse(family, text);
}

// What a packet is, in the shortest words: addresses with ports, then what else is special.
inline PacketSpec spec(uint8_t protocol, const char* source, uint16_t source_port,
                       const char* destination, uint16_t destination_port) {
  PacketSpec result;
  result.family =
      std::string_view(source).find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  result.protocol = protocol;
  result.source = address_of(result.family, source);
  result.destination = address_of(result.family, destination);
  result.source_port = source_port;
  result.destination_port = destination_port;
  return result;
}

class Firewall {
 public:
  explicit Firewall(const Knobs& knobs = {}, Discovery* discovery = nullptr)
      : conntrack(knobs, make_hash_key(1), discovery) {}

  // Bytes for one packet that comes in at `seconds`.
  Packet arrive(const PacketSpec& what) {
    bytes = build(what);
    Packet packet;
    packet.data = bytes.data();
    packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
    packet.in = &interface;
    parse(packet);
    return packet;
  }

  // Tracks an accepted packet: "NEW original", "INVALID invalid-tcp-flags".
  std::string pass(double seconds, const PacketSpec& what, const Zone& zone = {}) {
    Packet packet = arrive(what);
    return pass(seconds, packet, zone);
  }
  std::string pass(double seconds, Packet& packet, const Zone& zone = {}) {
    Tick now = at(seconds);
    conntrack.reserve(1, now);
    tracked = conntrack.track(packet, {zone, helper}, now);
    Reason refused = conntrack.confirm(packet, tracked, now);
    std::string text(ct_info_name(tracked.info));
    if (tracked.flow) text += tracked.direction == Direction::kReply ? " reply" : " original";
    if (tracked.reason != Reason::kNone) text += fmt::format(" {}", reason_name(tracked.reason));
    if (refused != Reason::kNone) text += fmt::format(" {}", reason_name(refused));
    return text;
  }
  std::string drop(double seconds, const PacketSpec& what) {
    Packet packet = arrive(what);
    conntrack.reserve(1, at(seconds));
    tracked = conntrack.track(packet, {{}, helper}, at(seconds));
    conntrack.release(tracked);
    return std::string(ct_info_name(tracked.info));
  }

  // Seconds that the flow of the last packet has left, rounded down; -1 if it has none.
  int64_t left(double seconds) const {
    const Flow* flow = conntrack.find(tracked.flow);
    bool dying = flow && flow->status & ct_status::kDying;
    return !flow || dying ? -1
                          : static_cast<int64_t>((flow->expires() - at(seconds)) / kTicksPerSecond);
  }

  static Tick at(double seconds) {
    return ticks(1'000'000) + static_cast<Tick>(seconds * kTicksPerSecond + 0.01);
  }

  Conntrack conntrack;
  Tracked tracked;                 // of the last packet
  const Helper* helper = nullptr;  // of every flow
  InterfaceName interface{"eth0"};
  std::vector<uint8_t> bytes;
};

}  // namespace sallyport::testing
