#include "engine/routing.h"

#include "packet/headers.h"
#include "packet/ip_options.h"

namespace sallyport {
namespace {

// IPv4 only, where the header is longer than 20 bytes.
bool has_bad_options(const Packet& packet) {
  if (packet.family != Family::kIpv4 || packet.transport <= sizeof(Ipv4Header)) return false;
  if (packet.captured < packet.transport) return false;  // nobody knows
  return !are_good_ip_options(packet.bytes().first(packet.transport).subspan(sizeof(Ipv4Header)));
}

}  // namespace

Reason why_not_routed(const Packet& packet, Way::Path path, const Host& host) {
  if (path == Way::Path::kBridged) return Reason::kNone;
  if (has_bad_options(packet)) return Reason::kBadOptions;
  if (path == Way::Path::kForward && packet.fields[Field::kTtl] <= 1) return Reason::kTtlExceeded;
  if (path != Way::Path::kInput || host.empty()) return Reason::kNone;
  Address destination = packet.destination();
  if (destination.is_multicast(packet.family)) {
    return host.has_joined(packet.family, destination) ? Reason::kNone : Reason::kGroupNotJoined;
  }
  bool broadcast = packet.family == Family::kIpv4 && host.is_broadcast(destination);
  return broadcast || host.is_local(packet.family, destination) ? Reason::kNone
                                                                : Reason::kOtherHost;
}

}  // namespace sallyport
