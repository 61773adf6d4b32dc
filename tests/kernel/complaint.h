// What conntrack says of a packet that it calls INVALID, held against the engine's reason.
//
// nf_conntrack_log_invalid makes the kernel say why; of some packets it says nothing. The table was
// filled from what it said in random runs and of packets cut and changed byte by byte. Where its
// words are coarser than the engine's reasons, several may stand behind them; words that the table
// does not have are a difference, so that it cannot fall behind.
#pragma once

#include <optional>
#include <string_view>

#include "base/reason.h"

namespace sallyport::testing {

// The kernel's line as the table has it, without its numbers; "no word" for an empty one. Nothing
// where the table does not have it.
std::optional<std::string_view> words_of_complaint(std::string_view line);

// Whether the engine's `reason` says what the kernel's line does.
bool may_mean(std::string_view line, Reason reason);

// Whether the kernel's lines can tell this reason from others: it is one for INVALID.
bool is_told(Reason reason);

}  // namespace sallyport::testing
