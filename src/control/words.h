// The command line of a personality, word by word, as getopt_long reads it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

// "--table=nat" and "-tnat" are two words, "-nvL" is three: what a program with these short
// options makes of its command line. A letter that `with_value` names takes the rest of its word,
// or the next word. Behind "--" nothing is taken apart.
std::vector<std::string> take_apart(std::span<const std::string> arguments,
                                    std::string_view with_value, std::string_view without_value);

// A walk over words.
class WordReader {
 public:
  explicit WordReader(std::span<const std::string> words) : words_(words) {}

  bool end() const { return at_ == words_.size(); }
  const std::string& next() { return words_[at_++]; }
  const std::string& peek() const { return words_[at_]; }
  // The value of the option just read: nothing at the end.
  std::optional<std::string> value() { return end() ? std::nullopt : std::optional(next()); }
  // ... that may be left out.
  std::optional<std::string> optional_value() {
    return end() || peek().starts_with('-') || peek() == "!" ? std::nullopt : std::optional(next());
  }

 private:
  std::span<const std::string> words_;
  size_t at_ = 0;
};

// A word as a text of rules or sets has it: quoted where it must be.
std::string quoted(std::string_view word);
std::string joined(std::span<const std::string> words);

}  // namespace sallyport
