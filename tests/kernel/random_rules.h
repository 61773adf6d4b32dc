// Rule sets, sets of addresses and sysctls at random, in the languages of
// iptables-restore, ipset restore and sysctl. What is drawn is always loadable:
// what Linux refuses (a match in a chain where it cannot stand, a loop of
// chains) is never written.
#pragma once

#include <string>
#include <vector>

#include "kernel/random_world.h"

namespace sallyport::testing {

// What rules may say of sets.
struct RandomSet {
  std::string name;
  std::string type;
  bool list = false;  // of both families
  Family family = Family::kIpv4;
  bool any_family = false;  // ports only, or a list
  uint32_t dimensions = 1;
  bool counters = false;
  bool timeouts = false;
  bool full_early = false;  // it has a small maxelem
  // Nothing in it runs out while a script lasts: the kernel's garbage collector, whose time nobody
  // knows, would decide what is in the way (docs/kernel-differences.md).
  bool is_lasting() const { return full_early || list || type.starts_with("hash:net"); }
};

struct RandomSets {
  std::vector<RandomSet> sets;
  std::string text;  // for ipset restore; empty if there are none
};

RandomSets random_sets(Random& random, const World& world);
// For iptables-restore, or ip6tables-restore.
std::string random_rules(Random& random, const World& world, Family family, const RandomSets& sets);
// The same with helpers for who talks to their ports, ahead of what else raw says.
std::string with_helpers(std::string rules, Random& random, Family family);
// Lines of a script's head.
std::string random_sysctls(Random& random, const World& world);

}  // namespace sallyport::testing
