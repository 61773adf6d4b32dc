// The small world of a random script: who is there, and how their packets go.
//
// All subjects (traffic, rules, sets) draw from the same few addresses, ports
// and marks, so that conversations meet each other's flows and rules hit. The
// world is a host on eth0 with neighbours and somebody off-link, or a router
// with an inside on eth1 besides; in some that is a bridge, br0, with eth1 and
// eth2 for ports, of a router or of a host that only bridges.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "kernel/random_source.h"

namespace sallyport::testing {

// A packet of a conversation: a line of the script without its time.
struct Step {
  std::string way;     // "in eth0", "out eth0", "fwd eth1 eth0"
  std::string packet;  // "udp 192.168.1.7:53 > …"
  std::string back;    // the way of what answers it
  bool wire = false;   // it comes from the wire, so its headers may be broken
  Family family = Family::kIpv4;

  std::string line() const { return way + ' ' + packet; }
};
using Steps = std::vector<Step>;

// Two who talk, `a` begins.
struct Link {
  Family family = Family::kIpv4;
  std::string a, b;
  std::string there, back;  // the ways of a's packets and of b's

  Step step(bool from_a, std::string packet) const;
  // "tcp A:1 > B:2", seen from the sender.
  std::string ports(bool from_a, std::string_view protocol, uint16_t a_port, uint16_t b_port) const;
  std::string plain(bool from_a, std::string_view protocol) const;
  Link swapped() const;
};

// "192.168.1.7:53", "[2001:db8::7]:53"
std::string endpoint(const std::string& address, uint16_t port);

class World {
 public:
  // `of_bridge` is a stream of its own: what it decides draws nothing from `random`.
  World(Random& random, Random& of_bridge);

  bool is_router() const { return router_; }
  bool is_bridge() const { return bridge_; }
  bool is_timed() const { return timed_; }      // timeouts are short and time passes
  bool is_tracked() const { return tracked_; }  // some rule asks for the state
  Family family(Random& random) const;
  // The lines `host` and `group` of the script's head.
  std::string head() const;

  Link link(Random& random) const;
  // A conversation of the host itself with a neighbour.
  Link host_link(Random& random, Family family) const;
  // The same, its first packet to many. What came in at a port of the bridge for the host the
  // bridge would hand on, too, and it would have two ways: it is bridged instead.
  Link link_to_many(Random& random, Family family) const;
  // Of two who are at the ports of the bridge.
  Link bridged_link(Random& random, Family family) const;
  std::string own(Random& random, Family family, bool inside) const;
  std::string peer(Random& random, Family family, bool inside) const;
  std::string any_address(Random& random, Family family) const;
  // Joined, or not; or the IPv4 broadcast.
  std::string group(Random& random, Family family) const;
  uint16_t server_port(Random& random) const;
  uint16_t client_port(Random& random) const;
  uint16_t any_port(Random& random) const;

 private:
  bool has_inside() const { return router_ || bridge_; }

  bool router_, timed_, tracked_;
  uint32_t ipv6_percent_;
  bool bridge_;
};

}  // namespace sallyport::testing
