#include "sets/icmp_names.h"

#include <charconv>
#include <fmt/format.h>
#include <span>

namespace sallyport {
namespace {

struct IcmpName {
  uint8_t type;
  uint8_t code;
  std::string_view name;
};

constexpr IcmpName kIcmp[] = {
    {0, 0, "echo-reply"},
    {0, 0, "pong"},
    {3, 0, "network-unreachable"},
    {3, 1, "host-unreachable"},
    {3, 2, "protocol-unreachable"},
    {3, 3, "port-unreachable"},
    {3, 4, "fragmentation-needed"},
    {3, 5, "source-route-failed"},
    {3, 6, "network-unknown"},
    {3, 7, "host-unknown"},
    {3, 9, "network-prohibited"},
    {3, 10, "host-prohibited"},
    {3, 11, "TOS-network-unreachable"},
    {3, 12, "TOS-host-unreachable"},
    {3, 13, "communication-prohibited"},
    {3, 14, "host-precedence-violation"},
    {3, 15, "precedence-cutoff"},
    {4, 0, "source-quench"},
    {5, 0, "network-redirect"},
    {5, 1, "host-redirect"},
    {5, 2, "TOS-network-redirect"},
    {5, 3, "TOS-host-redirect"},
    {8, 0, "echo-request"},
    {8, 0, "ping"},
    {9, 0, "router-advertisement"},
    {10, 0, "router-solicitation"},
    {11, 0, "ttl-zero-during-transit"},
    {11, 1, "ttl-zero-during-reassembly"},
    {12, 0, "ip-header-bad"},
    {12, 1, "required-option-missing"},
    {13, 0, "timestamp-request"},
    {14, 0, "timestamp-reply"},
    {17, 0, "address-mask-request"},
    {18, 0, "address-mask-reply"},
};

constexpr IcmpName kIcmpv6[] = {
    {1, 0, "no-route"},
    {1, 1, "communication-prohibited"},
    {1, 3, "address-unreachable"},
    {1, 4, "port-unreachable"},
    {2, 0, "packet-too-big"},
    {3, 0, "ttl-zero-during-transit"},
    {3, 1, "ttl-zero-during-reassembly"},
    {4, 0, "bad-header"},
    {4, 1, "unknown-header-type"},
    {4, 2, "unknown-option"},
    {128, 0, "echo-request"},
    {128, 0, "ping"},
    {129, 0, "echo-reply"},
    {129, 0, "pong"},
    {133, 0, "router-solicitation"},
    {134, 0, "router-advertisement"},
    {135, 0, "neighbour-solicitation"},
    {136, 0, "neighbour-advertisement"},
    {137, 0, "redirect"},
};

std::span<const IcmpName> icmp_names(Family family) {
  if (family == Family::kIpv4) return kIcmp;
  return kIcmpv6;
}

}  // namespace

std::optional<uint16_t> icmp_port(Family family, std::string_view text) {
  for (const IcmpName& row : icmp_names(family)) {
    if (row.name == text) return static_cast<uint16_t>(row.type << 8 | row.code);
  }
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto number = [](std::string_view digits) -> std::optional<uint8_t> {
    uint8_t value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  std::optional<uint8_t> type = number(text.substr(0, slash));
  std::optional<uint8_t> code = number(text.substr(slash + 1));
  if (!type || !code) return std::nullopt;
  return static_cast<uint16_t>(*type << 8 | *code);
}

std::string icmp_text(Family family, uint16_t port) {
  for (const IcmpName& row : icmp_names(family)) {
    if ((row.type << 8 | row.code) == port) return std::string(row.name);
  }
  return fmt::format("{}/{}", port >> 8, port & 0xff);
}

}  // namespace sallyport
