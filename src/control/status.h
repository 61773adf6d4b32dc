// What `sallyport status` says of a daemon: for people, and as JSON for programs.
#pragma once

#include <string>

#include "control/daemon.h"
#include "control/keeper.h"
#include "control/managed.h"

namespace sallyport {

// `{"uptime": seconds, "packets": …}`, an object in one line; docs/control.md names its keys.
// `keeper` is null where nothing is kept.
std::string status_json(const Daemon& daemon, Managed& firewall, const Keeper* keeper);
std::string status_text(const Daemon& daemon, Managed& firewall, const Keeper* keeper);

}  // namespace sallyport
