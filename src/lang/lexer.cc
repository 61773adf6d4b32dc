#include "lang/lexer.h"

#include <fmt/format.h>

namespace sallyport {
namespace {

// Seen by experiment. With counters before the rule iptables takes two fewer: not followed.
constexpr size_t kMostWords = 251;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

Result<void> Lexer::split(std::string_view line, uint32_t line_number, uint32_t first_column) {
  tokens_.clear();
  unquoted_.clear();
  size_t at = 0;
  while (true) {
    while (at < line.size() && is_blank(line[at])) at++;
    if (at == line.size()) return {};
    size_t begin = at;
    while (at < line.size() && !is_blank(line[at]) && line[at] != '"') at++;
    Token token{.text = line.substr(begin, at - begin), .span = {}, .quoted = false};
    if (at < line.size() && line[at] == '"') {
      token.quoted = true;
      std::string& text = unquoted_.emplace_back(token.text);
      size_t open = at++;
      while (at < line.size() && line[at] != '"') {
        if (line[at] == '\\' && at + 1 < line.size()) at++;
        text += line[at++];
      }
      if (at == line.size()) {
        return std::unexpected(Diag{{line_number, static_cast<uint32_t>(first_column + open), 1},
                                    "this quote is not closed",
                                    "a \" inside of quotes is written \\\""});
      }
      at++;
      token.text = text;
    }
    token.span = {line_number, static_cast<uint32_t>(first_column + begin),
                  static_cast<uint32_t>(at - begin)};
    if (tokens_.size() == kMostWords) {
      return std::unexpected(Diag{
          token.span, fmt::format("more than {} words in a line", kMostWords), "as in iptables"});
    }
    tokens_.push_back(token);
  }
}

std::string quote(std::string_view word) {
  bool plain = !word.empty();
  for (char c : word) {
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_');
  }
  if (plain) return std::string(word);
  std::string text = "\"";
  for (char c : word) {
    if (c == '"' || c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace sallyport
