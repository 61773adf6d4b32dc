// What stands in for the kernel's routing, after PREROUTING: whether the packet is for this host,
// and a router's TTL (kernel-facts 29, 47). A bridge does not route.
#pragma once

#include "engine/way.h"
#include "packet/headers.h"
#include "packet/host.h"

namespace sallyport {

// Why a packet does not go on; kNone: it does.
Reason why_not_routed(const Packet& packet, Way::Path path, const Host& host);

// kNone: the packet goes on, with one hop less if it is forwarded. Else why it does not; it is as
// it was.
[[gnu::always_inline]] inline Reason route(Packet& packet, const Way& way, const Host& host) {
  const bool forwarded = way.path == Way::Path::kForward;
  // What nearly every packet is that a router forwards: it has no options, and hops left.
  const bool plain = forwarded && packet.fields[Field::kTtl] > 1 &&
                     (packet.family == Family::kIpv6 || packet.transport == sizeof(Ipv4Header));
  const Reason why = plain || way.routed ? Reason::kNone : why_not_routed(packet, way.path, host);
  if (forwarded && why == Reason::kNone) packet.fields[Field::kTtl]--;
  return why;
}

}  // namespace sallyport
