#include "kernel/random_traffic.h"

#include <algorithm>

namespace sallyport::testing {
namespace {

struct Kind {
  uint32_t weight;
  Steps (*make)(Random&, const World&);
};
constexpr Kind kKinds[] = {
    {40, tcp_conversation},  {25, udp_conversation},       {6, group_conversation},
    {15, icmp_conversation}, {3, igmp_conversation},       {8, sctp_conversation},
    {9, other_conversation}, {9, fragmented_conversation}, {5, ftp_conversation},
    {2, tftp_conversation},
};

constexpr Kind kHelped[] = {{10, ftp_conversation}, {6, tftp_conversation}};

// Losses, repetitions, another order.
void jumble(Random& random, Steps& steps) {
  for (size_t i = 0; i < steps.size(); i++) {
    switch (random.below(30)) {
      case 0:
        steps.insert(steps.begin() + static_cast<ptrdiff_t>(i), steps[i]);
        i++;
        break;
      case 1:
        if (i + 1 < steps.size()) std::swap(steps[i], steps[i + 1]);
        break;
      case 2:
        if (steps.size() > 1) steps.erase(steps.begin() + static_cast<ptrdiff_t>(i));
        break;
      default: break;
    }
  }
}

void add_errors(Random& random, const World& world, Steps& steps) {
  for (size_t i = 0; i < steps.size(); i++) {
    if (!random.chance(12) || steps[i].way.ends_with("lo")) continue;
    // An error about an error about an error is enough.
    if (steps[i].packet.find("about ( icmp") != std::string::npos) continue;
    size_t later = i + 1 + random.below(static_cast<uint32_t>(steps.size() - i));
    Step error = icmp_error(random, world, steps[i]);
    steps.insert(steps.begin() + static_cast<ptrdiff_t>(later), error);
    if (later == i + 1) i++;
  }
}

}  // namespace

// What is expected and does not come is left at the end.
Steps helped_conversation(Random& random, const World& world, bool own_broadcasts) {
  bool netbios = random.chance(20) && own_broadcasts;
  auto make = netbios ? netbios_conversation : pick_weighted(random, kHelped).make;
  Steps steps = make(random, world);
  if (random.chance(50)) {
    auto count = static_cast<uint32_t>(steps.size());
    steps.resize(random.between((count + 1) / 2, count));
  }
  if (random.chance(20)) jumble(random, steps);
  return steps;
}

Steps conversation(Random& random, const World& world) {
  Steps steps = pick_weighted(random, kKinds).make(random, world);
  if (random.chance(30)) jumble(random, steps);
  if (random.chance(40)) add_errors(random, world, steps);
  if (random.chance(30)) add_oddities(random, steps);
  return steps;
}

}  // namespace sallyport::testing
