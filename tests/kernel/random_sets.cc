// Sets of the six types, with elements from the world's few addresses and
// ports. An element's own timeout is long: when a set is loaded is not known to
// the tick, so that only what rules add runs out while a script lasts.
#include <fmt/format.h>
#include <set>

#include "kernel/random_rules.h"

namespace sallyport::testing {
namespace {

std::string net(Random& random, const World& world, Family family) {
  std::string address = world.any_address(random, family);
  bool v4 = family == Family::kIpv4;
  switch (random.below(4)) {
    case 0: return address + (v4 ? "/24" : "/64");
    case 1: return address + (v4 ? "/16" : "/32");
    case 2: return address + fmt::format("/{}", random.between(1, v4 ? 32 : 128));
    default: return address;
  }
}

std::string port(Random& random, const World& world, Family family) {
  if (random.chance(12)) {
    return family == Family::kIpv4 ? random.pick({"icmp:echo-request", "icmp:0/0", "icmp:3/3"})
                                   : random.pick({"icmpv6:128/0", "icmpv6:echo-reply"});
  }
  if (random.chance(8)) return random.pick({"gre:0", "41:0", "esp:0", "2:0"});
  return joined({random.pick({"tcp", "tcp", "udp", "udp", "sctp", "udplite"}), ":",
                 std::to_string(world.any_port(random))});
}

std::string element(Random& random, const World& world, const RandomSet& set) {
  if (set.type == "hash:ip") return world.any_address(random, set.family);
  if (set.type == "hash:net") return net(random, world, set.family);
  if (set.type == "hash:ip,port") {
    return joined({world.any_address(random, set.family), ",", port(random, world, set.family)});
  }
  if (set.type == "hash:net,port") {
    return joined({net(random, world, set.family), ",", port(random, world, set.family)});
  }
  return fmt::format("{}", world.any_port(random));  // bitmap:port
}

std::string create(Random& random, const RandomSet& set) {
  std::string text = fmt::format("create {} {}", set.name, set.type);
  bool hash = set.type.starts_with("hash");
  if (hash && set.family == Family::kIpv6) text += " family inet6";
  if (set.full_early) text += fmt::format(" maxelem {}", random.between(4, 8));
  if (set.type == "bitmap:port") text += " range 0-65535";
  if ((set.type == "hash:ip" || set.type == "hash:ip,port") && random.chance(10)) {
    text += set.family == Family::kIpv4 ? " netmask 24" : " netmask 64";
  }
  if (set.timeouts) {
    text += fmt::format(" timeout {}",
                        set.is_lasting() ? random.pick({0, 600}) : random.pick({0, 1, 2, 600}));
  }
  if (set.counters) text += " counters";
  text += random.maybe(5, " comment");
  return text + '\n';
}

// At most four, so that the smallest maxelem has room.
std::string elements(Random& random, const World& world, const RandomSet& set) {
  std::string text;
  std::set<std::string> seen;
  for (uint32_t count = random.below(5); count > 0; count--) {
    std::string each = element(random, world, set);
    if (!seen.insert(each).second) continue;
    text += fmt::format("add {} {}", set.name, each);
    if (set.timeouts) text += fmt::format(" timeout {}", random.pick({0, 900, 5000}));
    if (set.type.starts_with("hash:net") && random.chance(25)) text += " nomatch";
    if (set.counters && random.chance(30))
      text += fmt::format(" packets {} bytes 100", random.below(3));
    text += " -exist\n";
  }
  return text;
}

}  // namespace

RandomSets random_sets(Random& random, const World& world) {
  RandomSets made;
  if (random.chance(40)) return made;
  uint32_t count = random.between(1, 5);
  for (uint32_t i = 0; i < count; i++) {
    RandomSet set;
    set.name = fmt::format("s{}", i);
    set.type = random.pick({"hash:ip", "hash:net", "hash:ip,port", "hash:net,port", "bitmap:port"});
    set.family = world.family(random);
    set.any_family = set.type == "bitmap:port";
    set.dimensions = set.type.ends_with(",port") ? 2 : 1;
    set.counters = random.chance(35);
    set.timeouts = random.chance(35);
    set.full_early = set.type.starts_with("hash") && random.chance(15);
    made.text += create(random, set);
    made.text += elements(random, world, set);
    made.sets.push_back(set);
  }
  if (random.chance(35)) {
    RandomSet list{.name = "all", .type = "list:set", .list = true, .any_family = true};
    list.dimensions = random.between(1, 2);
    list.counters = random.chance(30);
    list.timeouts = random.chance(20);
    made.text += create(random, list);
    for (const RandomSet& set : made.sets) {
      if (random.chance(70)) {
        made.text += fmt::format("add all {}{}\n", set.name, list.timeouts ? " timeout 0" : "");
      }
    }
    made.sets.push_back(list);
  }
  return made;
}

}  // namespace sallyport::testing
