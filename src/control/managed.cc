#include "control/managed.h"

#include <utility>

#include "rules/lower.h"
#include "rules/parse.h"

namespace sallyport {

Managed::Managed(Engine& engine, std::optional<Ruleset> rules, std::optional<Ruleset> rules6,
                 std::optional<LabelNames> labels, std::function<Instant()> clock)
    : engine_(engine),
      rulesets_{std::move(rules), std::move(rules6)},
      labels_(std::move(labels)),
      clock_(std::move(clock)) {}

Ruleset Managed::rules(Family family) const {
  if (!ruleset(family)) return Ruleset{.family = family, .tables = {}};
  return counted(*ruleset(family), engine_.counters(family));
}

std::expected<Ruleset, Diagnostics> Managed::read(Family family, std::string_view text) {
  return parse_rules(text, family, &engine_.sets(), labels());
}

void Managed::put(Ruleset rules, Counters counters) {
  const Family family = rules.family;
  engine_.change_program(
      family, compile(rules),
      counters == Counters::kKept ? Engine::OldCounters::kKept : Engine::OldCounters::kForgotten);
  ruleset(family) = std::move(rules);
}

}  // namespace sallyport
