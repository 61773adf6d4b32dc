// Time, which is always an argument: nothing in the engine reads a clock.
//
// Instants come with the packets, in nanoseconds. Conntrack and sets count in
// ticks of 4 ms, since the kernel that we follow does (HZ=250), and its
// deadlines fall on ticks, rounded down.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sallyport {

using Duration = std::chrono::nanoseconds;
// Since the Unix epoch for captures; any fixed origin does for the engine.
using Instant = std::chrono::time_point<std::chrono::system_clock, Duration>;

using Tick = uint64_t;
constexpr uint64_t kTicksPerSecond = 250;

constexpr Tick tick_of(Instant instant) {
  int64_t ns = instant.time_since_epoch().count();
  return ns < 0 ? 0 : static_cast<Tick>(ns) / (1'000'000'000 / kTicksPerSecond);
}
constexpr Tick ticks(uint64_t seconds) {
  return seconds * kTicksPerSecond;
}

// For people: "1.2 s", "300 s", three digits, more where there are more before the point; "under
// 4 ms".
std::string seconds_text(Tick ticks);

}  // namespace sallyport
