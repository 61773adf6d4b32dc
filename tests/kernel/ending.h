// What is left at the end of a script: entries, expectations, sets, counters, each as the programs
// print it that the kernel is asked with. They run for some ticks, and the engine may agree with
// them at any of these.
#pragma once

#include <vector>

#include "kernel/difference.h"

namespace sallyport::testing {

void compare_endings(const Script& script, const Ending& kernel, Engine& engine,
                     std::vector<Difference>& out);

}  // namespace sallyport::testing
