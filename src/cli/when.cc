// A number is either a distance from the start or a time since 1970. Which of the two is never in
// doubt: no capture is 31 years long, and what was captured before 2001 begins so early only where
// the clock did not run, and then both are the same.
#include "cli/when.h"

#include <charconv>
#include <ctime>
#include <string>

namespace sallyport {
namespace {

using std::chrono::seconds;

constexpr int64_t kEpochFrom = 1'000'000'000;  // September 2001
constexpr int64_t kLatest = 9'000'000'000;     // the year 2255: an Instant goes to 2262
constexpr size_t kFractionDigits = 9;

// ".5", or nothing at all.
std::optional<Duration> fraction_of(std::string_view text) {
  if (text.empty()) return Duration(0);
  std::string digits(text.substr(1));
  if (text[0] != '.' || digits.empty() || digits.size() > kFractionDigits) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  digits.resize(kFractionDigits, '0');
  return Duration(std::stoll(digits));
}

std::optional<Duration> number_of(std::string_view text) {
  int64_t whole = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc{} || whole < 0 || whole > kLatest) return std::nullopt;
  std::optional<Duration> fraction =
      fraction_of(text.substr(static_cast<size_t>(end - text.data())));
  return fraction ? std::optional(seconds(whole) + *fraction) : std::nullopt;
}

std::optional<Instant> clock_time(std::string text, Instant start) {
  bool utc = text.ends_with('Z');
  if (utc) text.pop_back();
  std::time_t started = std::chrono::floor<seconds>(start).time_since_epoch().count();
  std::tm calendar{};
  (utc ? gmtime_r : localtime_r)(&started, &calendar);
  const char* rest = text.c_str();
  std::tm date = calendar;  // a copy, as what does not fit is left half read
  const char* after_date = strptime(rest, "%Y-%m-%d", &date);
  if (after_date) {
    if (*after_date != ' ' && *after_date != 'T') return std::nullopt;
    calendar = date;
    rest = after_date + 1;
  }
  rest = strptime(rest, "%H:%M:%S", &calendar);
  std::optional<Duration> fraction = rest ? fraction_of(rest) : std::nullopt;
  if (!fraction) return std::nullopt;
  auto time_of = [&](std::tm day) {
    day.tm_isdst = -1;
    return utc ? timegm(&day) : mktime(&day);
  };
  std::time_t when = time_of(calendar);
  if (!after_date && when < started) {  // past midnight
    calendar.tm_mday++;
    when = time_of(calendar);
  }
  if (when < 0 || when > kLatest) return std::nullopt;
  return Instant(seconds(when) + *fraction);
}

}  // namespace

std::optional<Instant> parse_when(std::string_view text, Instant start) {
  if (text.find(':') != std::string_view::npos) return clock_time(std::string(text), start);
  std::optional<Duration> number = number_of(text);
  if (!number) return std::nullopt;
  if (*number >= seconds(kEpochFrom)) return Instant(*number);
  return start <= Instant::max() - *number ? std::optional(start + *number) : std::nullopt;
}

std::optional<std::chrono::seconds> parse_length(const std::string& text) {
  size_t end = 0;
  unsigned long number = 0;
  try {
    number = std::stoul(text, &end);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  const std::string unit = text.substr(end);
  if (unit == "m") number *= 60;
  constexpr unsigned long kLongest = 24 * 60 * 60;
  const bool known = unit.empty() || unit == "s" || unit == "m";
  if (!known || text[0] == '-' || number == 0 || number > kLongest) return std::nullopt;
  return std::chrono::seconds(number);
}

}  // namespace sallyport
