#include "cli/table.h"

#include <algorithm>
#include <fmt/format.h>

namespace sallyport {
namespace {

constexpr size_t kGap = 2;  // between columns

// Code points: what names of policies are made of is one column wide each.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    size_t blank = std::min(text.find(' '), text.size());
    if (blank > 0) words.push_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return words;
}

// Lines after the first begin with `indent`. A word that is too long sticks out.
void wrap(std::string_view text, size_t width, std::string_view indent,
          std::vector<std::string>& lines) {
  std::string line;
  bool begins = true;
  for (std::string_view word : words_of(text)) {
    if (!begins && width_of(line) + 1 + width_of(word) > width) {
      lines.push_back(std::move(line));
      line = indent;
      begins = true;
    }
    if (!begins) line += ' ';
    line += word;
    begins = false;
  }
  lines.push_back(std::move(line));
}

size_t column_width(const TextTable& table, size_t column) {
  size_t width = TextTable::kNarrowest;
  for (std::string_view word : words_of(table.header[column])) {
    width = std::max(width, width_of(word));
  }
  for (const std::vector<Cell>& row : table.rows) {
    for (const std::string& text : row[column].paragraphs) {
      width = std::max(width, width_of(text));
    }
  }
  return std::min(width, TextTable::kWidest);
}

std::string coloured(const Style& style, Cell::Mood mood, std::string_view text) {
  switch (mood) {
    case Cell::Mood::kGood: return style.good(text);
    case Cell::Mood::kBad: return style.bad(text);
    case Cell::Mood::kPlain: break;
  }
  return std::string(text);
}

// One row of the table, which may take several lines; `paint` colours a column's text.
template <typename Paint>
void print_row(std::ostream& out, const std::vector<std::vector<std::string>>& cells,
               const std::vector<size_t>& widths, Paint paint) {
  size_t height = 0;
  for (const std::vector<std::string>& lines : cells) height = std::max(height, lines.size());
  for (size_t i = 0; i < height; i++) {
    size_t owed = 0;  // blanks, which are not printed at a line's end
    for (size_t column = 0; column < cells.size(); column++) {
      std::string text = i < cells[column].size() ? cells[column][i] : "";
      if (!text.empty()) {
        out << fmt::format("{:{}}{}", "", owed, paint(column, text));
        owed = 0;
      }
      size_t width = width_of(text);
      owed += (width < widths[column] ? widths[column] - width : 0) + kGap;
    }
    out << '\n';
  }
}

std::string markdown(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (std::string_view("\\|*_`<").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

void TextTable::print(std::ostream& out, const Style& style, size_t width) const {
  std::vector<size_t> widths;
  size_t used = 0;
  for (size_t i = 0; i + 1 < header.size(); i++) {
    widths.push_back(column_width(*this, i));
    used += widths.back() + kGap;
  }
  widths.push_back(std::max(width - std::min(used, width), kNarrowestLast));

  std::vector<std::vector<std::string>> cells;
  size_t height = 0;
  for (size_t i = 0; i < header.size(); i++) {
    wrap(header[i], widths[i], "", cells.emplace_back());
    height = std::max(height, cells.back().size());
  }
  for (std::vector<std::string>& lines : cells)
    lines.insert(lines.begin(), height - lines.size(), "");
  print_row(out, cells, widths, [&](size_t, const std::string& text) { return style.bold(text); });
  for (const std::vector<Cell>& row : rows) {
    cells.assign(row.size(), {});
    for (size_t i = 0; i < row.size(); i++) {
      for (const std::string& text : row[i].paragraphs) wrap(text, widths[i], "  ", cells[i]);
    }
    out << '\n';
    print_row(out, cells, widths, [&](size_t column, const std::string& text) {
      return coloured(style, row[column].mood, text);
    });
  }
}

void TextTable::print_markdown(std::ostream& out) const {
  for (const std::string& text : header) out << fmt::format("| {} ", markdown(text));
  out << "|\n";
  for (size_t i = 0; i < header.size(); i++) out << "|---";
  out << "|\n";
  for (const std::vector<Cell>& row : rows) {
    for (const Cell& cell : row) {
      std::string text;
      for (const std::string& paragraph : cell.paragraphs) {
        text += (text.empty() ? "" : "<br>") + markdown(paragraph);
      }
      std::string_view mark = cell.mood == Cell::Mood::kBad ? "**" : "";
      out << fmt::format("| {}{}{} ", mark, text, mark);
    }
    out << "|\n";
  }
}

}  // namespace sallyport
