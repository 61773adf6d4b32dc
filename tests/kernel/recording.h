// Scripts written anew: the expectations of their packets as the kernel showed them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attach/observation.h"

namespace sallyport::testing {

// The expectation that a recording writes: of the kinds that `previous` asks, or, without one,
// everything but the rule of an accepted packet.
ExpectedOutcome record(const std::optional<ExpectedOutcome>& previous, const Observation& seen);

// The text of a script with the expectations of its packets replaced, in columns.
std::string rewrite(std::string_view text, const Script& script,
                    std::span<const ExpectedOutcome> expectations);

}  // namespace sallyport::testing
