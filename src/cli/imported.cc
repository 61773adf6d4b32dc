// A reader tells all that is wrong with a text, or takes all of it. So what it tells of is made a
// comment, and the rest is read again, until all is taken: a chain that is refused has rules that
// then lead nowhere.
#include "cli/imported.h"

#include <algorithm>
#include <fmt/format.h>

#include "rules/parse.h"

namespace sallyport {
namespace {

struct Line {
  std::string text;
  std::string why;   // it is refused; empty: it is not
  bool told = true;  // as a line of its own, not with others

  bool refused() const { return !why.empty(); }
  bool is_comment() const { return text.starts_with('#'); }
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back({.text = std::string(text.substr(at, end - at)), .why = {}});
    at = end + 1;
  }
  return lines;
}

// What is left, each line where it was.
std::string remaining(const std::vector<Line>& lines) {
  std::string text;
  for (const Line& line : lines) text += line.refused() ? "\n" : line.text + '\n';
  return text;
}

Imported finish(const std::vector<Line>& lines) {
  Imported imported;
  for (const Line& line : lines) {
    if (!line.refused()) {
      imported.text += line.text + '\n';
      continue;
    }
    imported.text += fmt::format("# not taken: {}\n", line.text);
    if (!line.told) continue;
    imported.text += fmt::format("#   {}\n", line.why);
    imported.refused.push_back({line.text, line.why});
  }
  return imported;
}

// From its *NAME to its COMMIT. Only its rules are worth telling.
void refuse_table(std::vector<Line>& lines, size_t first, const std::string& why) {
  for (size_t i = first; i < lines.size(); i++) {
    if (lines[i].is_comment()) continue;
    if (!lines[i].refused()) lines[i].why = why;
    lines[i].told = lines[i].text.starts_with('-') || lines[i].text.starts_with('[');
    if (lines[i].text == "COMMIT") return;
  }
}

size_t table_of(const std::vector<Line>& lines, size_t line) {
  while (line > 0 && !lines[line].text.starts_with('*')) line--;
  return line;
}

void refuse_rule_line(std::vector<Line>& lines, const Diag& diag) {
  if (lines.empty()) return;
  const size_t at = std::clamp<size_t>(diag.span.line, 1, lines.size()) - 1;
  if (lines[at].text.starts_with('*') || lines[at].text == "COMMIT" || lines[at].refused()) {
    refuse_table(lines, table_of(lines, at), diag.what);
  } else {
    lines[at].why = diag.what;
  }
}

void refuse_nat(std::vector<Line>& lines) {
  for (size_t i = 0; i < lines.size(); i++) {
    if (lines[i].text != "*nat") continue;
    refuse_table(lines, i, "addresses are translated by the kernel: the nat table stays there");
  }
}

void refuse_set(std::vector<Line>& lines, size_t create) {
  const std::string name = lines[create].text.substr(0, lines[create].text.find(' ', 7)).substr(7);
  const std::string add = fmt::format("add {} ", name);
  size_t elements = 0;
  for (Line& line : lines) {
    if (!line.text.starts_with(add)) continue;
    line.why = "its set is not there";
    line.told = false;
    elements++;
  }
  if (elements > 0) lines[create].why += fmt::format(" ({} elements with it)", elements);
}

void refuse_set_line(std::vector<Line>& lines, const Diag& diag) {
  if (lines.empty()) return;
  const size_t at = std::clamp<size_t>(diag.span.line, 1, lines.size()) - 1;
  if (lines[at].refused()) return;
  lines[at].why = diag.what;
  if (lines[at].text.starts_with("create ")) refuse_set(lines, at);
}

// At least one line: a text that the programs did not print may be wrong where none stands.
template <typename RefuseLine>
void refuse(std::vector<Line>& lines, const Diagnostics& diagnostics, RefuseLine refuse_line) {
  const auto before = std::ranges::count_if(lines, &Line::refused);
  for (const Diag& diag : diagnostics.list()) refuse_line(lines, diag);
  if (std::ranges::count_if(lines, &Line::refused) > before) return;
  for (Line& line : lines) {
    if (!line.refused()) line.why = diagnostics.list().front().what;
  }
}

}  // namespace

Imported import_rules(std::string_view text, Family family, const SetStore& sets,
                      const LabelNames* labels) {
  std::vector<Line> lines = lines_of(text);
  refuse_nat(lines);
  for (;;) {
    auto rules = parse_rules(remaining(lines), family, &sets, labels);
    if (!rules) {
      refuse(lines, rules.error(), refuse_rule_line);
      continue;
    }
    Imported imported = finish(lines);
    for (const Line& line : lines) {
      if (line.refused()) continue;
      if (line.text.starts_with('*')) imported.taken_tables.push_back(line.text.substr(1));
      imported.taken += line.text.starts_with('-') || line.text.starts_with('[');
    }
    return imported;
  }
}

Imported import_sets(std::string_view text, SetStore& sets) {
  std::vector<Line> lines = lines_of(text);
  for (;;) {
    Diagnostics diagnostics;
    if (!sets.restore(remaining(lines), 0, diagnostics)) {
      refuse(lines, diagnostics, refuse_set_line);
      continue;
    }
    Imported imported = finish(lines);
    imported.taken = static_cast<size_t>(std::ranges::count_if(
        lines, [](const Line& line) { return !line.refused() && line.text.starts_with("add "); }));
    return imported;
  }
}

}  // namespace sallyport
