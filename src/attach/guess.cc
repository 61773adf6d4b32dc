#include "attach/guess.h"

#include <fmt/format.h>

namespace sallyport {
namespace {

bool is_unicast(Family family, const Address& address) {
  if (address.is_zero() || address.is_multicast(family)) return false;
  return family == Family::kIpv6 || address != Address::ipv4(~0u);
}

bool is_private(const Address& address) {  // RFC 1918
  uint32_t word = address.words[0];
  return word >> 24 == 10 || word >> 20 == 0xac1 || word >> 16 == 0xc0a8;
}

// The prefix that an address of this kind most often has. A public IPv4 address gets none: what is
// on its link is anybody's guess.
uint8_t usual_length(Family family, const Address& address) {
  if (family == Family::kIpv6) return 64;
  if (address.is_link_local(family)) return 16;
  return is_private(address) ? 24 : 32;
}

}  // namespace

void HostGuesser::count(const Key& key, const Packet& packet, bool is_source, bool outgoing) {
  if (!is_unicast(key.family, key.address)) return;
  auto found = seen_.find(key);
  if (found == seen_.end()) {
    if (seen_.size() >= kMostAddresses) return;
    found = seen_.emplace(key, Seen{}).first;
  }
  Seen& seen = found->second;
  seen.packets++;
  if (!is_source) return;
  if (outgoing) seen.outgoing++;
  if (packet.has_mac && !seen.mac) seen.mac = packet.mac_source;
}

void HostGuesser::see(const Packet& packet, bool outgoing) {
  if (packet.malformed != Reason::kNone) return;
  packets_++;
  count({packet.family, packet.source()}, packet, true, outgoing);
  count({packet.family, packet.destination()}, packet, false, false);
}

// The best address first, then what else its network card sent from.
std::vector<std::pair<Prefix, const HostGuesser::Seen*>> HostGuesser::addresses() const {
  std::vector<std::pair<Prefix, const Seen*>> result;
  auto add = [&](const Key& key, const Seen& seen) {
    result.emplace_back(Prefix{.family = key.family,
                               .length = usual_length(key.family, key.address),
                               .address = key.address},
                        &seen);
  };
  const std::pair<const Key, Seen>* best = nullptr;
  for (const auto& entry : seen_) {
    const auto rank = [](const Seen& seen) { return std::pair(seen.outgoing, seen.packets); };
    if (!best || rank(entry.second) > rank(best->second)) best = &entry;
  }
  if (!best) return result;
  add(best->first, best->second);
  for (const auto& entry : seen_) {
    if (&entry == best) continue;
    bool same_card = best->second.mac && entry.second.mac == best->second.mac;
    if (same_card || entry.second.outgoing > 0) add(entry.first, entry.second);
  }
  return result;
}

std::optional<Host> HostGuesser::guess() const {
  Host host;
  for (const auto& [prefix, seen] : addresses()) host.add(InterfaceName(), prefix);
  if (host.empty()) return std::nullopt;
  return host;
}

std::vector<std::string> HostGuesser::reasons() const {
  std::vector<std::string> lines;
  for (const auto& [prefix, seen] : addresses()) {
    std::string why =
        seen->outgoing > 0
            ? fmt::format("the capture says that {} packets went out from it", seen->outgoing)
            : fmt::format("it takes part in {} of {} packets", seen->packets, packets_);
    if (!lines.empty() && seen->outgoing == 0) why = "the same network card sends from it";
    lines.push_back(fmt::format("{}: {}", prefix.text(), why));
  }
  return lines;
}

}  // namespace sallyport
