// Addresses exchanged for others, consistently, so that a report can be shown to strangers.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/address.h"

namespace sallyport {

// Works on finished text, so that nothing is forgotten. Networks stay networks: addresses of one
// IPv4 /24 or IPv6 /64 stay together, and the first and last address of a /24 keep their place.
// What has the same meaning everywhere stays: multicast, loopback, unspecified, the limited
// broadcast, masks behind a slash. Hardware addresses become locally administered ones. Names of
// interfaces, chains, sets and files, and comments, are the user's own words and stay, but for
// addresses in them.
class Anonymizer {
 public:
  std::string operator()(std::string_view text);

 private:
  std::string replace(std::string_view word, bool after_slash);
  std::string replace_within(std::string_view word);
  std::string address(Family family, const Address& original);
  std::string hardware_address(std::string_view original);

  std::map<Address, uint32_t> networks_[2];  // by family: IPv4 /24, IPv6 /64
  std::map<Address, uint32_t> hosts_[2];
  std::map<Address, uint32_t> next_host_[2];  // by network
  std::map<std::string, uint32_t, std::less<>> hardware_;
};

}  // namespace sallyport
