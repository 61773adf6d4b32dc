// From iptables-save text to a ruleset.
#pragma once

#include <expected>
#include <string_view>

#include "base/diagnostic.h"
#include "rules/ruleset.h"

namespace sallyport {

// Reads what iptables-restore (or ip6tables-restore) reads: *table, :CHAIN POLICY [p:b],
// [p:b] -A …, -I, -N, -P, COMMIT, comments, with every spelling of options. All errors of the
// text are gathered; with any, there is no ruleset.
//
// More strict than iptables 1.8.9, which guesses or wraps around: an open quote, a port above
// 65535, counters that are not numbers, a circle of chains that nothing reaches, the same table
// twice, a condition that never holds and would not be printed. Names of hosts are not looked up.
//
// `sets` is for rules that name sets; without it such rules are refused. `labels` is for those that
// name a label (-m connlabel) otherwise than by its number.
std::expected<Ruleset, Diagnostics> parse_rules(std::string_view text, Family family,
                                                const SetStore* sets = nullptr,
                                                const LabelNames* labels = nullptr);

}  // namespace sallyport
