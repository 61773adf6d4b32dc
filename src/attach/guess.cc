#include "attach/guess.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <utility>

#include "packet/headers.h"

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
  if (outgoing) {
    seen.outgoing++;
  } else if (packet.source() != packet.destination()) {  // which comes in again on lo
    seen.came_in = true;
  }
  if (packet.has_mac && !seen.mac) seen.mac = packet.mac_source;
}

// Whether the packet was seen just before with a TTL of one more.
bool HostGuesser::is_next_hop(const Packet& packet) {
  constexpr size_t kLooked = 64;  // bytes: headers, and what tells one payload from another
  std::array<char, kLooked> bytes{};
  const size_t size = std::min<size_t>(packet.captured, kLooked);
  std::copy_n(packet.data, size, bytes.begin());
  if (packet.family == Family::kIpv4) {
    std::fill_n(bytes.begin() + offsetof(Ipv4Header, checksum), sizeof(be16), '\0');
    bytes[offsetof(Ipv4Header, ttl)] = 0;
  } else {
    bytes[offsetof(Ipv6Header, hop_limit)] = 0;
  }
  const uint64_t same = std::hash<std::string_view>{}({bytes.data(), size});
  Sight& sight = sights_[same % sights_.size()];
  const Sight before = std::exchange(sight, {same, packet.fields[Field::kTtl]});
  return before.same == same && before.ttl == sight.ttl + 1;
}

void HostGuesser::see(const Packet& packet, bool outgoing) {
  if (packet.malformed != Reason::kNone) return;
  packets_++;
  if (is_next_hop(packet)) forwarded_++;
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
    const auto rank = [](const Seen& seen) {
      return std::pair(seen.is_own() ? seen.outgoing : 0, seen.packets);
    };
    if (!best || rank(entry.second) > rank(best->second)) best = &entry;
  }
  if (!best) return result;
  add(best->first, best->second);
  for (const auto& entry : seen_) {
    if (&entry == best) continue;
    bool same_card = best->second.mac && entry.second.mac == best->second.mac;
    if (same_card || entry.second.is_own()) add(entry.first, entry.second);
  }
  return result;
}

std::optional<Host> HostGuesser::guess() const {
  Host host;
  if (is_router()) return std::nullopt;
  for (const auto& [prefix, seen] : addresses()) host.add(InterfaceName(), prefix);
  if (host.empty()) return std::nullopt;
  return host;
}

std::vector<std::string> HostGuesser::reasons() const {
  std::vector<std::string> lines;
  for (const auto& [prefix, seen] : addresses()) {
    std::string why =
        seen->is_own()
            ? fmt::format("the capture says that {} packets went out from it", seen->outgoing)
            : fmt::format("it takes part in {} of {} packets", seen->packets, packets_);
    if (!lines.empty() && !seen->is_own()) why = "the same network card sends from it";
    lines.push_back(fmt::format("{}: {}", prefix.text(), why));
  }
  return lines;
}

std::string HostGuesser::router_reason() const {
  return fmt::format("{} of {} packets come a second time, one hop on", forwarded_, packets_);
}

}  // namespace sallyport
