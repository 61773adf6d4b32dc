// iptables and ip6tables: one command on one table.
//
// The words behind a command are a rule as any text of rules has it; the table is edited as text
// (table_text.h) and read again as a whole. Messages and exit codes are those of iptables-legacy
// 1.8.9, asked one by one; where our parser says more about what is wrong, it says so.
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "control/listing.h"
#include "control/personality.h"
#include "control/table_text.h"
#include "control/words.h"
#include "lang/value.h"
#include "rules/print.h"

namespace sallyport {
namespace {

constexpr int kOther = 1, kProblem = 2, kNoTable = 3;  // iptables' own
constexpr std::string_view kNoChain = "No chain/target/match by that name.";

constexpr const char* kHelp =
    R"(Usage: {0} [-t table] -A|-C|-D chain rule
       {0} [-t table] -I chain [number] rule | -R chain number rule | -D chain number
       {0} [-t table] -L|-S [chain [number]] [-v -n -x --line-numbers]
       {0} [-t table] -F|-Z [chain [number]] | -N chain | -X [chain] | -E chain name
       {0} [-t table] -P chain ACCEPT|DROP
It changes the rules of the Sallyport that runs, and nothing else.
)";

struct CommandName {
  char letter;
  std::string_view name;
};
constexpr CommandName kCommands[] = {
    {'A', "--append"}, {'C', "--check"},   {'D', "--delete"},     {'E', "--rename-chain"},
    {'F', "--flush"},  {'I', "--insert"},  {'L', "--list"},       {'N', "--new-chain"},
    {'P', "--policy"}, {'R', "--replace"}, {'S', "--list-rules"}, {'X', "--delete-chain"},
    {'Z', "--zero"},
};

// What iptables says, and its exit code.
struct Failure {
  std::string what;
  int code = kOther;
};
using Done = std::expected<void, Failure>;

std::optional<uint32_t> number_of(const std::string& word) {
  const std::optional<uint64_t> number = read_decimal(word);
  return number && *number <= ~0u ? std::optional(static_cast<uint32_t>(*number)) : std::nullopt;
}

class Iptables {
 public:
  Iptables(Managed& firewall, Family family)
      : firewall_(firewall),
        family_(family),
        program_(family == Family::kIpv4 ? "iptables" : "ip6tables") {}

  Reply run(const Request& request) {
    Done done = understand(request.arguments);
    if (done && !finished_) done = command_ == 'L' || command_ == 'S' ? list() : change();
    if (!done) {
      reply_.err += fmt::format("{}: {}\n", program_, done.error().what);
      if (done.error().code == kProblem) {
        reply_.err += fmt::format("Try `{0} -h' or '{0} --help' for more information.\n", program_);
      }
      reply_.code = done.error().code;
    }
    return std::move(reply_);
  }

 private:
  static std::unexpected<Failure> fail(std::string what, int code = kOther) {
    return std::unexpected(Failure{std::move(what), code});
  }

  // ---- the command line

  Done understand(std::span<const std::string> arguments) {
    const std::vector<std::string> words =
        take_apart(arguments, "tpsdijogmcwWACDEINPR", "fvnxhV46LSFXZ");
    for (WordReader reader(words); !reader.end();) {
      if (Done done = word(reader.next(), reader); !done) return done;
      if (finished_) return {};
    }
    if (command_ == 0) return fail("no command specified", kProblem);
    return {};
  }

  Done word(const std::string& word, WordReader& reader) {
    for (const CommandName& name : kCommands) {
      if (word != name.name && word != std::string{'-', name.letter}) continue;
      // -L -Z lists and forgets; no other two go together.
      const bool both =
          (command_ == 'L' && name.letter == 'Z') || (command_ == 'Z' && name.letter == 'L');
      if (command_ != 0 && !both)
        return fail(fmt::format("Cannot use -{} with -{}", name.letter, command_), kProblem);
      if (both) {
        command_ = 'L';
        zero_too_ = true;
        return {};
      }
      command_ = name.letter;
      return operands(reader);
    }
    if (word == "-t" || word == "--table") {
      table_ = reader.value().value_or("");
    } else if (word == "-v" || word == "--verbose") {
      form_.verbose = true;
    } else if (word == "-n" || word == "--numeric") {
      form_.numeric = true;
    } else if (word == "-x" || word == "--exact") {
      form_.exact = true;
    } else if (word == "--line-numbers" || word == "--line-number") {
      form_.numbers = true;
    } else if (word == "-w" || word == "--wait" || word == "-W" || word == "--wait-interval") {
      if (!reader.end() && number_of(reader.peek())) reader.next();  // nobody else holds a lock
    } else if (word == "-h" || word == "--help") {
      reply_.out = fmt::format(kHelp, program_);
      finished_ = true;
    } else if (word == "-V" || word == "--version") {
      reply_.out = fmt::format("{} v1.8.9 (Sallyport)\n", program_);
      finished_ = true;
    } else {
      rule_.push_back(word);
    }
    return {};
  }

  Done operands(WordReader& reader) {
    const bool needs_chain = std::string_view("LSFZX").find(command_) == std::string_view::npos;
    if (auto chain = reader.optional_value()) {
      chain_ = *chain;
    } else if (needs_chain) {
      return fail(fmt::format("option \"-{}\" requires an argument", command_), kProblem);
    }
    if (std::string_view("EP").find(command_) != std::string_view::npos) {
      auto second = reader.optional_value();
      if (!second) {
        return fail(fmt::format("-{} requires a chain and a {}", command_,
                                command_ == 'P' ? "policy" : "new name"),
                    kProblem);
      }
      name_ = *second;
    }
    // A rule's number, where one may stand.
    if (chain_ && std::string_view("DIRLSZ").find(command_) != std::string_view::npos &&
        !reader.end()) {
      number_ = number_of(reader.peek());
      if (number_) reader.next();
    }
    if (number_ == 0u) return fail("Invalid rule number `0'", kProblem);
    if (command_ == 'R' && !number_) return fail("-R requires a rule number", kProblem);
    return {};
  }

  // ---- what is there

  Done find_place() {
    id_ = find_table(table_);
    if (!id_)
      return fail(
          fmt::format("can't initialize {} table `{}': Table does not exist", program_, table_),
          kNoTable);
    tables_ = tables_of(firewall_.rules(family_));
    auto found = std::ranges::find(tables_, table_, &TableText::name);
    if (found == tables_.end()) {
      tables_.push_back(empty_table(*id_));
      found = std::prev(tables_.end());
    }
    text_ = &*found;
    if (!chain_) return {};
    here_ = text_->find(*chain_);
    if (!here_ && command_ != 'N') return fail(std::string(kNoChain));
    return {};
  }

  Done list() {
    if (Done done = find_place(); !done) return done;
    // As it is kept, and not as it is edited; a table that nobody has touched is an empty one.
    std::expected<Ruleset, Diagnostics> rules = firewall_.read(family_, text_->text());
    if (!rules) return fail("the table cannot be read");
    const Table& table = *rules->table(*id_);
    reply_.out = command_ == 'L' ? list_table(table, family_, chain_, number_, form_)
                                 : list_commands(table, family_, chain_, number_, form_.verbose);
    if (!zero_too_) return {};
    command_ = 'Z';
    return change();
  }

  // ---- changes

  Done change() {
    if (Done done = find_place(); !done) return done;
    Done done = edit();
    if (!done || !changed_) return done;
    const std::string text = text_of(tables_);
    std::expected<Ruleset, Diagnostics> rules = firewall_.read(family_, text);
    if (!rules) return fail(rules.error().list().front().what, kProblem);
    firewall_.put(std::move(*rules), Managed::Counters::kOfText);
    return {};
  }

  Done edit() {
    changed_ = command_ != 'C';
    switch (command_) {
      case 'A':
      case 'I':
      case 'R':
      case 'D':
      case 'C': return edit_rules();
      case 'F': return each_chain([](ChainText& chain) { chain.rules.clear(); });
      case 'Z': return zero();
      case 'N': return new_chain();
      case 'X': return delete_chain();
      case 'E': return rename();
      case 'P': return set_policy();
      default: return fail("no command specified", kProblem);
    }
  }

  template <typename Change>
  Done each_chain(Change change) {
    for (ChainText& chain : text_->chains) {
      if (!here_ || here_ == &chain) change(chain);
    }
    return {};
  }

  Done zero() {
    if (number_) {
      if (*number_ > here_->rules.size()) return fail("Index of zero too big.");
      here_->rules[*number_ - 1].counters = {};
      return {};
    }
    return each_chain([](ChainText& chain) {
      chain.counters = {};
      for (RuleLine& rule : chain.rules) rule.counters = {};
    });
  }

  Done new_chain() {
    if (here_) return fail("Chain already exists.");
    text_->chains.push_back({.name = *chain_, .policy = "-", .counters = {}, .rules = {}});
    return {};
  }

  bool is_used(const ChainText& chain) const {
    const std::string jump = " -j " + chain.name, go = " -g " + chain.name;
    for (const ChainText& other : text_->chains) {
      for (const RuleLine& rule : other.rules) {
        if (rule.text.ends_with(jump) || rule.text.ends_with(go)) return true;
      }
    }
    return false;
  }

  Done delete_chain() {
    std::vector<std::string> names;
    Done done = each_chain([&](ChainText& chain) {
      if (!chain.built_in() || here_) names.push_back(chain.name);
    });
    for (const std::string& name : names) {
      const ChainText& chain = *text_->find(name);
      if (chain.built_in()) return fail("Invalid argument. Run `dmesg' for more information.");
      if (is_used(chain)) return fail("Too many links.");
      if (!chain.rules.empty()) return fail("Directory not empty.");
      std::erase_if(text_->chains, [&](const ChainText& one) { return one.name == name; });
    }
    return done;
  }

  Done rename() {
    if (here_->built_in()) return fail("Invalid argument. Run `dmesg' for more information.");
    if (text_->find(name_)) return fail("File exists.");
    for (ChainText& chain : text_->chains) {
      for (RuleLine& rule : chain.rules) {
        for (const char* option : {" -j ", " -g "}) {
          const std::string before = option + here_->name;
          if (rule.text.ends_with(before)) {
            rule.text.replace(rule.text.size() - before.size(), before.size(), option + name_);
          }
        }
        if (chain.name == here_->name) rule.text.replace(3, here_->name.size(), name_);
      }
    }
    here_->name = name_;
    return {};
  }

  Done set_policy() {
    if (!here_->built_in()) return fail("Bad built-in chain name.");
    if (name_ != "ACCEPT" && name_ != "DROP")
      return fail("Bad policy name. Run `dmesg' for more information.");
    here_->policy = name_;
    here_->counters = {};
    return {};
  }

  // The words as rules, as they are printed; more than one where -s or -d name several addresses.
  std::expected<std::vector<RuleLine>, Failure> rules_of_words() {
    TableText alone{.name = text_->name, .chains = text_->chains};
    for (ChainText& chain : alone.chains) chain.rules.clear();
    std::string text = alone.text();
    text.resize(text.size() - std::string_view("COMMIT\n").size());
    const std::string line = joined(rule_);
    text += fmt::format("-A {} {}\nCOMMIT\n", quoted(*chain_), line);
    std::expected<Ruleset, Diagnostics> rules = firewall_.read(family_, text);
    if (!rules) {
      const Diag& first = rules.error().list().front();
      return fail(first.what + (first.hint.empty() ? "" : "; " + first.hint), kProblem);
    }
    const Table& table = *rules->table(*id_);
    const Chain& chain = *table.find(*chain_);
    std::vector<RuleLine> lines;
    lines.reserve(chain.rules.size());
    for (const Rule& rule : chain.rules) {
      lines.push_back({rule.counters, rule_text(rule, table, chain, family_)});
    }
    return lines;
  }

  Done edit_rules() {
    std::vector<RuleLine>& rules = here_->rules;
    if (command_ == 'D' && number_) {
      if (*number_ > rules.size()) return fail("Index of deletion too big.");
      rules.erase(rules.begin() + (*number_ - 1));
      return {};
    }
    std::expected<std::vector<RuleLine>, Failure> lines = rules_of_words();
    if (!lines) return std::unexpected(lines.error());
    if (command_ == 'D' || command_ == 'C') {
      for (const RuleLine& line : *lines) {
        auto found = std::ranges::find(rules, line.text, &RuleLine::text);
        if (found == rules.end())
          return fail("Bad rule (does a matching rule exist in that chain?).");
        if (command_ == 'D') rules.erase(found);
      }
      return {};
    }
    size_t at = rules.size();
    if (command_ == 'I') {
      at = number_.value_or(1) - 1;
      if (at > rules.size()) return fail("Index of insertion too big.");
      std::ranges::reverse(*lines);  // each is put before the one before it
    }
    if (command_ == 'R') {
      if (lines->size() > 1)
        return fail("Replacement rule does not specify a unique address", kProblem);
      at = *number_ - 1;
      if (at >= rules.size()) return fail("Index of replacement too big.");
      rules.erase(rules.begin() + static_cast<ptrdiff_t>(at));
    }
    rules.insert(rules.begin() + static_cast<ptrdiff_t>(at), lines->begin(), lines->end());
    return {};
  }

  Managed& firewall_;
  Family family_;
  std::string program_;
  Reply reply_;
  bool finished_ = false, changed_ = false, zero_too_ = false;
  // From the command line.
  char command_ = 0;
  std::string table_ = "filter";
  std::optional<std::string> chain_;
  std::string name_;  // of -E; the policy of -P
  std::optional<uint32_t> number_;
  std::vector<std::string> rule_;
  ListingForm form_;
  // What it is about.
  std::optional<TableId> id_;
  std::vector<TableText> tables_;
  TableText* text_ = nullptr;
  ChainText* here_ = nullptr;
};

}  // namespace

Reply run_iptables(Managed& firewall, const Request& request) {
  return Iptables(firewall, Family::kIpv4).run(request);
}
Reply run_ip6tables(Managed& firewall, const Request& request) {
  return Iptables(firewall, Family::kIpv6).run(request);
}

}  // namespace sallyport
