// An option, declared once.
//
//   struct MarkMatch {
//     Arg<MarkMask> mark;
//     static constexpr auto options() {
//       return std::tuple{option("--mark", &MarkMatch::mark).negatable().mandatory()
//                             .help("value[/mask]", "matches the packet's mark")};
//     }
//   };
//
// From the declaration come the parser, the printer in iptables-save's spelling and
// order (that of the declaration), the help, and completion. An Arg is a value with
// whether it was given and whether a ! stood before it. Options that share a member
// exclude each other (`--set-mark` and `--set-xmark`), as do those of one group().
//
// The declaration is typed and costs nothing; `OptionSpec` is its type-erased form,
// made once per extension by specs_of<T>().
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lang/value.h"

namespace sallyport {

template <typename T>
struct Arg {
  T value{};
  bool given = false;
  bool negated = false;  // "! --option"
};

// An option without a value.
struct Flag {};

// What an option does with its words. `reader` of a kind that differs from the
// member's own (--or-mark makes a value and mask of a number).
template <typename T>
using Reader = std::string (*)(Text text, const Scope& scope, T& out);

// Types whose option takes two words (--tcp-flags MASK VALUE) say so with kWords = 2 and read
// `std::span<const Text>`.
template <typename T>
constexpr size_t words_of() {
  if constexpr (std::is_same_v<T, Flag>) {
    return 0;
  } else if constexpr (requires { T::kWords; }) {
    return T::kWords;
  } else {
    return 1;
  }
}

// What `iptables -L` has before an option's value instead of its name: where the value is one;
// where it is negated, empty: the word, and a "!"; where it is two with a ':' between them, empty:
// the word.
struct Listed {
  std::string_view word, negated, range;
};

template <typename Owner, typename T>
struct Option {
  std::string_view name;
  Arg<T> Owner::* member;
  std::array<std::string_view, 3> also{};
  size_t words = words_of<T>();
  bool can_negate = false;
  bool required = false;
  bool printed = true;
  uint8_t exclusive_group = 0;
  Reader<T> reader = nullptr;
  bool has_reader = false;  // g++ 12 with -fsanitize=undefined cannot compare a template's address
  std::string_view syntax;
  std::string_view text;
  Listed in_list;

  // Other names of the same option.
  constexpr Option alias(std::string_view a, std::string_view b = {}) const {
    Option copy = *this;
    copy.also = {a, b, {}};
    return copy;
  }
  constexpr Option negatable() const { return with(&Option::can_negate, true); }
  constexpr Option mandatory() const { return with(&Option::required, true); }
  // Accepted, but printed as another option of the same member.
  constexpr Option read_by(Reader<T> function) const {
    Option copy = with(&Option::printed, false);
    copy.reader = function;
    copy.has_reader = true;
    return copy;
  }
  // The same, without a word: the reader is given an empty text.
  constexpr Option stands_for(Reader<T> function) const {
    return read_by(function).with(&Option::words, size_t{0});
  }
  constexpr Option listed(std::string_view word, std::string_view negated = {},
                          std::string_view range = {}) const {
    return with(&Option::in_list, Listed{word, negated, range});
  }
  constexpr Option group(uint8_t number) const { return with(&Option::exclusive_group, number); }
  constexpr Option help(std::string_view syntax_text, std::string_view sentence) const {
    return with(&Option::syntax, syntax_text).with(&Option::text, sentence);
  }

  template <typename Value>
  constexpr Option with(Value Option::* what, Value value) const {
    Option copy = *this;
    copy.*what = value;
    return copy;
  }
};

template <typename Owner, typename T>
constexpr Option<Owner, T> option(std::string_view name, Arg<T> Owner::* member) {
  return {.name = name, .member = member};
}

// The declaration without its types.
struct OptionSpec {
  std::string_view name;
  std::array<std::string_view, 3> also{};
  size_t words = 1;
  bool negatable = false;
  bool mandatory = false;
  bool printed = true;
  uint8_t group = 0;
  std::string_view syntax;
  std::string_view help;
  Listed in_list;
  // Reads the words into the member; what is wrong, or empty.
  std::string (*read)(const OptionSpec& self, void* owner, std::span<const Text> words,
                      const Scope& scope, bool negated) = nullptr;
  // Whether the member was given.
  bool (*given)(const OptionSpec& self, const void* owner) = nullptr;
  // Appends "[! ]--name value".
  void (*write)(const OptionSpec& self, const void* owner, const Scope& scope,
                std::string& out) = nullptr;
};

namespace option_detail {

template <typename Owner>
inline constexpr auto kOptions = Owner::options();

template <typename Owner, size_t kIndex>
constexpr const auto& declared() {
  return std::get<kIndex>(kOptions<Owner>);
}

template <typename Owner, size_t kIndex>
std::string read_option(const OptionSpec&, void* owner, std::span<const Text> words,
                        const Scope& scope, bool negated) {
  constexpr auto& declaration = declared<Owner, kIndex>();
  auto& arg = static_cast<Owner*>(owner)->*declaration.member;
  using T = std::remove_reference_t<decltype(arg.value)>;
  arg.given = true;
  arg.negated = negated;
  if constexpr (declaration.has_reader) {
    return declaration.reader(words.empty() ? Text() : words[0], scope, arg.value);
  } else if constexpr (std::is_same_v<T, Flag>) {
    return {};
  } else if constexpr (words_of<T>() > 1) {
    return read(words, scope, arg.value);
  } else {
    return read(words[0], scope, arg.value);
  }
}

template <typename Owner, size_t kIndex>
bool option_given(const OptionSpec&, const void* owner) {
  return (static_cast<const Owner*>(owner)->*declared<Owner, kIndex>().member).given;
}

template <typename Owner, size_t kIndex>
void write_option(const OptionSpec& self, const void* owner, const Scope& scope, std::string& out) {
  const auto& arg = static_cast<const Owner*>(owner)->*declared<Owner, kIndex>().member;
  if (arg.negated) out += "! ";
  out += self.name;
  using T = std::remove_cvref_t<decltype(arg.value)>;
  if constexpr (!std::is_same_v<T, Flag>) {
    out += ' ';
    write(arg.value, scope, out);
  }
}

template <typename Owner, size_t kIndex>
OptionSpec erase() {
  const auto& o = declared<Owner, kIndex>();
  return {.name = o.name,
          .also = o.also,
          .words = o.words,
          .negatable = o.can_negate,
          .mandatory = o.required,
          .printed = o.printed,
          .group = o.exclusive_group,
          .syntax = o.syntax,
          .help = o.text,
          .in_list = o.in_list,
          .read = read_option<Owner, kIndex>,
          .given = option_given<Owner, kIndex>,
          .write = write_option<Owner, kIndex>};
}

}  // namespace option_detail

template <typename Owner>
std::span<const OptionSpec> specs_of() {
  constexpr size_t kCount = std::tuple_size_v<decltype(Owner::options())>;
  static const std::vector<OptionSpec> specs =
      []<size_t... kIndex>(std::index_sequence<kIndex...>) {
        return std::vector<OptionSpec>{option_detail::erase<Owner, kIndex>()...};
      }(std::make_index_sequence<kCount>());
  return specs;
}

// The options that were given, as iptables-save prints them: " --a 1 ! --b 2".
void write_options(std::span<const OptionSpec> specs, const void* owner, const Scope& scope,
                   std::string& out);
// ... as `iptables -L` lists them: " dpt:1 !b 2"; one without a word of its own by its name.
void list_options(std::span<const OptionSpec> specs, const void* owner, const Scope& scope,
                  std::string& out);
// One of them, "! --b 2", by its name.
std::string option_text(std::span<const OptionSpec> specs, std::string_view name, const void* owner,
                        const Scope& scope);
// What is wrong with the options as a whole: a mandatory one that is missing. Empty: nothing.
std::string missing_option(std::span<const OptionSpec> specs, const void* owner);
// Whether `spec` may still be given; what is wrong, or empty.
std::string conflicting_option(std::span<const OptionSpec> specs, const OptionSpec& spec,
                               const void* owner);
// "  [!] --mark value[/mask]   matches the packet's mark", a line for each.
std::string options_help(std::span<const OptionSpec> specs);

}  // namespace sallyport
