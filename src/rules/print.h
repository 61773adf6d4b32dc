// From a ruleset to what iptables-legacy-save prints.
#pragma once

#include <string>
#include <vector>

#include "rules/ruleset.h"

namespace sallyport {

// One rule, without a line end: "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT".
std::string rule_text(const Rule& rule, const Table& table, const Chain& chain, Family family);
// "REJECT", a chain's name, or empty.
std::string_view target_name(const Rule& rule, const Table& table);

// "ACCEPT", "DROP"; "-" of a user's chain, which has none.
std::string_view policy_word(const Chain& chain);
// As the kernel lists them: built-in chains by hook, then the user's by name.
std::vector<const Chain*> in_order(const Table& table);

struct PrintOptions {
  bool counters = false;  // as `iptables-save -c` prints them, before each rule
};
// All of it. Tables come in the order in which the kernel lists them, chains by hook and then by
// name. Comments with the date of saving are left out.
std::string print_rules(const Ruleset& rules, const PrintOptions& options = {});

}  // namespace sallyport
