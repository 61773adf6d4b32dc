#include "kernel/random_world.h"

#include <array>
#include <fmt/format.h>

namespace sallyport::testing {
namespace {

using Names = std::array<const char*, 3>;

// By family, then outside and inside. Documentation and private prefixes only.
constexpr const char* kOwn[2][2] = {{"192.168.1.2", "10.0.0.1"}, {"2001:db8::2", "2001:db8:1::1"}};
constexpr Names kPeers[2][2] = {
    {{"192.168.1.7", "192.168.1.8", "203.0.113.5"}, {"10.0.0.7", "10.0.0.8", "10.0.9.9"}},
    {{"2001:db8::7", "2001:db8::8", "2001:db8:5::5"},
     {"2001:db8:1::7", "2001:db8:1::8", "2001:db8:9::9"}}};

constexpr const char *kOwnLinkLocal = "fe80::2", *kPeerLinkLocal = "fe80::7";

size_t row(Family family) {
  return family == Family::kIpv4 ? 0 : 1;
}

}  // namespace

std::string endpoint(const std::string& address, uint16_t port) {
  bool v6 = address.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", address, v6 ? "]" : "", port);
}

Step Link::step(bool from_a, std::string packet) const {
  const std::string& way = from_a ? there : back;
  return {.way = way,
          .packet = std::move(packet),
          .back = from_a ? back : there,
          .wire = !way.starts_with("out"),
          .family = family};
}

std::string Link::ports(bool from_a, std::string_view protocol, uint16_t a_port,
                        uint16_t b_port) const {
  std::string first = endpoint(a, a_port), second = endpoint(b, b_port);
  if (!from_a) std::swap(first, second);
  return fmt::format("{} {} > {}", protocol, first, second);
}

std::string Link::plain(bool from_a, std::string_view protocol) const {
  return fmt::format("{} {} > {}", protocol, from_a ? a : b, from_a ? b : a);
}

Link Link::swapped() const {
  return {.family = family, .a = b, .b = a, .there = back, .back = there};
}

World::World(Random& random)
    : router_(random.chance(35)),
      timed_(random.chance(25)),
      tracked_(!random.chance(5)),
      ipv6_percent_(random.pick({0u, 0u, 20u, 50u, 100u})) {}

Family World::family(Random& random) const {
  return random.chance(ipv6_percent_) ? Family::kIpv6 : Family::kIpv4;
}

std::string World::head() const {
  std::string head = "host eth0=192.168.1.2/24 eth0=2001:db8::2/64 eth0=fe80::2/64";
  if (router_) head += " eth1=10.0.0.1/24 eth1=2001:db8:1::1/64\nforward";
  return head + "\ngroup 239.255.255.250 ff02::c\n";
}

std::string World::own(Random&, Family family, bool inside) const {
  return kOwn[row(family)][inside && router_];
}

std::string World::peer(Random& random, Family family, bool inside) const {
  return random.pick(kPeers[row(family)][inside && router_]);
}

std::string World::any_address(Random& random, Family family) const {
  bool inside = random.chance(50);
  uint32_t dice = random.below(20);
  if (dice < 2) return group(random, family);
  if (dice == 2 && family == Family::kIpv6) return random.pick({kOwnLinkLocal, kPeerLinkLocal});
  return dice < 8 ? own(random, family, inside) : peer(random, family, inside);
}

std::string World::group(Random& random, Family family) const {
  if (family == Family::kIpv6) {
    return random.pick({"ff02::c", "ff02::fb", "ff05::c", "ff02::1"});
  }
  return random.pick(
      {"239.255.255.250", "224.0.0.251", "224.0.0.1", "192.168.1.255", "255.255.255.255"});
}

uint16_t World::server_port(Random& random) const {
  return random.pick<uint16_t>({53, 80, 80, 443, 1900, 5683, 7});
}

uint16_t World::client_port(Random& random) const {
  return random.pick<uint16_t>({40000, 40000, 40001, 50000, 1024, 1900});
}

uint16_t World::any_port(Random& random) const {
  if (random.chance(2)) return random.pick<uint16_t>({0, 1, 65535});
  return random.chance(50) ? server_port(random) : client_port(random);
}

std::string World::interface(Random& random) const {
  return router_ && random.chance(50) ? "eth1" : "eth0";
}

Link World::host_link(Random& random, Family family) const {
  bool inside = router_ && random.chance(40);
  std::string device = inside ? "eth1" : "eth0";
  Link link{.family = family,
            .a = own(random, family, inside),
            .b = peer(random, family, inside),
            .there = "out " + device,
            .back = "in " + device};
  if (family == Family::kIpv6 && !inside && random.chance(15)) {
    link.a = kOwnLinkLocal;
    link.b = kPeerLinkLocal;
  }
  return random.chance(50) ? link : link.swapped();
}

Link World::link(Random& random) const {
  Family of = family(random);
  if (of == Family::kIpv4 && random.chance(4)) {
    std::string self = own(random, of, false);
    return {.family = of, .a = self, .b = self, .there = "out lo", .back = "out lo"};
  }
  if (!router_ || random.chance(30)) return host_link(random, of);
  Link link{.family = of,
            .a = peer(random, of, true),
            .b = peer(random, of, false),
            .there = "fwd eth1 eth0",
            .back = "fwd eth0 eth1"};
  return random.chance(70) ? link : link.swapped();
}

}  // namespace sallyport::testing
