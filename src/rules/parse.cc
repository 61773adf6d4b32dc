// Reading a file of rules: a line at a time, then what only the whole table tells.
//
// Memory is the tree plus one line. An error costs its line and nothing else, so that
// all are found; after an error lines are still read but their rules not kept.
#include "rules/parse.h"

#include <algorithm>
#include <fmt/format.h>

#include "rules/rule_parser.h"

namespace sallyport {
namespace {

// Deeper nests than this would need a stack that no packet should cost.
constexpr uint32_t kDeepestNest = 512;

struct PlacedDemand {
  uint32_t chain;
  HookDemand demand;
};

class FileParser {
 public:
  FileParser(std::string_view text, Family family, const SetStore* sets, const LabelNames* labels)
      : text_(text), sets_(sets), labels_(labels) {
    rules_.family = family;
  }

  std::expected<Ruleset, Diagnostics> run() {
    for (size_t at = 0; at < text_.size();) {
      size_t end = std::min(text_.find('\n', at), text_.size());
      number_++;
      line(text_.substr(at, end - at));
      at = end + 1;
    }
    if (table_) error({number_ + 1, 1, 0}, "COMMIT is missing at the end of the table");
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    return std::move(rules_);
  }

 private:
  void error(const Span& span, std::string what, std::string hint = {}) {
    errors_.add({span, std::move(what), std::move(hint)});
  }
  Span here(size_t column, size_t length) const {
    return {number_, static_cast<uint32_t>(column + 1), static_cast<uint32_t>(length)};
  }

  void line(std::string_view line) {
    if (line.empty() || line[0] == '#') return;
    if (line.ends_with('\r')) {
      if (!carriage_returns_) {
        error(here(line.size() - 1, 1), "the lines end in carriage returns",
              "iptables does not take them either; sed -i 's/\\r$//' removes them");
      }
      carriage_returns_ = true;
      return;
    }
    if (line[0] == '*') return begin_table(line);
    if (line == "COMMIT") return commit();
    if (line.find_first_not_of(" \t") == std::string_view::npos) return;
    if (!table_) {
      // A script of commands, `iptables -L`, nft's language: none of them begins its lines so.
      bool of_a_table = line[0] == '-' || line[0] == ':' || line[0] == '[';
      if (!lost_) {
        error(here(0, line.size()), "this line stands in no table",
              of_a_table ? "*filter comes first" : "what iptables-save prints is wanted");
      }
      lost_ = true;  // said once, not for each line that follows
      return;
    }
    if (line[0] == ':') return chain_line(line);
    rule_line(line);
  }

  void begin_table(std::string_view line) {
    std::string_view name = line.substr(1);
    name = name.substr(0, name.find_last_not_of(" \t") + 1);
    lost_ = true;
    if (table_) {
      error(here(0, line.size()), "COMMIT is missing before this table");
      commit();
    }
    const std::optional<TableId> id = find_table(name);
    if (!id) {
      return error(here(0, line.size()), fmt::format("there is no table '{}'", name),
                   "raw, mangle, nat, filter or security");
    }
    std::optional<Table>& table = rules_.tables[static_cast<size_t>(*id)];
    if (table) {
      return error(here(0, line.size()), fmt::format("table {} is given twice", name),
                   "iptables-restore would keep only the second");
    }
    id_ = *id;
    table_ = &table.emplace();
    lost_ = false;
    for (Hook hook : hooks_of(id_)) add_chain(hook_name(hook), hook, here(0, line.size()));
  }

  uint32_t add_chain(std::string_view name, std::optional<Hook> hook, const Span& span) {
    uint32_t index = static_cast<uint32_t>(table_->chains.size());
    table_->chains.push_back({.name = std::string(name), .hook = hook, .span = span, .rules = {}});
    names_.add(name, index);
    return index;
  }

  // :CHAIN POLICY [packets:bytes]
  void chain_line(std::string_view line) {
    auto split = lexer_.split(line.substr(1), number_, 2);
    if (!split) return errors_.add(split.error());
    const std::vector<Token>& words = lexer_.tokens();
    if (words.size() < 2) {
      return error(here(0, line.size()), "a chain's line is ':NAME POLICY [packets:bytes]'");
    }
    const Token& name = words[0];
    std::optional<uint32_t> known = names_.find(name.text);
    if (!known) {
      if (std::string bad = bad_chain_name(name.text); !bad.empty()) return error(name.span, bad);
    }
    uint32_t index = known ? *known : add_chain(name.text, std::nullopt, name.span);
    Chain& chain = table_->chains[index];
    chain.span = name.span;
    if (known && !chain.hook) chain.rules.clear();  // as iptables-restore does
    set_policy(chain, words[1]);
    if (words.size() > 2 && !read_counters(words[2].text, chain.counters)) {
      error(words[2].span, fmt::format("'{}' is not [packets:bytes]", words[2].text));
    }
    if (words.size() > 3) error(words[3].span, "too many words");
  }

  void set_policy(Chain& chain, const Token& policy) {
    if (policy.text == "-") return;
    if (!chain.hook) {
      return error(policy.span,
                   fmt::format("chain {} is no built-in one and has no policy", chain.name), "-");
    }
    if (policy.text != "ACCEPT" && policy.text != "DROP") {
      return error(policy.span, fmt::format("'{}' is not a policy", policy.text), "ACCEPT or DROP");
    }
    chain.policy = policy.text == "DROP" ? Verdict::kDrop : Verdict::kAccept;
  }

  static bool read_counters(std::string_view text, RuleCounters& out) {
    size_t colon = text.find(':');
    return text.size() >= 5 && text.front() == '[' && text.back() == ']' &&
           colon != std::string_view::npos &&
           read_counter(text.substr(1, colon - 1), out.packets) &&
           read_counter(text.substr(colon + 1, text.size() - colon - 2), out.bytes);
  }

  void rule_line(std::string_view line) {
    RuleCounters counters;
    size_t begin = 0;
    if (line[0] == '[') {
      size_t end = line.find(']');
      if (end == std::string_view::npos || !read_counters(line.substr(0, end + 1), counters)) {
        return error(here(0, end == std::string_view::npos ? 1 : end + 1),
                     "the counters before a rule are [packets:bytes]");
      }
      begin = end + 1;
    }
    auto split = lexer_.split(line.substr(begin), number_, static_cast<uint32_t>(begin + 1));
    if (!split) return errors_.add(split.error());
    if (lexer_.tokens().empty()) return error(here(0, line.size()), "counters without a rule");
    LineContext context{rules_.family,
                        id_,
                        table_->chains,
                        names_,
                        sets_,
                        labels_,
                        errors_.count() < Diagnostics::kMost};
    Result<ParsedLine> parsed = parse_line(lexer_.tokens(), counters, context);
    if (!parsed) return errors_.add(parsed.error());
    if (!parsed->skipped) take(std::move(*parsed));
  }

  void take(ParsedLine line) {
    std::optional<uint32_t> index = names_.find(line.chain.text);
    if (line.command == Command::kNewChain) {
      std::string bad = index ? fmt::format("there is a chain '{}' already", line.chain.text)
                              : bad_chain_name(line.chain.text);
      if (!bad.empty()) return error(line.chain.span, bad);
      add_chain(line.chain.text, std::nullopt, line.chain.span);
      return;
    }
    if (line.command == Command::kPolicy) {
      if (!index || !table_->chains[*index].hook) {
        return error(line.chain.span, fmt::format("'{}' is not a built-in chain", line.chain.text));
      }
      table_->chains[*index].policy = line.policy;
      return;
    }
    for (HookDemand& demand : line.demands) demands_.push_back({*index, demand});
    std::vector<Rule>& rules = table_->chains[*index].rules;
    size_t at = rules.size();
    if (line.command == Command::kInsert) {
      if (line.number > rules.size() + 1) {
        return error(line.number_span,
                     fmt::format("{} is past the end of chain {}, which has {} so far", line.number,
                                 line.chain.text, rules.size()));
      }
      at = line.number - 1;
      std::ranges::reverse(line.rules);  // each is put before the one before it
    }
    if (!errors_.empty()) return;
    rules.insert(rules.begin() + static_cast<ptrdiff_t>(at),
                 std::make_move_iterator(line.rules.begin()),
                 std::make_move_iterator(line.rules.end()));
  }

  void commit() {
    if (!table_) {
      if (!lost_) error(here(0, 6), "COMMIT without a table");
      lost_ = false;
      return;
    }
    if (errors_.empty() && no_circles()) hooks_allow();
    table_ = nullptr;
    names_.clear();
    demands_.clear();
  }

  static bool leads_on(const Rule& rule) {
    return rule.action == Action::kJump || rule.action == Action::kGoto;
  }

  // A walk in depth without recursion: a file may nest chains as deep as it likes.
  bool no_circles() {
    enum State : uint8_t { kNew, kOpen, kDone };
    struct Frame {
      uint32_t chain;
      size_t rule;
    };
    std::vector<Chain>& chains = table_->chains;
    std::vector<State> state(chains.size(), kNew);
    std::vector<uint32_t> depth(chains.size(), 1);
    std::vector<Frame> open;
    for (uint32_t start = 0; start < chains.size(); start++) {
      if (state[start] != kNew) continue;
      open.push_back({start, 0});
      state[start] = kOpen;
      while (!open.empty()) {
        Frame& frame = open.back();
        const std::vector<Rule>& rules = chains[frame.chain].rules;
        if (frame.rule == rules.size()) {
          state[frame.chain] = kDone;
          uint32_t below = depth[frame.chain];
          open.pop_back();
          if (!open.empty())
            depth[open.back().chain] = std::max(depth[open.back().chain], below + 1);
          continue;
        }
        const Rule& rule = rules[frame.rule++];
        if (!leads_on(rule)) continue;
        if (state[rule.chain] == kOpen) {
          error(rule.span, fmt::format("chains jump in a circle: {} leads back to {}",
                                       chains[frame.chain].name, chains[rule.chain].name));
          return false;
        }
        if (state[rule.chain] == kDone) {
          depth[frame.chain] = std::max(depth[frame.chain], depth[rule.chain] + 1);
          continue;
        }
        state[rule.chain] = kOpen;
        open.push_back({rule.chain, 0});
      }
      if (depth[start] > kDeepestNest) {
        error(chains[start].span, fmt::format("chains are nested deeper than {}", kDeepestNest));
        return false;
      }
    }
    return true;
  }

  // An extension may stand in a user's chain as long as no hook that it does not know leads there.
  void hooks_allow() {
    if (demands_.empty()) return;
    std::vector<Chain>& chains = table_->chains;
    std::vector<uint8_t> hooks(chains.size(), 0);
    std::vector<uint32_t> todo;
    for (uint32_t i = 0; i < chains.size(); i++) {
      if (!chains[i].hook) continue;
      hooks[i] = hook_bit(*chains[i].hook);
      todo.push_back(i);
    }
    while (!todo.empty()) {
      uint32_t from = todo.back();
      todo.pop_back();
      for (const Rule& rule : chains[from].rules) {
        if (!leads_on(rule) || (hooks[from] & ~hooks[rule.chain]) == 0) continue;
        hooks[rule.chain] |= hooks[from];
        todo.push_back(rule.chain);
      }
    }
    for (const PlacedDemand& placed : demands_) {
      uint8_t wrong = hooks[placed.chain] & static_cast<uint8_t>(~placed.demand.hooks);
      if (wrong != 0) refuse(placed, wrong);
    }
  }

  void refuse(const PlacedDemand& placed, uint8_t wrong) {
    std::string list, allowed;
    for (Hook hook : hooks_of(id_)) {
      if (wrong & hook_bit(hook)) list += fmt::format(" {}", hook_name(hook));
      if (placed.demand.hooks & hook_bit(hook)) allowed += fmt::format(" {}", hook_name(hook));
    }
    const Chain& chain = table_->chains[placed.chain];
    std::string where =
        chain.hook ? list : fmt::format(" chain {}, which{} leads to", chain.name, list);
    error(placed.demand.span,
          fmt::format("{} {} cannot stand in{}", placed.demand.target ? "-j" : "-m",
                      placed.demand.traits->name, where),
          fmt::format("it works in{}", allowed));
  }

  std::string_view text_;
  const SetStore* sets_;
  const LabelNames* labels_;
  Ruleset rules_;
  Diagnostics errors_;
  Lexer lexer_;
  uint32_t number_ = 0;
  TableId id_ = TableId::kFilter;
  Table* table_ = nullptr;
  ChainNames names_;
  std::vector<PlacedDemand> demands_;
  bool carriage_returns_ = false;
  bool lost_ = false;  // between tables after an error: lines are passed over
};

}  // namespace

std::expected<Ruleset, Diagnostics> parse_rules(std::string_view text, Family family,
                                                const SetStore* sets, const LabelNames* labels) {
  return FileParser(text, family, sets, labels).run();
}

}  // namespace sallyport
