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
