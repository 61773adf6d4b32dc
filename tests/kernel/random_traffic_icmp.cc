// ICMP and ICMPv6: questions with their answers, and errors about packets of
// other conversations, whole, cut short, or about what never was.
#include <fmt/format.h>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

struct Query {
  Family family;
  int request, reply;
};
constexpr Query kQueries[] = {
    {Family::kIpv4, 8, 0},     {Family::kIpv4, 8, 0},     {Family::kIpv4, 13, 14},
    {Family::kIpv4, 15, 16},   {Family::kIpv4, 17, 18},   {Family::kIpv6, 128, 129},
    {Family::kIpv6, 128, 129}, {Family::kIpv6, 139, 140},
};

Query query(Random& random, Family family) {
  for (;;) {
    const Query& each = random.pick(kQueries);
    if (each.family == family) return each;
  }
}

std::string_view protocol_of(Family family) {
  return family == Family::kIpv4 ? "icmp" : "icmp6";
}

int any_type(Random& random, Family family) {
  if (random.chance(10)) return static_cast<int>(random.below(256));
  if (family == Family::kIpv4) {
    return random.pick({0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 40});
  }
  return random.pick({1, 2, 3, 4, 128, 129, 130, 131, 132, 137, 139, 140, 143, 144, 151});
}

}  // namespace

Steps icmp_conversation(Random& random, const World& world) {
  Link link = world.link(random);
  std::string_view protocol = protocol_of(link.family);
  Query asked = query(random, link.family);
  uint32_t id = random.pick({0u, 1u, 7u, 7u, 65535u});
  Steps steps;
  uint32_t count = random.between(1, 6);
  for (uint32_t i = 0; i < count; i++) {
    bool from_a = i == 0 ? !random.chance(10) : random.chance(50);
    int type = from_a ? asked.request : asked.reply;
    if (random.chance(10)) type = any_type(random, link.family);
    uint32_t id_now = random.chance(5) ? (id + 1) & 0xffff : id;
    std::string packet =
        fmt::format("{} type {} icmp-id {} icmp-seq {} len {}", link.plain(from_a, protocol), type,
                    id_now, i, random.pick({0, 8, 56, 200}));
    if (random.chance(4)) packet += fmt::format(" code {}", random.below(4));
    packet += random.maybe(4, " bad-checksum");
    steps.push_back(link.step(from_a, packet));
  }
  return steps;
}

Step icmp_error(Random& random, const World& world, const Step& about) {
  bool v4 = about.family == Family::kIpv4;
  std::string_view protocol = protocol_of(about.family);
  // The sender of the packet, between the protocol's name and '>'.
  size_t begin = about.packet.find(' ') + 1;
  std::string sender = about.packet.substr(begin, about.packet.find(' ', begin) - begin);
  std::string receiver = about.packet.substr(about.packet.find("> ") + 2);
  receiver = receiver.substr(0, receiver.find(' '));
  auto address = [](std::string text) {
    if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
    bool port = text.find(':') == text.rfind(':');
    return port ? text.substr(0, text.find(':')) : text;
  };
  sender = address(sender);
  receiver = address(receiver);
  Step step{.way = about.back,
            .packet = "",
            .back = about.way,
            .wire = !about.back.starts_with("out"),
            .family = about.family};
  bool inside = step.way.find("in eth1") == 0 || step.way.starts_with("fwd eth1");
  std::string from = step.wire ? world.peer(random, about.family, inside)
                               : world.own(random, about.family, inside);
  if (step.way.starts_with("fwd") && random.chance(50)) from = receiver;
  std::string to = sender;
  if (step.way.starts_with("out") && !step.wire && random.chance(5)) {
    to = world.peer(random, about.family, step.way.ends_with("eth1"));
  }
  int type = v4 ? random.pick({3, 3, 3, 4, 5, 11, 12}) : random.pick({1, 1, 1, 2, 3, 4, 137});
  int code = static_cast<int>(random.below(v4 ? 6 : 5));
  std::string quote;
  if (random.chance(35)) quote = fmt::format("quote {} ", random.pick({0, 3, 4, 7, 8, 12, 20, 28}));
  std::string inner = about.packet;
  if (random.chance(8)) {  // about what was never sent, perhaps
    uint16_t port = world.client_port(random), other = world.server_port(random);
    inner = fmt::format("udp {} > {}", endpoint(sender, port), endpoint(receiver, other));
  }
  step.packet = fmt::format("{} {} > {} type {} code {} {}about ( {} ){}", protocol, from, to, type,
                            code, quote, inner, random.maybe(4, " bad-checksum"));
  return step;
}

}  // namespace sallyport::testing
