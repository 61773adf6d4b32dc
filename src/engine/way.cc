#include "engine/way.h"

#include <algorithm>
#include <bit>
#include <memory>

namespace sallyport {

Viewpoint::Masked::Masked(const Prefix& prefix)
    : value(std::bit_cast<Words>(prefix.address)),
      mask(std::bit_cast<Words>(mask_of(prefix.family, prefix.length))) {}

Viewpoint Viewpoint::of_host(const Host& host, const InterfaceName& otherwise) {
  Viewpoint result;
  result.host_ = &host;
  result.sides_[1] = otherwise;
  return result;
}

Viewpoint Viewpoint::of_router(const std::vector<Prefix>& inside, const InterfaceName& in,
                               const InterfaceName& out) {
  Viewpoint result;
  for (const Prefix& prefix : inside) {
    result.inside_[prefix.family == Family::kIpv6].emplace_back(prefix);
  }
  result.sides_ = {out, in};
  return result;
}

Viewpoint Viewpoint::of_bridge(const std::vector<Prefix>& inside, const InterfaceName& bridge,
                               const InterfaceName& in, const InterfaceName& out) {
  Viewpoint result = of_router(inside, in, out);
  result.bridge_ = bridge;
  result.is_bridge_ = true;
  result.from_inside_ = {in, out};
  result.from_outside_ = {out, in};
  return result;
}

PacketType packet_type(const Packet& packet, const Host& host) {
  if (packet.destination().is_multicast(packet.family)) return PacketType::kMulticast;
  bool broadcast = packet.family == Family::kIpv4 && host.is_broadcast(packet.destination());
  return broadcast ? PacketType::kBroadcast : PacketType::kHost;
}

// The host's own address tells the interface; what comes to a group or a broadcast address tells
// it only if the host has a single one.
const InterfaceName* Viewpoint::interface(const Packet& packet, bool outgoing,
                                          const InterfaceName* recorded) const {
  const std::vector<Host::Interface>& interfaces = host_->interfaces();
  Address own = outgoing ? packet.source() : packet.destination();
  for (const Host::Interface& candidate : interfaces) {
    if (candidate.name == InterfaceName()) continue;
    for (const Prefix& prefix : candidate.addresses) {
      if (prefix.family == packet.family && prefix.address == own) return &candidate.name;
    }
  }
  if (recorded) return recorded;
  bool single = interfaces.size() == 1 && interfaces[0].name != InterfaceName();
  return single ? &interfaces[0].name : &sides_[1];
}

// Whether a packet comes from the inside nobody can predict: no branch hangs on it.
[[gnu::always_inline]] inline void Viewpoint::find_forwarded(const Packet& packet,
                                                             Way& result) const {
  bool from_inside = false;
  const auto source = std::bit_cast<Masked::Words>(packet.source());
  for (const Masked& prefix : inside_[packet.family == Family::kIpv6]) {
    from_inside |= prefix.contains(source);
  }
  if (is_bridge_) {
    result = bridged(from_inside ? from_inside_ : from_outside_);
    return;
  }
  result.path = Way::Path::kForward;
  result.in = &sides_[from_inside];
  result.out = &sides_[!from_inside];
}

std::optional<Way> Viewpoint::on_bridge(const InterfaceName& in, const InterfaceName& out) const {
  if (!is_bridge_) return std::nullopt;
  if (in == sides_[1] && out == sides_[0]) return bridged(from_inside_);
  if (in == sides_[0] && out == sides_[1]) return bridged(from_outside_);
  return std::nullopt;
}

const Host& Viewpoint::host() const {
  static const Host kNobody;
  return host_ ? *host_ : kNobody;
}

void type_bridged(Packet& packet, const Host& host) {
  uint32_t& type = packet.fields[Field::kPacketType];
  bool to_many = type == static_cast<uint32_t>(PacketType::kBroadcast) ||
                 type == static_cast<uint32_t>(PacketType::kMulticast);
  if (!to_many) type = static_cast<uint32_t>(packet_type(packet, host));
}

void Viewpoint::find_way(Packet& packet, const InterfaceName* recorded, Way& result) const {
  std::construct_at(&result);
  if (is_refused(packet, is_bridge_ ? Way::Path::kBridged : Way::Path::kForward)) {
    result.path = Way::Path::kNone;
    result.reason = packet.malformed;
    return;
  }
  if (is_bridge_) type_bridged(packet, host());
  if (!host_) return find_forwarded(packet, result);
  find_way_of_host(packet, recorded, result);
}

void Viewpoint::find_way_of_host(Packet& packet, const InterfaceName* recorded, Way& result) const {
  const bool from_host = host_->is_local(packet.family, packet.source());
  if (from_host && host_->is_local(packet.family, packet.destination())) {
    result.path = Way::Path::kLoopback;
    result.in = result.out = &loopback_;
    return;
  }
  if (from_host) {
    result.path = Way::Path::kOutput;
    result.out = interface(packet, true, recorded);
    return;
  }
  PacketType type = packet_type(packet, *host_);
  packet.fields[Field::kPacketType] = static_cast<uint32_t>(type);
  // A network card hands over what is addressed to the host, and groups: whether the host has
  // joined one is known when it is the packet's turn.
  if (type == PacketType::kHost && !host_->is_local(packet.family, packet.destination())) {
    result.path = Way::Path::kNone;
    result.reason = Reason::kOtherHost;
    return;
  }
  result.path = Way::Path::kInput;
  result.in = interface(packet, false, recorded);
}

}  // namespace sallyport
