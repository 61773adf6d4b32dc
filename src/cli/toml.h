// TOML, as files of ours are written in it: toml++, with errors as values and as ours.
#pragma once

#include <optional>

#define TOML_EXCEPTIONS 0  // parse() returns a parse_result
#include <toml++/toml.h>

#include "base/diagnostic.h"
#include "cli/inputs.h"

namespace sallyport {

inline Span span_of(const toml::source_region& source, size_t length = 0) {
  return {.line = static_cast<uint32_t>(source.begin.line),
          .column = static_cast<uint32_t>(source.begin.column),
          .length = static_cast<uint32_t>(length)};
}

// Nothing, and why, if the file is none.
inline std::optional<toml::table> parse_toml(const InputFile& file, Diagnostics& diagnostics) {
  toml::parse_result parsed = toml::parse(file.text, file.name);
  if (parsed) return std::move(parsed).table();
  const toml::parse_error& error = parsed.error();
  diagnostics.add({span_of(error.source()), std::string(error.description()), {}});
  return std::nullopt;
}

}  // namespace sallyport
