#include "base/label_names.h"

#include <algorithm>
#include <charconv>

namespace sallyport {
namespace {

std::string_view next_word(std::string_view& line) {
  constexpr std::string_view kBlank = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

std::optional<size_t> read_label(std::string_view word) {
  int base = 10;
  if (word.starts_with("0x")) {
    base = 16;
    word.remove_prefix(2);
  } else if (word.starts_with('0')) {
    base = 8;
  }
  size_t number = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
  bool whole = error == std::errc{} && end == word.data() + word.size();
  return whole && number < kMostLabels ? std::optional(number) : std::nullopt;
}

bool is_name(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

LabelNames::LabelNames(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::optional<size_t> label = read_label(next_word(line));
    std::string_view name = next_word(line);
    bool is_all = next_word(line).empty();
    if (!label || !is_name(name) || !is_all || find(name)) continue;
    if (std::string& free = names_[*label]; free.empty()) free = name;
  }
}

std::optional<uint8_t> LabelNames::find(std::string_view name) const {
  auto found = std::ranges::find(names_, name);
  if (name.empty() || found == names_.end()) return std::nullopt;
  return static_cast<uint8_t>(found - names_.begin());
}

}  // namespace sallyport
