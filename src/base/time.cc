#include "base/time.h"

#include <fmt/format.h>

namespace sallyport {

std::string seconds_text(Tick ticks) {
  if (ticks == 0) return "under 4 ms";
  uint64_t milliseconds = ticks * 1000 / kTicksPerSecond;
  if (milliseconds >= 100'000) return fmt::format("{} s", milliseconds / 1000);
  return fmt::format("{:.3g} s", static_cast<double>(milliseconds) / 1000);
}

}  // namespace sallyport
