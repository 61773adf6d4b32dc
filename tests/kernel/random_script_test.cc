#include "kernel/random_script.h"

#include <gtest/gtest.h>

#include "attach/script.h"
#include "base/time.h"
#include "conntrack/knobs.h"
#include "packet/host.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport::testing {
namespace {

constexpr uint64_t kSeeds = 2000;

TEST(RandomScript, ASeedAlwaysMeansTheSameScript) {
  EXPECT_EQ(random_script(7), random_script(7));
  EXPECT_NE(random_script(7), random_script(8));
}

void expect_rules(const std::optional<Script::Block>& block, Family family, const SetStore& sets,
                  uint64_t seed) {
  if (!block) return;
  std::expected<Ruleset, Diagnostics> rules = parse_rules(block->text, family, &sets);
  EXPECT_TRUE(rules) << "seed " << seed << "\n" << rules.error().render("rules", block->text);
}

TEST(RandomScript, EveryScriptIsTakenWhole) {
  for (uint64_t seed = 0; seed < kSeeds && !HasFailure(); seed++) {
    std::string text = random_script(seed);
    Diagnostics diagnostics;
    std::optional<Script> script = parse_script(text, diagnostics);
    ASSERT_TRUE(script) << diagnostics.render("script", text);
    Knobs knobs;
    for (const auto& [name, value] : script->sysctls) {
      EXPECT_TRUE(knobs.set(name, value)) << "seed " << seed << ": " << name;
    }
    SetStore sets(make_hash_key(1));
    if (script->sets) {
      sets.restore(script->sets->text, Tick{1000}, diagnostics);
      EXPECT_TRUE(diagnostics.empty()) << "seed " << seed << "\n"
                                       << diagnostics.render("sets", script->sets->text);
    }
    expect_rules(script->rules, Family::kIpv4, sets, seed);
    expect_rules(script->rules6, Family::kIpv6, sets, seed);
    EXPECT_FALSE(script->packets.empty()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sallyport::testing
