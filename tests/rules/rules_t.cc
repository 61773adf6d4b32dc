// Runs tables of rules: `input ; printed ; result`, a line each.
//
//   family ipv6          for the lines that follow; ipv4 at first
//   *mangle              their table; filter at first
//   :PREROUTING          their chain; INPUT at first
//   sets <<END … END     what `ipset save` would print, for the lines that follow
//   -p tcp --syn ; -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN ; ok
//   -p tcp --dport ; ; 1:8 --dport needs a value
//
// `printed` is what iptables-save prints: `=` for the input as it is, ` && ` between the rules
// that one line becomes. A result other than ok is the error's place in the input and its text;
// before it may stand `stricter`, where iptables takes the line, or `later`, where it takes what
// Sallyport does not know yet. tests/rules/check-against-iptables asks iptables the same lines.
//
// What is printed must read back as itself, and every ruleset must compile. There is a chain
// `user` to jump to. With --show it prints each line as it comes out, to write new ones from.
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "rules/lower.h"
#include "rules/parse.h"
#include "rules/print.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

struct Place {
  Family family = Family::kIpv4;
  std::string table = "filter";
  std::string chain = "INPUT";
};

struct Row {
  std::string input, printed, result;
};

struct Outcome {
  std::string printed;
  std::string result;
};

std::string trimmed(const std::string& text) {
  size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// From the right: an input may hold " ; " in a quoted text.
bool split_row(const std::string& line, Row& row) {
  size_t second = line.rfind(" ;");
  if (second == std::string::npos || second == 0) return false;
  size_t first = line.rfind(" ;", second - 1);
  if (first == std::string::npos) return false;
  row = {line.substr(0, first), trimmed(line.substr(first + 2, second - first - 2)),
         trimmed(line.substr(second + 2))};
  return true;
}

std::string file_of(const Place& place, const std::string& rules) {
  return fmt::format("*{}\n:user - [0:0]\n{}COMMIT\n", place.table, rules);
}

Outcome outcome_of(const Place& place, const std::string& input, const SetStore* sets) {
  std::string prefix = fmt::format("-A {} ", place.chain);
  std::string text = file_of(place, prefix + input + "\n");
  auto rules = parse_rules(text, place.family, sets);
  if (!rules) {
    const Diag& diag = rules.error().list().front();
    return {"", fmt::format("{}:{} {}", diag.span.line - 2, diag.span.column - prefix.size(),
                            diag.what)};
  }
  compile(*rules);
  Outcome outcome{"", "ok"};
  std::string lines;
  for (const auto& table : rules->tables) {
    if (!table) continue;
    for (const Rule& rule : table->find(place.chain)->rules) {
      std::string line = rule_text(rule, *table, *table->find(place.chain), place.family);
      lines += line + "\n";
      if (!outcome.printed.empty()) outcome.printed += " && ";
      outcome.printed += line.size() < prefix.size() ? "" : line.substr(prefix.size());
    }
  }
  auto again = parse_rules(file_of(place, lines), place.family, sets);
  if (!again || print_rules(*again) != print_rules(*rules)) outcome.result = "does not read back";
  return outcome;
}

class Runner {
 public:
  explicit Runner(bool show) : show_(show) {}

  int run(const std::string& name) {
    std::ifstream file(name);
    if (!file) {
      std::cerr << name << ": cannot be read\n";
      return 1;
    }
    place_ = {};
    sets_ = nullptr;
    std::string line;
    for (number_ = 1; std::getline(file, line); number_++) {
      if (line.empty() || line[0] == '#') {
        if (show_) std::cout << line << "\n";
        continue;
      }
      if (directive(line, file)) continue;
      row(name, line);
    }
    return failures_ == 0 && rows_ > 0 ? 0 : 1;
  }

  size_t rows() const { return rows_; }
  size_t failures() const { return failures_; }

 private:
  bool directive(const std::string& line, std::istream& file) {
    if (show_ && (line[0] == '*' || line[0] == ':' || line.starts_with("family "))) {
      std::cout << line << "\n";
    }
    if (line[0] == '*') return place_.table = line.substr(1), true;
    if (line[0] == ':') return place_.chain = line.substr(1), true;
    if (line == "family ipv4") return place_.family = Family::kIpv4, true;
    if (line == "family ipv6") return place_.family = Family::kIpv6, true;
    if (line == "sets <<END") return read_sets(file), true;
    return false;
  }

  void read_sets(std::istream& file) {
    std::string text, line;
    while (number_++, std::getline(file, line) && line != "END") text += line + "\n";
    sets_ = std::make_unique<SetStore>(make_hash_key(1));
    Diagnostics diagnostics;
    sets_->restore(text, 0, diagnostics);
    if (!diagnostics.empty()) std::cerr << diagnostics.render("sets", text);
  }

  void row(const std::string& name, const std::string& line) {
    Row row;
    bool split = split_row(line, row);
    if (!split && !show_) {
      std::cerr << fmt::format("{}:{}: not 'input ; printed ; result'\n", name, number_);
      failures_++;
      return;
    }
    if (!split) row.input = line;
    rows_++;
    Outcome outcome = outcome_of(place_, row.input, sets_.get());
    if (show_) {
      bool same = outcome.printed == row.input;
      std::cout << row.input << " ; " << (same ? "=" : outcome.printed) << " ; " << outcome.result
                << "\n";
      return;
    }
    std::string printed = row.printed == "=" ? row.input : row.printed;
    std::string result = row.result;
    for (std::string word : {"stricter ", "later "}) {
      if (result.starts_with(word)) result.erase(0, word.size());
    }
    if (printed == outcome.printed && result == outcome.result) return;
    failures_++;
    std::cerr << fmt::format("{}:{}: {}\n  wanted: {} ; {}\n  got:    {} ; {}\n", name, number_,
                             row.input, printed, result, outcome.printed, outcome.result);
  }

  bool show_;
  Place place_;
  std::unique_ptr<SetStore> sets_;
  size_t number_ = 0, rows_ = 0, failures_ = 0;
};

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  bool show = argc > 1 && std::string(argv[1]) == "--show";
  sallyport::Runner runner(show);
  int result = argc > (show ? 2 : 1) ? 0 : 2;
  for (int i = show ? 2 : 1; i < argc; i++) result |= runner.run(argv[i]);
  if (!show) std::cout << runner.rows() << " rules, " << runner.failures() << " wrong\n";
  return result;
}
