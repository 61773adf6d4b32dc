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

World::World(Random& random, Random& of_bridge)
    : router_(random.chance(35)),
      timed_(random.chance(25)),
      tracked_(!random.chance(5)),
      ipv6_percent_(random.pick({0u, 0u, 20u, 50u, 100u})),
      bridge_(of_bridge.chance(20)) {}

Family World::family(Random& random) const {
  return random.chance(ipv6_percent_) ? Family::kIpv6 : Family::kIpv4;
}

std::string World::head() const {
  std::string head = "host eth0=192.168.1.2/24 eth0=2001:db8::2/64 eth0=fe80::2/64";
  std::string inside = bridge_ ? "br0" : "eth1";
  if (has_inside()) head += fmt::format(" {0}=10.0.0.1/24 {0}=2001:db8:1::1/64", inside);
  if (bridge_) head += "\nbridge br0 eth1 eth2";
  if (router_) head += "\nforward";
  return head + "\ngroup 239.255.255.250 ff02::c\n";
}

std::string World::own(Random&, Family family, bool inside) const {
  return kOwn[row(family)][inside && has_inside()];
}

std::string World::peer(Random& random, Family family, bool inside) const {
  return random.pick(kPeers[row(family)][inside && has_inside()]);
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

Link World::host_link(Random& random, Family family) const {
  bool inside = has_inside() && random.chance(40);
  std::string device = inside ? "eth1" : "eth0";
  Link link{.family = family,
            .a = own(random, family, inside),
            .b = peer(random, family, inside),
            .there = inside && bridge_ ? "out br0" : "out " + device,
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
  if (bridge_ && random.chance(60)) return bridged_link(random, of);
  if (!router_ || random.chance(30)) return host_link(random, of);
  Link link{.family = of,
            .a = peer(random, of, true),
            .b = peer(random, of, false),
            .there = "fwd eth1 eth0",
            .back = bridge_ ? "fwd eth0 br0" : "fwd eth0 eth1"};
  return random.chance(70) ? link : link.swapped();
}

Link World::link_to_many(Random& random, Family family) const {
  Link link = host_link(random, family);
  return bridge_ && link.there == "in eth1" ? bridged_link(random, family) : link;
}

// A bridge does not ask whose an address is.
Link World::bridged_link(Random& random, Family family) const {
  Link link{.family = family,
            .a = peer(random, family, true),
            .b = peer(random, family, random.chance(70)),
            .there = "fwd eth1 eth2",
            .back = "fwd eth2 eth1"};
  if (random.chance(10)) link.b = own(random, family, random.chance(50));
  return random.chance(50) ? link : link.swapped();
}

}  // namespace sallyport::testing
