// Which groups a host joins, seen from its own IGMP and MLD reports.
#pragma once

#include "packet/host.h"
#include "packet/packet.h"

namespace sallyport {

// `packet` was accepted on its way out of `host`. IGMP reports and leaves (RFC 1112, 2236,
// 3376), MLD reports and dones (RFC 2710, 3810) change what the host has joined; anything else,
// and what is cut short, changes nothing.
void observe_membership(const Packet& packet, Host& host);

}  // namespace sallyport
