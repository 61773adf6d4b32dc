// Personalities without a daemon: they work on sets or flows that are kept in a file.
#pragma once

#include <string>

#include "control/personality.h"

namespace sallyport {

// Runs `name` on what is in the file, prints what it answers, and writes the file if something has
// changed. No time passes between two calls. A file that is not there has nothing in it. What a
// daemon keeps (`run --state`) is read as it is now, and not changed: the daemon's it is. The exit
// code is the personality's; kExitUsage, and said, where the file is the trouble.
int run_on_state(const std::string& file, const std::string& name, const Request& request);

}  // namespace sallyport
