#include "cli/progress.h"

#include <fmt/format.h>
#include <iostream>

#include "cli/terminal.h"

namespace sallyport {

Progress::Progress(size_t total) : total_(total), on_(total >= kLong && stderr_is_terminal()) {}

void Progress::at(size_t position) {
  if (!on_) return;
  int percent =
      static_cast<int>(100.0 * static_cast<double>(position) / static_cast<double>(total_));
  if (percent == percent_) return;
  percent_ = percent;
  std::cerr << fmt::format("\r{:3} %", percent);
  std::cerr.flush();
}

void Progress::done() {
  if (on_ && percent_ >= 0) std::cerr << "\r     \r";
}

}  // namespace sallyport
