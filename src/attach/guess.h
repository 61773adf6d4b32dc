// Whose capture is this? A guess, for those who did not say --host.
//
// The host is the address that takes part in most packets: a capture taken on a
// host holds little else. Where the capture says which packets went out (Linux
// cooked), their sources are the host's, but for those that came in as well: a
// router sends on what others sent. What else the host's network card sent from is
// the host's too. It is a guess, and is always printed as one.
//
// A router's capture of several interfaces has most packets twice, the second time one
// hop on (kernel-facts 47). No address of it is the firewall's host, so there is no guess.
// A router seen on one interface, or one that rewrites addresses, is not recognised.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "packet/host.h"
#include "packet/packet.h"

namespace sallyport {

class HostGuesser {
 public:
  static constexpr size_t kMostAddresses = 4096;  // more are not counted

  // A parsed packet; `outgoing`: the capture says that the host sent it.
  void see(const Packet& packet, bool outgoing);

  // Most packets were forwarded: whose capture it is can be said by --forward only.
  bool is_router() const { return 4 * forwarded_ > packets_; }
  // Nothing if no packet had a unicast address, or for a router. The host's interface has no name.
  std::optional<Host> guess() const;
  // "192.168.1.2/24: takes part in 812 of 840 packets"; for people.
  std::vector<std::string> reasons() const;
  // "400 of 840 packets come a second time, one hop on".
  std::string router_reason() const;

 private:
  struct Key {
    Family family;
    Address address;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Seen {
    uint64_t packets = 0;
    uint64_t outgoing = 0;
    bool came_in = false;                       // as the source of a packet that did not go out
    std::optional<std::array<uint8_t, 6>> mac;  // that it sent from first

    bool is_own() const { return outgoing > 0 && !came_in; }
  };
  // What forwarding leaves as it was of a packet, and what it changes.
  struct Sight {
    uint64_t same = 0;
    uint32_t ttl = 0;
  };
  void count(const Key& key, const Packet& packet, bool is_source, bool outgoing);
  bool is_next_hop(const Packet& packet);
  std::vector<std::pair<Prefix, const Seen*>> addresses() const;

  std::map<Key, Seen> seen_;
  std::array<Sight, 256> sights_{};  // the last ones, by their hash
  uint64_t packets_ = 0;
  uint64_t forwarded_ = 0;
};

}  // namespace sallyport
