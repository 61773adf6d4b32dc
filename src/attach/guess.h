// Whose capture is this? A guess, for those who did not say --host.
//
// The host is the address that takes part in most packets: a capture taken on a
// host holds little else. Where the capture says which packets went out (Linux
// cooked), their sources are the host's for certain. What else the host's network
// card sent from is the host's too. It is a guess, and is always printed as one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "packet/host.h"
#include "packet/packet.h"

namespace sallyport {

class HostGuesser {
 public:
  static constexpr size_t kMostAddresses = 4096;  // more are not counted

  // A parsed packet; `outgoing`: the capture says that the host sent it.
  void see(const Packet& packet, bool outgoing);

  // Nothing if no packet had a unicast address. The host's interface has no name.
  std::optional<Host> guess() const;
  // "192.168.1.2/24: takes part in 812 of 840 packets"; for people.
  std::vector<std::string> reasons() const;

 private:
  struct Key {
    Family family;
    Address address;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Seen {
    uint64_t packets = 0;
    uint64_t outgoing = 0;
    std::optional<std::array<uint8_t, 6>> mac;  // that it sent from first
  };
  void count(const Key& key, const Packet& packet, bool is_source, bool outgoing);
  std::vector<std::pair<Prefix, const Seen*>> addresses() const;

  std::map<Key, Seen> seen_;
  uint64_t packets_ = 0;
};

}  // namespace sallyport
