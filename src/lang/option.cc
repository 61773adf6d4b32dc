#include "lang/option.h"

#include <fmt/format.h>

namespace sallyport {

void write_options(std::span<const OptionSpec> specs, const void* owner, const Scope& scope,
                   std::string& out) {
  for (const OptionSpec& spec : specs) {
    if (!spec.printed || !spec.given(spec, owner)) continue;
    out += ' ';
    spec.write(spec, owner, scope, out);
  }
}

void list_options(std::span<const OptionSpec> specs, const void* owner, const Scope& scope,
                  std::string& out) {
  for (const OptionSpec& spec : specs) {
    if (!spec.printed || !spec.given(spec, owner)) continue;
    std::string text;
    spec.write(spec, owner, scope, text);
    out += ' ';
    const Listed& listed = spec.in_list;
    if (listed.word.empty()) {
      out += text;
      continue;
    }
    const bool negated = text.starts_with("! ");
    const size_t before = (negated ? 2 : 0) + spec.name.size() + 1;  // "! --name "
    const std::string value = text.substr(std::min(before, text.size()));
    const bool is_range = !listed.range.empty() && value.find(':') != std::string::npos;
    if (negated && !listed.negated.empty()) {
      out += listed.negated;
    } else {
      out += is_range ? listed.range : listed.word;
      if (negated) out += '!';
    }
    out += value;
  }
}

std::string option_text(std::span<const OptionSpec> specs, std::string_view name, const void* owner,
                        const Scope& scope) {
  std::string text;
  for (const OptionSpec& spec : specs) {
    if (spec.name == name) spec.write(spec, owner, scope, text);
  }
  return text;
}

std::string missing_option(std::span<const OptionSpec> specs, const void* owner) {
  for (const OptionSpec& spec : specs) {
    if (spec.mandatory && !spec.given(spec, owner)) {
      return fmt::format("{} is missing", spec.name);
    }
  }
  return {};
}

std::string conflicting_option(std::span<const OptionSpec> specs, const OptionSpec& spec,
                               const void* owner) {
  if (spec.given(spec, owner)) {
    return fmt::format("{} is given twice, or beside an option that says the same", spec.name);
  }
  if (spec.group == 0) return {};
  for (const OptionSpec& other : specs) {
    if (&other != &spec && other.group == spec.group && other.given(other, owner)) {
      return fmt::format("{} cannot stand beside {}", spec.name, other.name);
    }
  }
  return {};
}

std::string options_help(std::span<const OptionSpec> specs) {
  std::string text;
  for (const OptionSpec& spec : specs) {
    std::string left = fmt::format("{} {}", spec.negatable ? "[!]" : "   ", spec.name);
    for (std::string_view alias : spec.also) {
      if (!alias.empty()) left += fmt::format(", {}", alias);
    }
    if (!spec.syntax.empty()) left += fmt::format(" {}", spec.syntax);
    text += fmt::format("  {:<44} {}\n", left, spec.help);
  }
  return text;
}

}  // namespace sallyport
