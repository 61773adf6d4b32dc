#include "conntrack/discovery/descriptor_lexer.h"

#include <optional>

namespace sallyport {
namespace {

constexpr size_t kMostLine = 2048;  // bytes
constexpr std::string_view kSeparators = " \t\r,";
constexpr std::string_view kWordEnds = " \t\r,#\"&=";

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// One escape, `at` on its backslash; moves `at` behind it.
std::optional<char> unescape(std::string_view line, size_t& at) {
  if (at + 1 >= line.size()) return std::nullopt;
  char kind = line[at + 1];
  at += 2;
  switch (kind) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case '0': return '\0';
    case '\\':
    case '"': return kind;
    default: break;
  }
  if (kind != 'x' || at + 2 > line.size()) return std::nullopt;
  std::optional<int> high = hex_digit(line[at]), low = hex_digit(line[at + 1]);
  at += 2;
  if (!high || !low) return std::nullopt;
  return static_cast<char>(*high << 4 | *low);
}

Span span_of(uint32_t line, size_t from, size_t to) {
  return {line, static_cast<uint32_t>(from + 1), static_cast<uint32_t>(to - from)};
}

// The string that opens at `at`; moves `at` behind its closing quote.
bool lex_string(std::string_view line, uint32_t number, size_t& at, DescriptorToken& token,
                Diagnostics& diagnostics) {
  size_t open = at++;
  token.is_string = true;
  while (at < line.size() && line[at] != '"') {
    if (line[at] != '\\') {
      token.text += line[at++];
      continue;
    }
    size_t backslash = at;
    std::optional<char> c = unescape(line, at);
    if (!c) {
      diagnostics.add({span_of(number, backslash, std::min(at, line.size())),
                       "no such escape in a string", R"(there are \r \n \t \0 \\ \" and \xHH)"});
      return false;
    }
    token.text += *c;
  }
  if (at >= line.size()) {
    diagnostics.add({span_of(number, open, line.size()), "this string has no end",
                     "close it with \" on the same line"});
    return false;
  }
  at++;
  token.span = span_of(number, open, at);
  return true;
}

}  // namespace

bool lex_descriptor_line(std::string_view line, uint32_t number,
                         std::vector<DescriptorToken>& tokens, Diagnostics& diagnostics) {
  tokens.clear();
  if (line.size() > kMostLine) {
    diagnostics.add({span_of(number, kMostLine, kMostLine), "a line of more than 2048 bytes",
                     "a condition may be said in several lines; is this a descriptor at all?"});
    return false;
  }
  size_t at = 0;
  while ((at = line.find_first_not_of(kSeparators, at)) != std::string_view::npos) {
    if (line[at] == '#') break;
    DescriptorToken& token = tokens.emplace_back();
    if (line[at] == '"') {
      if (!lex_string(line, number, at, token, diagnostics)) return false;
      continue;
    }
    bool sign = line[at] == '&' || line[at] == '=';
    size_t end = sign ? at + 1 : std::min(line.find_first_of(kWordEnds, at), line.size());
    token.text = line.substr(at, end - at);
    token.span = span_of(number, at, end);
    at = end;
  }
  size_t end = at == std::string_view::npos ? line.size() : at;
  tokens.push_back({span_of(number, end, end), "", false});
  return true;
}

}  // namespace sallyport
