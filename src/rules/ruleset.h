// The rules as they were written: tables, chains, rules.
//
// This tree is what is printed, explained, compared and compiled. It is immutable
// once parsed, and matches and targets are shared between the rules that one line
// with several addresses becomes.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "extensions/extension.h"

namespace sallyport {

// What every rule can ask without an extension.
struct IpMatch {
  MaskedAddress source, destination;  // a mask of zero: not asked, unless negated
  InterfaceTest in, out;              // an empty name: not asked
  uint8_t protocol = 0;               // 0: any
  bool not_source = false, not_destination = false;
  bool not_in = false, not_out = false;
  bool not_protocol = false;
  bool fragment = false, not_fragment = false;  // -f, ! -f
};

enum class Action : uint8_t { kNone, kAccept, kDrop, kReturn, kJump, kGoto, kTarget };

struct Rule {
  IpMatch ip;
  std::vector<std::shared_ptr<const Match>> matches;
  Action action = Action::kNone;
  uint32_t chain = 0;  // kJump, kGoto: which of the table's chains
  std::shared_ptr<const Target> target;
  RuleCounters counters;
  Span span;
};

struct Chain {
  std::string name;
  std::optional<Hook> hook;  // of a built-in chain
  Verdict policy = Verdict::kAccept;
  RuleCounters counters;
  Span span;
  std::vector<Rule> rules;
};

struct Table {
  std::vector<Chain> chains;  // built-in ones first, by hook; then the user's as they were made
  const Chain* find(std::string_view name) const;
};

struct Ruleset {
  Family family = Family::kIpv4;
  // By TableId; a table that the text does not name is not there.
  std::array<std::optional<Table>, static_cast<size_t>(TableId::kCount)> tables;

  const Table* table(TableId id) const {
    const auto& found = tables[static_cast<size_t>(id)];
    return found ? &*found : nullptr;
  }
  // Null where there is none; `number` counts from 1.
  const Rule* rule(TableId id, std::string_view chain, uint32_t number) const;
};

// By its name; nothing for another word.
std::optional<TableId> find_table(std::string_view name);
// The hooks of a table's built-in chains.
std::span<const Hook> hooks_of(TableId table);

}  // namespace sallyport
