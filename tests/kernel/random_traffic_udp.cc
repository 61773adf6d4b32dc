#include <fmt/format.h>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

std::string udp_options(Random& random) {
  std::string options = fmt::format(" len {}", random.pick({0, 1, 12, 100, 512}));
  options += random.maybe(3, " bad-checksum");
  options += random.maybe(3, " no-checksum");
  if (random.chance(3)) options += fmt::format(" udplen {}", random.pick({0, 7, 8, 9, 600}));
  return options;
}

}  // namespace

// Mostly questions and answers, either side at any time, so that a flow is seen
// new, answered, and long enough after its first packet to be a stream.
Steps udp_conversation(Random& random, const World& world) {
  Link link = world.link(random);
  std::string_view protocol = random.chance(12) ? "udplite" : "udp";
  uint16_t a_port = world.client_port(random), b_port = world.server_port(random);
  Steps steps;
  uint32_t count = random.between(1, 9);
  for (uint32_t i = 0; i < count; i++) {
    bool from_a = i == 0 ? !random.chance(8) : random.chance(55);
    std::string packet = link.ports(from_a, protocol, a_port, b_port);
    if (protocol == "udp") {
      packet += udp_options(random);
    } else {
      packet += joined({random.maybe(10, " bad-checksum"), random.maybe(10, " no-checksum")});
    }
    steps.push_back(link.step(from_a, packet));
    if (random.chance(5)) a_port = world.client_port(random);
  }
  return steps;
}

// A question to a group or a broadcast, and unicast answers, from the port
// asked or another.
Steps group_conversation(Random& random, const World& world) {
  Link link = world.link_to_many(random, world.family(random));
  std::string group = world.group(random, link.family);
  // The machine's own broadcasts come back to it, and then have two ways.
  bool broadcast = group.ends_with(".255");
  if (broadcast && link.there.starts_with("out")) group = "239.255.255.250";
  uint16_t port = random.pick<uint16_t>({1900, 5353, 137, 5683});
  uint16_t from = random.chance(25) ? port : world.client_port(random);
  Steps steps;
  Link question = link;
  question.b = group;
  uint32_t count = random.between(1, 2);
  for (uint32_t i = 0; i < count; i++) {
    steps.push_back(question.step(true, question.ports(true, "udp", from, port) + " ttl 4 len 40"));
  }
  uint32_t answers = random.between(0, 3);
  for (uint32_t i = 0; i < answers; i++) {
    uint16_t answer_port = random.chance(70) ? port : world.server_port(random);
    steps.push_back(link.step(false, link.ports(false, "udp", from, answer_port) + " len 60"));
  }
  return steps;
}

}  // namespace sallyport::testing
