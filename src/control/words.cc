#include "control/words.h"

namespace sallyport {

std::vector<std::string> take_apart(std::span<const std::string> arguments,
                                    std::string_view with_value, std::string_view without_value) {
  std::vector<std::string> words;
  for (size_t i = 0; i < arguments.size(); i++) {
    std::string_view word = arguments[i];
    if (word == "--") {
      words.insert(words.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    const bool is_short = word.size() > 2 && word[0] == '-' && word[1] != '-';
    if (!is_short) {
      words.emplace_back(word);
      continue;
    }
    for (word.remove_prefix(1); !word.empty(); word.remove_prefix(1)) {
      const char letter = word[0];
      const bool takes = with_value.find(letter) != std::string_view::npos;
      if (!takes && without_value.find(letter) == std::string_view::npos) {
        words.push_back('-' + std::string(word));  // what it is, its reader has to say
        break;
      }
      words.push_back({'-', letter});
      if (!takes || word.size() == 1) continue;
      words.emplace_back(word.substr(1));
      break;
    }
  }
  return words;
}

std::string quoted(std::string_view word) {
  if (!word.empty() && word.find_first_of(" \t\n\"\\'") == std::string_view::npos) {
    return std::string(word);
  }
  std::string out = "\"";
  for (char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + '"';
}

std::string joined(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + quoted(word);
  return out;
}

}  // namespace sallyport
