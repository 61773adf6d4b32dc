#include "control/table_text.h"

#include <algorithm>
#include <fmt/format.h>

#include "rules/print.h"

namespace sallyport {

ChainText* TableText::find(std::string_view chain) {
  auto found = std::ranges::find(chains, chain, &ChainText::name);
  return found == chains.end() ? nullptr : &*found;
}

std::string TableText::text() const {
  std::string out = '*' + name + '\n';
  auto end = std::back_inserter(out);
  for (const ChainText& chain : chains) {
    fmt::format_to(end, ":{} {} [{}:{}]\n", chain.name, chain.policy, chain.counters.packets,
                   chain.counters.bytes);
  }
  for (const ChainText& chain : chains) {
    for (const RuleLine& rule : chain.rules) {
      fmt::format_to(end, "[{}:{}] {}\n", rule.counters.packets, rule.counters.bytes, rule.text);
    }
  }
  return out + "COMMIT\n";
}

TableText empty_table(TableId id) {
  TableText table{.name = std::string(table_name(id)), .chains = {}};
  for (Hook hook : hooks_of(id)) {
    table.chains.push_back(
        {.name = std::string(hook_name(hook)), .policy = "ACCEPT", .counters = {}, .rules = {}});
  }
  return table;
}

std::vector<TableText> tables_of(const Ruleset& rules) {
  std::vector<TableText> tables;
  for (size_t i = 0; i < rules.tables.size(); i++) {
    if (!rules.tables[i]) continue;
    const Table& table = *rules.tables[i];
    TableText& text = tables.emplace_back();
    text.name = table_name(static_cast<TableId>(i));
    for (const Chain& chain : table.chains) {
      ChainText& lines = text.chains.emplace_back();
      lines.name = chain.name;
      lines.policy = policy_word(chain);
      lines.counters = chain.counters;
      for (const Rule& rule : chain.rules) {
        lines.rules.push_back({rule.counters, rule_text(rule, table, chain, rules.family)});
      }
    }
  }
  return tables;
}

std::string text_of(const std::vector<TableText>& tables) {
  std::string out;
  for (const TableText& table : tables) out += table.text();
  return out;
}

void forget_counters(Table& table) {
  for (Chain& chain : table.chains) {
    chain.counters = {};
    for (Rule& rule : chain.rules) rule.counters = {};
  }
}

std::vector<std::string_view> sections_of(std::string_view text) {
  std::vector<std::string_view> sections;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (text[at] == '*' &&
        text.substr(begin, at - begin).find("COMMIT") != std::string_view::npos) {
      sections.push_back(text.substr(begin, at - begin));
      begin = at;
    }
    at = end;
  }
  if (begin < text.size()) sections.push_back(text.substr(begin));
  return sections;
}

std::string section_name(std::string_view section) {
  for (size_t at = 0; at < section.size();) {
    const size_t end = std::min(section.find('\n', at), section.size());
    if (section[at] == '*') {
      const std::string_view name = section.substr(at + 1, end - at - 1);
      return std::string(name.substr(0, name.find_last_not_of(" \t\r") + 1));
    }
    at = end + 1;
  }
  return {};
}

std::string with_added(TableText table, std::string_view section) {
  std::string added;
  for (size_t at = 0; at < section.size();) {
    const size_t end = std::min(section.find('\n', at), section.size());
    const std::string_view line = section.substr(at, end - at);
    at = end + 1;
    if (line.starts_with('*') || line == "COMMIT") continue;
    if (line.starts_with(':')) {
      const std::string_view name = line.substr(1, line.find_first_of(" \t") - 1);
      if (ChainText* chain = table.find(name); chain && !chain->built_in()) chain->rules.clear();
    }
    added += std::string(line) + '\n';
  }
  std::string text = table.text();
  text.resize(text.size() - std::string_view("COMMIT\n").size());
  return text + added + "COMMIT\n";
}

}  // namespace sallyport
