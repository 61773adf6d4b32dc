// The conditions of one rule.
#pragma once

#include <string>
#include <string_view>

#include "kernel/random_rules.h"

namespace sallyport::testing {

// Hooks, as bits.
enum RuleHook : uint8_t {
  kAtPrerouting = 1,
  kAtInput = 2,
  kAtForward = 4,
  kAtOutput = 8,
  kAtPostrouting = 16
};

// Where a rule stands, and what it has said of the protocol.
struct RulePlace {
  const World& world;
  const RandomSets& sets;
  Family family = Family::kIpv4;
  std::string_view table;
  bool built_in = true;       // else a user chain
  uint8_t hooks = 0;          // from which packets may come here
  std::string_view protocol;  // "" for none, or negated

  bool only_at(uint8_t allowed) const { return (hooks & ~allowed) == 0; }
};

// " -p udp" or nothing or its negation; sets place.protocol.
std::string random_protocol(Random& random, RulePlace& place);
// " -s 10.0.0.0/8 -m udp --dport 53 …"
std::string random_matches(Random& random, const RulePlace& place);
std::string random_set_use(Random& random,
                           const RandomSet& set);  // "s1 src,dst"
std::string random_mark(Random& random);           // "0x1", "0x1/0xff"
std::string random_mask(Random& random);
// The sets that a rule of this place may name.
const RandomSet* random_set(Random& random, const RulePlace& place);

}  // namespace sallyport::testing
