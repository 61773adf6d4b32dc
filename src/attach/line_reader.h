// One line of packet text as tokens, read from left to right.
//
// Words end at blanks, at parentheses and at `>`; a string in double quotes is
// one token with its escapes undone; `#` begins a comment. The first error of a
// line is reported with its place, and everything read after it fails quietly,
// so callers need not look after each step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace sallyport {

class LineReader {
 public:
  LineReader(std::string_view line, uint32_t number, Diagnostics& diagnostics);

  bool failed() const { return failed_; }
  bool at_end() const { return failed_ || next_ == tokens_.size(); }
  bool at(std::string_view word) const { return !at_end() && !quoted() && text() == word; }
  // The next token's text; empty at the end.
  std::string_view text() const { return at_end() ? std::string_view{} : tokens_[next_].text; }
  // The one after the next.
  std::string_view text_after() const {
    return failed_ || next_ + 1 >= tokens_.size() ? std::string_view{} : tokens_[next_ + 1].text;
  }

  bool take(std::string_view word);  // only if it is next
  // The next word; `what` names what is missing if there is none.
  std::string_view word(std::string_view what);
  std::string string(std::string_view what);  // in quotes
  uint32_t number(std::string_view what, uint32_t lowest, uint32_t highest);
  void expect(std::string_view word);

  // Where the token read last ends, and where the comment begins (0: none); columns from 1.
  uint32_t end_column() const;
  uint32_t comment_column() const { return comment_; }
  // Where the next token is, or the line's end.
  Span here() const;
  Span last() const { return last_; }

  void fail(Span span, std::string what, std::string hint = {});
  void fail(std::string what, std::string hint = {}) {
    fail(here(), std::move(what), std::move(hint));
  }

 private:
  struct Token {
    std::string text;
    Span span;
    bool quoted = false;
  };
  bool quoted() const { return tokens_[next_].quoted; }
  void split(std::string_view line);
  size_t read_string(std::string_view line, size_t begin);

  Diagnostics& diagnostics_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
  Span last_;
  uint32_t line_number_;
  uint32_t comment_ = 0;
  uint32_t length_ = 0;
  bool failed_ = false;
};

// A number in decimal or, after 0x, hexadecimal; nothing for anything else.
std::optional<uint64_t> parse_number(std::string_view text);
// An even count of hexadecimal digits.
std::optional<std::vector<uint8_t>> parse_hex(std::string_view text);

}  // namespace sallyport
