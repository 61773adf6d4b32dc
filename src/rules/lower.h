// From a ruleset to the compiled program.
#pragma once

#include <memory>
#include <span>

#include "program/program.h"
#include "rules/ruleset.h"

namespace sallyport {

// Chains of as many rules are indexed (program/classifier.h).
std::shared_ptr<const Program> compile(const Ruleset& rules, uint32_t indexed_from = kIndexedFrom);

// The rules with what the counters of their program have come to, as Engine::counters() has them.
Ruleset counted(Ruleset rules, std::span<const RuleCounters> counters);

}  // namespace sallyport
