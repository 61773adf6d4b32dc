// A table of text, for a terminal or for Markdown.
//
// Every column but the last is as wide as its cells and its header's longest word need, between
// kNarrowest and kWidest; longer texts are wrapped at blanks. The last column takes what is left.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace sallyport {

struct Cell {
  enum class Mood : uint8_t { kPlain, kGood, kBad };
  std::vector<std::string> paragraphs;
  Mood mood = Mood::kPlain;
};

struct TextTable {
  static constexpr size_t kNarrowest = 6, kWidest = 32;
  static constexpr size_t kNarrowestLast = 24;  // whatever the width
  std::vector<std::string> header;
  std::vector<std::vector<Cell>> rows;  // each of the header's length

  void print(std::ostream& out, const Style& style, size_t width) const;
  void print_markdown(std::ostream& out) const;
};

}  // namespace sallyport
