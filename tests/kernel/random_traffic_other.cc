// The protocols that are tracked by their addresses, or by little more: GRE,
// IGMP, DCCP, ESP, AH and whatever has a number.
#include <fmt/format.h>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

std::string gre(Random& random, const Link& link, bool from_a) {
  std::string packet = link.plain(from_a, "gre");
  switch (random.below(4)) {
    case 0: break;
    case 1: packet += fmt::format(" key {}", random.between(1, 2)); break;
    default: packet += fmt::format(" call-id {}", random.pick({1, 1, 2, 65535})); break;
  }
  return packet + fmt::format(" len {}", random.pick({0, 20}));
}

std::string dccp(Random& random, const World& world, const Link& link, bool from_a) {
  uint16_t port = world.server_port(random);
  return link.ports(from_a, "dccp", 40000, port) + random.maybe(5, " bad-checksum");
}

std::string ipsec(Random& random, const Link& link, bool from_a, std::string_view protocol) {
  return joined({link.plain(from_a, protocol), random.pick({" spi 1", " spi 2"}),
                 random.pick({" len 0", " len 40"})});
}

std::string numbered(Random& random, const Link& link, bool from_a) {
  std::string_view number = random.pick<std::string_view>({"253", "253", "89", "103", "4", "41"});
  return link.plain(from_a, number) + fmt::format(" len {}", random.pick({0, 1, 24, 60}));
}

}  // namespace

Steps other_conversation(Random& random, const World& world) {
  Link link = world.link(random);
  uint32_t kind = random.below(6);
  Steps steps;
  for (uint32_t count = random.between(1, 5); count > 0; count--) {
    bool from_a = random.chance(60);
    std::string packet;
    switch (kind) {
      case 0: packet = dccp(random, world, link, from_a); break;
      case 1: packet = ipsec(random, link, from_a, "esp"); break;
      case 2: packet = ipsec(random, link, from_a, "ah"); break;
      case 3: packet = numbered(random, link, from_a); break;
      default: packet = gre(random, link, from_a); break;
    }
    steps.push_back(link.step(from_a, packet));
  }
  return steps;
}

// Questions and reports, to groups and sometimes to a neighbour. RFC 2236 and 3376. The host itself
// reports nothing: its kernel would know nothing of what a packet socket says for it.
Steps igmp_conversation(Random& random, const World& world) {
  Link link = world.link_to_many(random, Family::kIpv4);
  Steps steps;
  for (uint32_t count = random.between(1, 3); count > 0; count--) {
    bool from_a = random.chance(50);
    Link to_group = link;
    if (random.chance(80)) {
      std::string group = random.pick({"224.0.0.1", "224.0.0.22", "239.255.255.250"});
      (from_a ? to_group.b : to_group.a) = group;
    }
    std::string packet = to_group.plain(from_a, "igmp");
    int type = random.pick({0x11, 0x12, 0x16, 0x17, 0x22});
    bool by_host = (from_a ? to_group.there : to_group.back).starts_with("out");
    packet += fmt::format(" type {} ttl 1", by_host ? 0x11 : type);
    if (random.chance(30)) packet += " group 239.255.255.250";
    packet += random.maybe(5, " bad-checksum");
    steps.push_back(to_group.step(from_a, packet));
  }
  return steps;
}

}  // namespace sallyport::testing
