// iptables-save and iptables-restore, and their siblings for IPv6.
//
// A restore is atomic for each table, and here for the whole text. Tables that the text does not
// name stay; --noflush adds to those that are there.
#include <algorithm>
#include <fmt/format.h>

#include "control/personality.h"
#include "control/table_text.h"
#include "control/words.h"
#include "rules/print.h"

namespace sallyport {
namespace {

constexpr int kProblem = 2;  // iptables' PARAMETER_PROBLEM

Reply problem(std::string_view program, std::string_view what) {
  return failed(fmt::format("{}: {}\n", program, what), kProblem);
}

Reply save(Managed& firewall, const Request& request, Family family, std::string_view program) {
  bool counters = false;
  std::optional<TableId> only;
  const std::vector<std::string> words = take_apart(request.arguments, "tfM", "cdVh");
  for (WordReader reader(words); !reader.end();) {
    const std::string word = reader.next();
    if (word == "-c" || word == "--counters") {
      counters = true;
    } else if (word == "-t" || word == "--table") {
      const std::string name = reader.value().value_or("");
      only = find_table(name);
      if (!only) return problem(program, fmt::format("there is no table '{}'", name));
    } else {
      return problem(program, fmt::format("unknown option '{}'", word));
    }
  }
  Ruleset rules = firewall.rules(family);
  for (size_t i = 0; i < rules.tables.size(); i++) {
    if (only && static_cast<TableId>(i) != *only) rules.tables[i].reset();
  }
  return said(print_rules(rules, {.counters = counters}));
}

struct RestoreOptions {
  bool counters = false, flush = true, test = false;
  std::optional<TableId> only;
};

// What is there, changed by the text: a whole text again.
std::string merged(Managed& firewall, const std::string& text, Family family,
                   const RestoreOptions& options) {
  std::vector<TableText> tables = tables_of(firewall.rules(family));
  std::string fresh;
  for (const std::string_view section : sections_of(text)) {
    const std::string name = section_name(section);
    if (options.only && name != table_name(*options.only)) continue;
    auto old = std::ranges::find(tables, name, &TableText::name);
    if (old != tables.end() && !options.flush) {
      fresh += with_added(*old, section);
    } else {
      fresh += section;
    }
    if (old != tables.end()) tables.erase(old);
  }
  // What the text says keeps its lines' numbers where nothing is before it.
  for (const TableText& table : tables) fresh += table.text();
  return fresh;
}

Reply restore(Managed& firewall, const Request& request, Family family, std::string_view program) {
  RestoreOptions options;
  const std::vector<std::string> words = take_apart(request.arguments, "TMW", "cnthvVw");
  for (WordReader reader(words); !reader.end();) {
    const std::string word = reader.next();
    if (word == "-c" || word == "--counters") {
      options.counters = true;
    } else if (word == "-n" || word == "--noflush") {
      options.flush = false;
    } else if (word == "-t" || word == "--test") {
      options.test = true;
    } else if (word == "-T" || word == "--table") {
      options.only = find_table(reader.value().value_or(""));
      if (!options.only) return problem(program, "there is no such table");
    } else if (word == "-w" || word == "--wait" || word == "-W") {
      (void)reader.optional_value();  // nobody else holds a lock
    } else if (word != "-v" && word != "--verbose") {
      return problem(program, fmt::format("unknown option '{}'", word));
    }
  }
  const bool whole = options.flush && !options.only;
  const std::string text = merged(firewall, request.input, family, options);
  std::expected<Ruleset, Diagnostics> rules = firewall.read(family, text);
  if (!rules) {
    // Where lines were put in between, their numbers are not those of the input.
    return failed(rules.error().render(whole ? "standard input" : "the rules, merged", text),
                  kProblem);
  }
  if (options.test) return {};
  // Without -c the new tables begin at zero, and those that stay go on.
  if (!options.counters) {
    for (const std::string_view section : sections_of(request.input)) {
      const std::optional<TableId> id = find_table(section_name(section));
      const bool is_new = id && options.flush && (!options.only || options.only == id);
      if (is_new) forget_counters(*rules->tables[static_cast<size_t>(*id)]);
    }
  }
  firewall.put(std::move(*rules), Managed::Counters::kOfText);
  return {};
}

}  // namespace

Reply run_iptables_save(Managed& firewall, const Request& request) {
  return save(firewall, request, Family::kIpv4, "iptables-save");
}
Reply run_ip6tables_save(Managed& firewall, const Request& request) {
  return save(firewall, request, Family::kIpv6, "ip6tables-save");
}
Reply run_iptables_restore(Managed& firewall, const Request& request) {
  return restore(firewall, request, Family::kIpv4, "iptables-restore");
}
Reply run_ip6tables_restore(Managed& firewall, const Request& request) {
  return restore(firewall, request, Family::kIpv6, "ip6tables-restore");
}

}  // namespace sallyport
