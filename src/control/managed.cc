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

std::expected<void, Diagnostics> Managed::replace(Family family, std::string_view text,
                                                  Counters counters) {
  std::expected<Ruleset, Diagnostics> read_rules = read(family, text);
  if (!read_rules) return std::unexpected(std::move(read_rules.error()));
  put(std::move(*read_rules), counters);
  return {};
}

void Managed::put(Ruleset rules, Counters counters) {
  if (counters == Counters::kZero) {
    for (std::optional<Table>& table : rules.tables) {
      if (!table) continue;
      for (Chain& chain : table->chains) {
        chain.counters = {};
        for (Rule& rule : chain.rules) rule.counters = {};
      }
    }
  }
  const Family family = rules.family;
  engine_.change_program(
      family, compile(rules),
      counters == Counters::kKept ? Engine::OldCounters::kKept : Engine::OldCounters::kForgotten);
  ruleset(family) = std::move(rules);
}

}  // namespace sallyport
