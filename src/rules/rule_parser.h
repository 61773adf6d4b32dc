// One line of rules: from words to a command and its rules.
//
// Options are found as getopt_long finds them: among iptables' own and those of the
// extensions that the line has brought in so far, the newest first; an exact name
// wins, else a prefix that only one of them has. A name that nothing knows brings in
// the match of the protocol (-p tcp, then --dport). What cannot be judged before the
// whole line is read (-p may come last) is judged at its end.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "lang/lexer.h"
#include "rules/ruleset.h"

namespace sallyport {

enum class Command : uint8_t { kNone, kAppend, kInsert, kNewChain, kPolicy };

// An extension that only some hooks allow: judged when it is known which lead to its chain.
struct HookDemand {
  const Traits* traits = nullptr;
  bool target = false;
  uint8_t hooks = 0;
  Span span;
};

struct ParsedLine {
  Command command = Command::kNone;
  bool skipped = false;  // -6 in a text for IPv4, or the reverse
  Token chain;
  uint32_t number = 1;  // of -I
  Span number_span;
  Verdict policy = Verdict::kAccept;
  std::vector<Rule> rules;  // several where -s or -d list several addresses
  std::vector<HookDemand> demands;
};

// Chains by name while a table is read: there may be many.
class ChainNames {
 public:
  void add(std::string_view name, uint32_t index) { indices_.emplace(name, index); }
  void clear() { indices_.clear(); }
  std::optional<uint32_t> find(std::string_view name) const {
    auto found = indices_.find(std::string(name));
    if (found == indices_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::unordered_map<std::string, uint32_t> indices_;
};

// What the table at hand offers to a line.
struct LineContext {
  Family family;
  TableId table;
  const std::vector<Chain>& chains;
  const ChainNames& names;
  const SetStore* sets;
  const LabelNames* labels;
  bool guess;  // what a misspelt word was meant to be: costly, and pointless past the errors kept
};

Result<ParsedLine> parse_line(std::span<const Token> tokens, const RuleCounters& counters,
                              const LineContext& context);

// A decimal number of 64 bits, as in [packets:bytes].
bool read_counter(std::string_view text, uint64_t& out);

constexpr size_t kLongestChainName = 28;
// Empty, or why a chain cannot have this name.
std::string bad_chain_name(std::string_view name);

}  // namespace sallyport
