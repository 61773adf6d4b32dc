// The host whose firewall this is: its interfaces, addresses and groups.
//
// The kernel asks its routing table what an address is; a capture has none, so
// this small picture stands in: an address is local, a broadcast, on-link, or
// elsewhere. With no addresses (a router seen in FORWARD) nothing is local.
#pragma once

#include <string_view>
#include <vector>

#include "base/address.h"
#include "packet/packet.h"

namespace sallyport {

class Host {
 public:
  struct Interface {
    InterfaceName name;
    std::vector<Prefix> addresses;  // with the host's bits: 192.168.1.2/24
  };

  // Empty names an interface that is not known yet.
  void add(const InterfaceName& interface, const Prefix& address);
  const std::vector<Interface>& interfaces() const { return interfaces_; }
  bool empty() const { return interfaces_.empty(); }

  // One of the host's own addresses, or loopback (127.0.0.0/8, ::1).
  bool is_local(Family family, const Address& address) const;
  // 255.255.255.255, or the broadcast address of a prefix of the host (not of /31 and /32).
  bool is_broadcast(const Address& address) const;
  // The prefix of `interface` whose broadcast address this is; null: none.
  const Prefix* broadcast_of(const Address& address, const InterfaceName& interface) const;
  // Inside a prefix of the host on `interface` (null: on any), and no broadcast or
  // multicast; fe80::/10 is on every link. Nothing is on-link of a /32 or /128
  // but the host itself.
  bool is_on_link(Family family, const Address& address, const InterfaceName* interface) const;

  // Groups: 224.0.0.1, ff02::1, ff01::1 and the solicited-node groups of the
  // host's addresses are always joined; others by join(), seen from IGMP and MLD
  // reports or configured. At most kMostGroups are kept; join() is false beyond.
  static constexpr size_t kMostGroups = 1024;
  bool join(Family family, const Address& group);
  void leave(Family family, const Address& group);
  bool has_joined(Family family, const Address& group) const;

 private:
  struct Group {
    Family family;
    Address address;
    friend auto operator<=>(const Group&, const Group&) = default;
  };
  std::vector<Interface> interfaces_;
  std::vector<Group> groups_;  // sorted
};

}  // namespace sallyport
