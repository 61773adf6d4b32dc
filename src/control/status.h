// What `sallyport status` says of a daemon: for people, and as JSON for programs.
#pragma once

#include <optional>
#include <string>

#include "control/daemon.h"
#include "control/keeper.h"
#include "control/managed.h"

namespace sallyport {

// What a daemon does not know of itself.
struct DaemonFacts {
  const Keeper* keeper = nullptr;      // null: nothing is kept
  std::optional<Instant> rules_until;  // the rules are on trial
};

// `{"uptime": seconds, "packets": …}`, an object in one line; docs/control.md names its keys.
std::string status_json(const Daemon& daemon, Managed& firewall, const DaemonFacts& known);
std::string status_text(const Daemon& daemon, Managed& firewall, const DaemonFacts& known);

}  // namespace sallyport
