// A moment of a capture, and a length of time, as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace sallyport {

constexpr const char* kWhenForms =
    "seconds from the start of the capture (12.5); seconds since 1970, as tcpdump -tt and --json "
    "print them; or HH:MM:SS[.5], alone or after YYYY-MM-DD, in local time, or UTC with a Z";

// `start` is the time of the capture's first record. A time of day without a date is the first
// such time in the capture. Nothing for what is no time.
std::optional<Instant> parse_when(std::string_view text, Instant start);

constexpr const char* kLengthForms = "write a time like 60s or 5m, at most a day";

// How long something lasts: "60s", "5m", "60"; nothing for anything else, and for none or more than
// a day.
std::optional<std::chrono::seconds> parse_length(const std::string& text);

}  // namespace sallyport
