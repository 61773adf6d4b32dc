// Colour, which only a terminal gets, and lines that fit one.
#pragma once

#include <string>
#include <string_view>

namespace sallyport {

struct Style {
  bool colour = false;

  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string good(std::string_view text) const { return wrap("32", text); }
  std::string bad(std::string_view text) const { return wrap("31", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }

 private:
  std::string wrap(std::string_view code, std::string_view text) const {
    if (!colour) return std::string(text);
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
  }
};

// The text on lines of at most `width` columns, parted at blanks, each but the first behind
// `indent` blanks. The first begins at column `at`. No newline at the end.
std::string wrapped(std::string_view text, size_t indent, size_t at, size_t width = 80);

// Colour if standard output is a terminal and NO_COLOR (no-color.org) is not set.
Style stdout_style();
bool stdout_is_terminal();
bool stderr_is_terminal();

}  // namespace sallyport
