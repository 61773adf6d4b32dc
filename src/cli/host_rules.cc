#include "cli/host_rules.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

#include "attach/system_program.h"

namespace sallyport {
namespace {

constexpr std::string_view kOwn = "SALLYPORT-";

std::string table_text(std::string_view name, const std::vector<std::string>& lines) {
  std::string text = fmt::format("*{}\n", name);
  // Chains stand before the rules that jump to them.
  for (const bool chains : {true, false}) {
    for (const std::string& line : lines) {
      if (line.starts_with(':') == chains) text += line + '\n';
    }
  }
  return text + "COMMIT\n";
}

std::string iptables_program(Family family, std::string_view variant, std::string_view rest) {
  return fmt::format("{}{}{}", family == Family::kIpv4 ? "iptables" : "ip6tables", variant, rest);
}

// The one that `iptables` is comes first. Where neither has a name of its own, `iptables` it is.
std::vector<std::string> variants() {
  std::vector<std::string> found;
  for (const char* variant : {"-nft", "-legacy"}) {
    const Ran ran = run_program({iptables_program(Family::kIpv4, variant, ""), "--version"});
    if (ran.code == 0) found.emplace_back(variant);
  }
  const Ran plain = run_program({"iptables", "--version"});
  if (found.empty() && plain.code == 0) found.emplace_back();
  if (plain.out.find("legacy") != std::string::npos) std::ranges::reverse(found);
  return found;
}

std::expected<void, std::string> read_iptables(const std::string& variant, Family family,
                                               WithCounters counters,
                                               std::vector<HostTable>& tables) {
  std::vector<std::string> command{iptables_program(family, variant, "-save")};
  if (counters == WithCounters::kYes) command.emplace_back("-c");
  const Ran ran = run_program(command);
  if (ran.code == -1) return {};
  if (ran.code != 0) return std::unexpected(fmt::format("{}: {}", command[0], ran.errors));
  for (HostTable& table : parse_saved(ran.out, variant, family)) tables.push_back(std::move(table));
  return {};
}

void add_line(const std::string& line, HostTable& table) {
  if (!is_own_line(line)) {
    table.lines.push_back(line);
    return;
  }
  table.own.push_back(line);
  const std::string_view rule = without_counters(line);
  if (!rule.starts_with("-A ") || rule.substr(3).starts_with(kOwn)) return;
  const std::string_view append = rule.substr(0, rule.find(' ', 3) + 1);  // "-A INPUT "
  const bool preceded = std::ranges::any_of(table.lines, [&](const std::string& other) {
    return without_counters(other).starts_with(append);
  });
  if (preceded) table.preceded.emplace_back(append.substr(3, append.size() - 4));
}

// nft's name of a table that iptables-nft told of.
bool is_told(const std::vector<HostTable>& tables, const std::string& name) {
  return std::ranges::any_of(tables, [&](const HostTable& table) {
    const std::string_view family = table.family == Family::kIpv4 ? "ip" : "ip6";
    return table.variant != "-legacy" && name == fmt::format("{} {}", family, table.name);
  });
}

std::expected<void, std::string> read_nft(HostRules& rules) {
  const Ran ran = run_program({"nft", "list", "tables"});
  if (ran.code == -1) return {};
  if (ran.code != 0) return std::unexpected(fmt::format("nft list tables: {}", ran.errors));
  std::istringstream lines(ran.out);
  std::string table, family, name;
  while (lines >> table >> family >> name) {
    const std::string whole = fmt::format("{} {}", family, name);
    if (is_told(rules.tables, whole)) continue;
    std::string listed = run_program({"nft", "list", "table", family, name}).out;
    if (whole == "inet sallyport") {
      rules.queueing = std::move(listed);
    } else {
      rules.nft.push_back({whole, std::move(listed)});
    }
  }
  return {};
}

}  // namespace

std::string_view without_counters(std::string_view line) {
  if (!line.starts_with('[')) return line;
  const size_t end = line.find("] ");
  return end == std::string_view::npos ? line : line.substr(end + 2);
}

bool is_open_policy(std::string_view line) {
  return line.starts_with(':') && line.find(" ACCEPT") != std::string_view::npos;
}

bool is_own_line(std::string_view line) {
  line = without_counters(line);
  if (line.starts_with(':')) return line.substr(1).starts_with(kOwn);
  const std::string jump = fmt::format(" -j {}", kOwn);
  const size_t at = line.find(jump);
  return line.starts_with(fmt::format("-A {}", kOwn)) ||
         // No argument of another option: nothing follows the chain's name.
         (at != std::string_view::npos &&
          line.find(' ', at + jump.size()) == std::string_view::npos);
}

std::vector<HostTable> parse_saved(std::string_view text, const std::string& variant,
                                   Family family) {
  std::vector<HostTable> tables;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line(text.substr(at, end - at));
    at = end + 1;
    if (line.starts_with('*')) {
      tables.push_back({.variant = variant,
                        .family = family,
                        .name = line.substr(1),
                        .lines = {},
                        .own = {},
                        .preceded = {}});
      inside = true;
    } else if (line == "COMMIT") {
      inside = false;
    } else if (inside && !line.empty() && !line.starts_with('#')) {
      add_line(line, tables.back());
    }
  }
  return tables;
}

std::string HostTable::program(std::string_view rest) const {
  return iptables_program(family, variant, rest);
}

bool HostTable::has_effect() const {
  return !std::ranges::all_of(lines, is_open_policy);
}

std::string HostTable::text() const {
  return table_text(name, lines);
}

std::string HostTable::text_with(const std::vector<std::string>& added) const {
  std::vector<std::string> all = added;
  all.insert(all.end(), lines.begin(), lines.end());
  return table_text(name, all);
}

std::string HostTable::emptied() const {
  std::vector<std::string> kept;
  for (const std::string& line : lines) {
    if (!line.starts_with(':')) continue;
    const size_t space = line.find(' ');
    const bool built_in = line.compare(space, 2, " -") != 0;
    if (built_in) kept.push_back(line.substr(0, space) + " ACCEPT [0:0]");
  }
  kept.insert(kept.end(), own.begin(), own.end());
  return table_text(name, kept);
}

bool HostRules::has_queueing_rules() const {
  return !queueing.empty() ||
         std::ranges::any_of(tables, [](const HostTable& table) { return !table.own.empty(); });
}

std::expected<HostRules, std::string> read_host_rules(WithCounters counters) {
  HostRules rules;
  const std::vector<std::string> known = variants();
  for (const std::string& variant : known) {
    for (Family family : kFamilies) {
      auto read = read_iptables(variant, family, counters, rules.tables);
      if (!read && variant == known.front()) return std::unexpected(read.error());
      if (!read) rules.failed.push_back(read.error());
    }
  }
  if (auto read = read_nft(rules); !read) rules.failed.push_back(read.error());
  return rules;
}

}  // namespace sallyport
