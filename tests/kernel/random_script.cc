// How a script is put together: conversations are drawn first and then woven
// into one another; rules and sets draw from the same world.
//
// Time. In most scripts packets come a millisecond apart and timeouts are the
// kernel's own, so that no deadline is near. In a timed one timeouts are whole
// seconds, and packets come in at most ten volleys of 50 ms whose beginnings
// are all different by 0.1 s modulo a second: what a volley starts runs out in
// no volley, and never within 40 ms of one.
#include "kernel/random_script.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "kernel/random_rules.h"
#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

constexpr size_t kMostVolleys = 10;
constexpr size_t kMostOfVolley = 50;

// Each conversation in its own order, `at_once` of them at a time.
Steps weave(Random& random, std::vector<Steps> conversations, size_t at_once) {
  Steps all;
  std::vector<size_t> at(conversations.size());
  for (;;) {
    std::vector<size_t> open;
    for (size_t i = 0; i < conversations.size(); i++) {
      if (at[i] < conversations[i].size()) open.push_back(i);
    }
    if (open.empty()) return all;
    size_t among = std::min(open.size(), at_once);
    size_t chosen = open[random.below(static_cast<uint32_t>(among))];
    uint32_t burst = random.between(1, 4);
    for (; burst > 0 && at[chosen] < conversations[chosen].size(); burst--) {
      all.push_back(conversations[chosen][at[chosen]++]);
    }
  }
}

std::string untimed(const Steps& steps) {
  std::string text;
  for (const Step& step : steps) text += step.line() + '\n';
  return text;
}

std::string timed(Random& random, const Steps& steps) {
  std::string text;
  size_t per_volley = std::clamp<size_t>(steps.size() / kMostVolleys + 1, 3, kMostOfVolley);
  uint32_t second = 0;
  for (size_t i = 0, volley = 0; i < steps.size() && volley < kMostVolleys; volley++) {
    if (volley > 0) second += random.pick({0u, 0u, 1u, 1u, 2u});
    text += fmt::format("@{}.{} ", second, volley);
    for (size_t k = 0; k < per_volley && i < steps.size(); k++, i++) {
      text += steps[i].line() + '\n';
    }
  }
  return text;
}

void add_block(std::string& text, std::string_view name, const std::string& block) {
  if (!block.empty()) text += fmt::format("{} <<END\n{}END\n", name, block);
}

}  // namespace

std::string random_script(uint64_t seed) {
  Random random(seed);
  Random of_world = random.fork(), of_rules = random.fork(), of_traffic = random.fork(),
         of_time = random.fork(), of_help = random.fork(), of_bridge = random.fork();
  World world(of_world, of_bridge);
  std::string text = fmt::format("# seed {}\n", seed) + world.head();
  text += random_sysctls(of_world, world);
  RandomSets sets = random_sets(of_rules, world);
  add_block(text, "sets", sets.text);
  std::string rules = random_rules(of_rules, world, Family::kIpv4, sets);
  std::string rules6 = random_rules(of_rules, world, Family::kIpv6, sets);
  // Linux forgets expectations late (docs/kernel-differences.md): none runs out.
  bool helped = world.is_tracked() && !world.is_timed() && of_help.chance(25);
  if (helped) {
    rules = with_helpers(std::move(rules), of_help, Family::kIpv4);
    rules6 = with_helpers(std::move(rules6), of_help, Family::kIpv6);
  }
  add_block(text, "rules", rules);
  add_block(text, "rules6", rules6);

  std::vector<Steps> conversations;
  uint32_t count = of_traffic.between(4, 20);
  for (uint32_t i = 0; i < count; i++) {
    conversations.push_back(conversation(of_traffic, world));
  }
  for (uint32_t i = helped ? of_help.between(2, 6) : 0; i > 0; i--) {
    bool no_postrouting = rules.find("*mangle") == std::string::npos;
    conversations.push_back(helped_conversation(of_help, world, no_postrouting));
  }
  // Where time passes conversations are long, so that it passes within them.
  Steps steps = weave(of_traffic, std::move(conversations), world.is_timed() ? 12 : 3);
  return text + (world.is_timed() ? timed(of_time, steps) : untimed(steps));
}

}  // namespace sallyport::testing
