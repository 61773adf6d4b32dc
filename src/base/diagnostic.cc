#include "base/diagnostic.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace sallyport {
namespace {

// The lines of a text by number, found by one walk forward: errors come in order.
class LineFinder {
 public:
  explicit LineFinder(std::string_view text) : text_(text) {}

  std::string_view line(uint32_t number) {
    if (number < number_) {
      number_ = 1;
      start_ = 0;
    }
    while (number_ < number) {
      size_t end = text_.find('\n', start_);
      if (end == std::string_view::npos) return {};
      start_ = end + 1;
      number_++;
    }
    return text_.substr(start_, text_.find('\n', start_) - start_);
  }

 private:
  std::string_view text_;
  uint32_t number_ = 1;
  size_t start_ = 0;
};

constexpr size_t kWidth = 160;  // of a line shown; a longer one is cut around the error

// Control bytes and broken UTF-8 must not reach a terminal. One byte stays one
// column, so the caret stays under its place.
std::string printable(std::string_view line) {
  std::string out;
  for (char c : line) out += (c >= ' ' && c <= '~') ? c : (c == '\t' ? ' ' : '?');
  return out;
}

// A message quotes words of the text, however long they are.
std::string message(std::string_view what) {
  constexpr size_t kLongest = 300;
  if (what.size() <= kLongest) return printable(what);
  return printable(what.substr(0, kLongest)) + " ...";
}

void render_line(std::string& out, std::string_view line, const Span& span) {
  size_t column = std::min<size_t>(span.column > 0 ? span.column - 1 : 0, line.size());
  size_t from = column > kWidth / 2 && line.size() > kWidth ? column - kWidth / 2 : 0;
  std::string shown = printable(line.substr(from, kWidth));
  size_t caret = column - from;
  size_t length = std::max<size_t>(span.length, 1);
  length = std::min(length, std::max<size_t>(shown.size(), caret + 1) - caret);
  out +=
      fmt::format("  {}\n  {}^{}\n", shown, std::string(caret, ' '), std::string(length - 1, '~'));
}

}  // namespace

std::string Diagnostics::render(const std::string& file, std::string_view text) const {
  std::string out;
  LineFinder lines(text);
  for (const Diag& diag : list_) {
    out += fmt::format("{}:{}:{}: error: {}\n", file, diag.span.line, diag.span.column,
                       message(diag.what));
    render_line(out, lines.line(diag.span.line), diag.span);
    if (!diag.hint.empty()) out += fmt::format("  hint: {}\n", diag.hint);
  }
  if (count_ > list_.size()) {
    out += fmt::format("{}: {} more errors\n", file, count_ - list_.size());
  }
  return out;
}

}  // namespace sallyport
