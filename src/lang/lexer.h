// A line of iptables-save text as words with positions.
//
// What iptables-restore 1.8.9 does, as seen by experiment: blanks and tabs part
// words; a double quote opens a run in which blanks count and a backslash takes
// the next byte as it is (\n is an n); the closing quote ends the word, even with
// no blank after it. Outside of quotes a backslash is itself, a single quote too,
// and # begins nothing. An unclosed quote, which iptables closes at the end of the
// line, is an error here. So is a line of more than 251 words: iptables takes no more.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace sallyport {

struct Token {
  std::string_view text;  // unquoted
  Span span;              // of the word as written, quotes included
  bool quoted = false;
};

// Words of one line at a time; they are views of the line, or of the lexer where
// quotes made a copy necessary, and good until the next split().
class Lexer {
 public:
  Result<void> split(std::string_view line, uint32_t line_number, uint32_t first_column);
  const std::vector<Token>& tokens() const { return tokens_; }

 private:
  std::vector<Token> tokens_;
  std::deque<std::string> unquoted_;
};

// The word as iptables-save writes it: quoted where it is empty or holds anything
// but letters, digits, - and _; a quote, an apostrophe and a backslash get a
// backslash.
std::string quote(std::string_view word);

}  // namespace sallyport
