// The words of a descriptor's line.
//
// Spaces and commas separate; `#` begins a comment; a string stands in double
// quotes; `&` and `=` are words of their own wherever they stand.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace sallyport {

struct DescriptorToken {
  Span span;
  std::string text;  // of a string: its value, escapes undone
  bool is_string = false;
};

// False after an error, which is then in `diagnostics`. The last token is empty
// and marks the line's end.
bool lex_descriptor_line(std::string_view line, uint32_t number,
                         std::vector<DescriptorToken>& tokens, Diagnostics& diagnostics);

}  // namespace sallyport
