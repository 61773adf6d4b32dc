// What stands in for the kernel's routing, after PREROUTING: whether the packet is for this host,
// and a router's TTL (kernel-facts 29, 47). A bridge does not route.
#pragma once

#include "engine/way.h"
#include "packet/host.h"

namespace sallyport {

// kNone: the packet goes on, with one hop less if it is forwarded. Else why it does not; it is as
// it was.
Reason route(Packet& packet, Way::Path path, const Host& host);

}  // namespace sallyport
