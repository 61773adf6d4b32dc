#include "rules_generator.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <tuple>

namespace sallyport::testing {
namespace {

constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;
constexpr std::array<uint16_t, 24> kServices{80,   443,  22,   53,   25,   110,  143,  21,
                                             23,   123,  161,  389,  445,  139,  1433, 1521,
                                             3306, 3389, 5060, 8080, 8443, 5432, 514,  993};

// Per cent.
struct Kind {
  std::string_view name;
  uint32_t any_source, any_destination;      // of rules that leave it open
  uint32_t source_hosts, destination_hosts;  // of those that do not, that name one host
  uint32_t exact_source_port, range_source_port;
  uint32_t exact_port, range_port;  // of the destination
  uint32_t any_protocol, tcp, udp;  // the rest is ICMP
};
constexpr Kind kKinds[] = {
    {"acl", 8, 3, 35, 60, 0, 1, 70, 18, 6, 80, 12},
    {"fw", 45, 35, 30, 45, 12, 14, 40, 32, 15, 55, 28},
    {"ipc", 22, 18, 40, 45, 8, 8, 48, 20, 20, 50, 26},
};

constexpr uint32_t mask_of(uint32_t length) {
  return length == 0 ? 0 : ~0u << (32 - length);
}

class Generator {
  struct Network {
    uint32_t address, length;
  };

  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  bool chance(uint32_t percent) { return below(100) < percent; }
  template <typename Range>
  auto pick(const Range& range) {
    return range[below(static_cast<uint32_t>(range.size()))];
  }

 public:
  Generator(const Kind& kind, size_t count, uint64_t seed) : kind_(kind), random_(seed) {
    // As many networks as a site of this size has; half of them lie inside of others.
    size_t networks = 8 + count / 24;
    for (size_t i = 0; i < networks; i++) {
      bool inside = !networks_.empty() && chance(50);
      Network parent = inside ? pick(networks_) : Network{0, 8};
      uint32_t length = std::min(parent.length + 4 + below(8), 28u);
      uint32_t address = static_cast<uint32_t>(random_());
      if (!inside) parent.address = (1 + below(222)) << 24;
      address = (parent.address & mask_of(parent.length)) | (address & ~mask_of(parent.length));
      networks_.push_back({address & mask_of(length), length});
    }
  }

  GeneratedRule rule() {
    GeneratedRule rule;
    uint32_t roll = below(100);
    rule.protocol = roll < kind_.any_protocol                  ? 0
                    : (roll -= kind_.any_protocol) < kind_.tcp ? kTcp
                    : (roll -= kind_.tcp) < kind_.udp          ? kUdp
                                                               : kIcmp;
    if (!chance(kind_.any_source)) {
      std::tie(rule.source, rule.source_length) = prefix(kind_.source_hosts);
    }
    if (!chance(kind_.any_destination)) {
      std::tie(rule.destination, rule.destination_length) = prefix(kind_.destination_hosts);
    }
    if (rule.protocol == kTcp || rule.protocol == kUdp) {
      ports(kind_.exact_source_port, kind_.range_source_port, rule.source_low, rule.source_high);
      ports(kind_.exact_port, kind_.range_port, rule.destination_low, rule.destination_high);
    }
    return rule;
  }

 private:
  std::pair<uint32_t, uint32_t> prefix(uint32_t hosts) {
    Network network = pick(networks_);
    uint32_t length = chance(hosts) ? 32 : std::min(network.length + below(12), 32u);
    uint32_t address =
        network.address | (static_cast<uint32_t>(random_()) & ~mask_of(network.length));
    return {address & mask_of(length), length};
  }

  void ports(uint32_t exact, uint32_t range, uint16_t& low, uint16_t& high) {
    uint32_t roll = below(100);
    if (roll < exact) {
      low = high = chance(75) ? pick(kServices) : static_cast<uint16_t>(1 + below(0xffff));
    } else if (roll < exact + range) {
      if (chance(50)) {
        low = 1024;
      } else {
        low = static_cast<uint16_t>(below(60000));
        high = static_cast<uint16_t>(low + 1 + below(5000));
      }
    }
  }

  const Kind& kind_;
  std::mt19937_64 random_;
  std::vector<Network> networks_;
};

auto key_of(const GeneratedRule& r) {
  return std::tuple(r.source, r.source_length, r.destination, r.destination_length, r.source_low,
                    r.source_high, r.destination_low, r.destination_high, r.protocol);
}

std::string address_text(uint32_t address, uint32_t length) {
  return fmt::format("{}.{}.{}.{}/{}", address >> 24, address >> 16 & 255, address >> 8 & 255,
                     address & 255, length);
}

std::string ports_text(std::string_view option, uint16_t low, uint16_t high) {
  if (low == 0 && high == 0xffff) return "";
  return low == high ? fmt::format(" {} {}", option, low)
                     : fmt::format(" {} {}:{}", option, low, high);
}

}  // namespace

std::string GeneratedRule::text() const {
  std::string text;
  if (source_length) text += " -s " + address_text(source, source_length);
  if (destination_length) text += " -d " + address_text(destination, destination_length);
  if (protocol) {
    text += protocol == kTcp ? " -p tcp" : protocol == kUdp ? " -p udp" : " -p icmp";
    std::string ports = ports_text("--sport", source_low, source_high) +
                        ports_text("--dport", destination_low, destination_high);
    if (!ports.empty()) text += (protocol == kTcp ? " -m tcp" : " -m udp") + ports;
  }
  return text.empty() ? text : text.substr(1);
}

std::vector<GeneratedRule> generate_rules(std::string_view kind, size_t count, uint64_t seed) {
  Generator generator(*std::ranges::find(kKinds, kind, &Kind::name), count, seed);
  std::vector<GeneratedRule> rules;
  std::set<decltype(key_of(rules[0]))> seen;
  while (rules.size() < count) {
    GeneratedRule rule = generator.rule();
    // A rule for everybody would leave nothing to those after it.
    bool open = rule.source_length + rule.destination_length == 0 &&
                rule.destination_high - rule.destination_low > 1024;
    if (!open && seen.insert(key_of(rule)).second) rules.push_back(rule);
  }
  return rules;
}

GeneratedHeader generate_header(const std::vector<GeneratedRule>& rules, std::mt19937_64& random) {
  const GeneratedRule& rule = rules[random() % rules.size()];
  auto address = [&](uint32_t prefix, uint32_t length) {
    return prefix | (static_cast<uint32_t>(random()) & ~mask_of(length));
  };
  auto port = [&](uint16_t low, uint16_t high) {
    return static_cast<uint16_t>(low + random() % (high - low + 1u));
  };
  GeneratedHeader header;
  header.source = address(rule.source, rule.source_length);
  header.destination = address(rule.destination, rule.destination_length);
  header.source_port = port(rule.source_low, rule.source_high);
  header.destination_port = port(rule.destination_low, rule.destination_high);
  header.protocol = rule.protocol ? rule.protocol : random() % 2 ? kTcp : kUdp;
  return header;
}

std::string rules_text(const std::vector<GeneratedRule>& rules, std::string_view target) {
  std::string text = "*filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT DROP\n";
  for (const GeneratedRule& rule : rules) {
    text += fmt::format("-A FORWARD {} -j {}\n", rule.text(), target);
  }
  return text + "COMMIT\n";
}

}  // namespace sallyport::testing
