#include "packet/host.h"

#include <algorithm>

namespace sallyport {
namespace {

constexpr Address kAllHosts4 = Address::ipv4(0xe0000001);          // 224.0.0.1, RFC 1112
constexpr Address kAllNodesInterface{{0xff010000, 0, 0, 1}};       // ff01::1, RFC 4291
constexpr Address kAllNodesLink{{0xff020000, 0, 0, 1}};            // ff02::1, RFC 4291
constexpr Address kSolicitedNode{{0xff020000, 0, 1, 0xff000000}};  // ff02::1:ff00:0/104
constexpr Address kSolicitedNodeMask{{~0u, ~0u, ~0u, 0xff000000}};
constexpr Address kLoopback6{{0, 0, 0, 1}};

// A prefix with room for more than its two ends, so that its last address is a broadcast.
bool has_broadcast(const Prefix& prefix) {
  return prefix.family == Family::kIpv4 && prefix.length < 31;
}

bool is_broadcast_of(const Prefix& prefix, const Address& address) {
  if (!has_broadcast(prefix)) return false;
  uint32_t mask = mask_of(Family::kIpv4, prefix.length).words[0];
  return address.words[0] == ((prefix.address.words[0] & mask) | ~mask);
}

}  // namespace

void Host::add(const InterfaceName& interface, const Prefix& address) {
  auto found = std::ranges::find(interfaces_, interface, &Interface::name);
  if (found == interfaces_.end()) {
    interfaces_.push_back({interface, {address}});
  } else if (std::ranges::find(found->addresses, address) == found->addresses.end()) {
    found->addresses.push_back(address);
  }
}

bool Host::is_local(Family family, const Address& address) const {
  if (family == Family::kIpv4 ? address.words[0] >> 24 == 127 : address == kLoopback6) return true;
  for (const Interface& interface : interfaces_) {
    for (const Prefix& own : interface.addresses) {
      if (own.family == family && own.address == address) return true;
    }
  }
  return false;
}

bool Host::is_broadcast(const Address& address) const {
  if (address.words[0] == ~0u) return true;
  for (const Interface& interface : interfaces_) {
    for (const Prefix& own : interface.addresses) {
      if (is_broadcast_of(own, address)) return true;
    }
  }
  return false;
}

const Prefix* Host::broadcast_of(const Address& address, const InterfaceName& interface) const {
  for (const Interface& own : interfaces_) {
    if (own.name != interface && own.name != InterfaceName()) continue;
    for (const Prefix& prefix : own.addresses) {
      if (is_broadcast_of(prefix, address)) return &prefix;
    }
  }
  return nullptr;
}

bool Host::is_on_link(Family family, const Address& address, const InterfaceName* interface) const {
  if (address.is_multicast(family)) return false;
  if (family == Family::kIpv4 && is_broadcast(address)) return false;
  if (family == Family::kIpv6 && address.is_link_local(family)) return true;
  for (const Interface& own : interfaces_) {
    bool other = interface && own.name != *interface && own.name != InterfaceName();
    if (other) continue;
    for (const Prefix& prefix : own.addresses) {
      if (prefix.family == family && prefix.contains(address)) return true;
    }
  }
  return false;
}

bool Host::join(Family family, const Address& group) {
  Group entry{family, group};
  auto place = std::ranges::lower_bound(groups_, entry);
  if (place != groups_.end() && *place == entry) return true;
  if (groups_.size() >= kMostGroups) return false;
  groups_.insert(place, entry);
  return true;
}

void Host::leave(Family family, const Address& group) {
  Group entry{family, group};
  auto place = std::ranges::lower_bound(groups_, entry);
  if (place != groups_.end() && *place == entry) groups_.erase(place);
}

bool Host::has_joined(Family family, const Address& group) const {
  if (std::ranges::binary_search(groups_, Group{family, group})) return true;
  if (family == Family::kIpv4) return group == kAllHosts4;
  if (group == kAllNodesInterface || group == kAllNodesLink) return true;
  if ((group & kSolicitedNodeMask) != kSolicitedNode) return false;
  for (const Interface& interface : interfaces_) {
    for (const Prefix& own : interface.addresses) {
      bool same = ((own.address.words[3] ^ group.words[3]) & 0xffffff) == 0;
      if (own.family == Family::kIpv6 && same) return true;
    }
  }
  return false;
}

}  // namespace sallyport
