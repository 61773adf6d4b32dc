#include "attach/line_reader.h"

#include <charconv>
#include <fmt/format.h>

namespace sallyport {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::optional<uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<char> simple_escape(char c) {
  switch (c) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case '0': return '\0';
    case '\\':
    case '"': return c;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::vector<uint8_t>> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    std::optional<uint8_t> high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(*high << 4 | *low));
  }
  return bytes;
}

LineReader::LineReader(std::string_view line, uint32_t number, Diagnostics& diagnostics)
    : diagnostics_(diagnostics), line_number_(number), length_(static_cast<uint32_t>(line.size())) {
  split(line);
}

void LineReader::split(std::string_view line) {
  size_t i = 0;
  while (i < line.size() && !failed_) {
    char c = line[i];
    if (is_blank(c)) {
      i++;
      continue;
    }
    if (c == '#') {
      comment_ = static_cast<uint32_t>(i + 1);
      return;
    }
    if (c == '"') {
      i = read_string(line, i);
      continue;
    }
    size_t begin = i;
    if (line.substr(i).starts_with("=>")) {
      i += 2;
    } else if (c == '(' || c == ')' || c == '>') {
      i++;
    } else {
      while (i < line.size() && !is_blank(line[i]) &&
             std::string_view("()>#\"").find(line[i]) == std::string_view::npos &&
             !line.substr(i).starts_with("=>")) {
        i++;
      }
    }
    tokens_.push_back(
        {std::string(line.substr(begin, i - begin)),
         {line_number_, static_cast<uint32_t>(begin + 1), static_cast<uint32_t>(i - begin)}});
  }
}

size_t LineReader::read_string(std::string_view line, size_t begin) {
  auto span = [&](size_t from, size_t length) {
    return Span{line_number_, static_cast<uint32_t>(from + 1), static_cast<uint32_t>(length)};
  };
  std::string text;
  size_t i = begin + 1;
  for (; i < line.size() && line[i] != '"'; i++) {
    if (line[i] != '\\') {
      text += line[i];
      continue;
    }
    char c = i + 1 < line.size() ? line[i + 1] : ' ';
    if (std::optional<char> plain = simple_escape(c)) {
      text += *plain;
      i += 1;
    } else if (auto byte = c == 'x' ? parse_hex(line.substr(i + 2, 2)) : std::nullopt;
               byte && byte->size() == 1) {
      text += static_cast<char>(byte->front());
      i += 3;
    } else {
      fail(span(i, 2), "unknown escape in a string", "known: \\r \\n \\t \\0 \\\\ \\\" \\xHH");
      return line.size();
    }
  }
  if (i >= line.size()) {
    fail(span(begin, 1), "this string has no end", "close it with a double quote");
    return line.size();
  }
  tokens_.push_back({std::move(text), span(begin, i + 1 - begin), true});
  return i + 1;
}

bool LineReader::take(std::string_view word) {
  if (!at(word)) return false;
  last_ = tokens_[next_++].span;
  return true;
}

std::string_view LineReader::word(std::string_view what) {
  if (failed_) return {};
  if (next_ == tokens_.size()) {
    fail(fmt::format("{} is missing", what));
    return {};
  }
  if (quoted()) {
    fail(fmt::format("expected {}, not a string", what));
    return {};
  }
  last_ = tokens_[next_].span;
  return tokens_[next_++].text;
}

std::string LineReader::string(std::string_view what) {
  if (failed_) return {};
  if (next_ == tokens_.size() || !quoted()) {
    fail(fmt::format("expected {} in double quotes", what));
    return {};
  }
  last_ = tokens_[next_].span;
  return tokens_[next_++].text;
}

uint32_t LineReader::number(std::string_view what, uint32_t lowest, uint32_t highest) {
  std::string_view text = word(what);
  if (failed_) return 0;
  std::optional<uint64_t> value = parse_number(text);
  if (!value || *value < lowest || *value > highest) {
    fail(last_, fmt::format("{} is a number from {} to {}", what, lowest, highest));
    return 0;
  }
  return static_cast<uint32_t>(*value);
}

void LineReader::expect(std::string_view word) {
  if (!failed_ && !take(word)) fail(fmt::format("expected '{}' here", word));
}

uint32_t LineReader::end_column() const {
  return last_.column + last_.length;
}

Span LineReader::here() const {
  if (next_ < tokens_.size()) return tokens_[next_].span;
  if (tokens_.empty()) return {line_number_, length_ + 1, 0};
  const Span& last = tokens_.back().span;
  return {line_number_, last.column + last.length, 0};
}

void LineReader::fail(Span span, std::string what, std::string hint) {
  if (failed_) return;
  failed_ = true;
  diagnostics_.add({span, std::move(what), std::move(hint)});
}

}  // namespace sallyport
