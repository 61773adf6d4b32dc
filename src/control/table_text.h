// Tables as the lines of iptables-save, to be edited one by one: what iptables and
// iptables-restore -n change. What has been edited is read again as a whole, so that it is checked
// as any text of rules is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/ruleset.h"

namespace sallyport {

struct RuleLine {
  RuleCounters counters;
  std::string text;  // "-A INPUT -j ACCEPT"
};

struct ChainText {
  std::string name;
  std::string policy;  // "-" of a user's chain
  RuleCounters counters;
  std::vector<RuleLine> rules;

  bool built_in() const { return policy != "-"; }
};

struct TableText {
  std::string name;
  std::vector<ChainText> chains;

  ChainText* find(std::string_view chain);
  // "*filter … COMMIT\n", with counters.
  std::string text() const;
};

// As the kernel has it where nobody has written a rule: built-in chains that accept all.
TableText empty_table(TableId id);
std::vector<TableText> tables_of(const Ruleset& rules);
std::string text_of(const std::vector<TableText>& tables);
void forget_counters(Table& table);

// The tables of a text, each from its "*NAME" line, or from what comes before it, to the next.
std::vector<std::string_view> sections_of(std::string_view text);
std::string section_name(std::string_view section);  // empty: it has none
// The table with what a section of its own adds to it, as `iptables-restore -n` does: chains that
// the section declares are emptied, but for built-in ones.
std::string with_added(TableText table, std::string_view section);

}  // namespace sallyport
