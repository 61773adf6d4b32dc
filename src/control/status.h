// What `sallyport status` says of a daemon: for people, and as JSON for programs.
#pragma once

#include <optional>
#include <string>

#include "control/daemon.h"
#include "control/keeper.h"
#include "control/managed.h"
#include "control/nflog_file.h"
#include "control/packet_log.h"

namespace sallyport {

// What a daemon does not know of itself.
struct DaemonFacts {
  const Keeper* keeper = nullptr;      // null: nothing is kept
  const PacketLog* log = nullptr;      // null: not yet
  const NflogFile* nflog = nullptr;    // null: there is none
  std::optional<Instant> rules_until;  // the rules are on trial
};

// `{"uptime": seconds, "packets": …}`, an object in one line; docs/live.md names its keys.
std::string status_json(const Daemon& daemon, Managed& firewall, const DaemonFacts& known);
std::string status_text(const Daemon& daemon, Managed& firewall, const DaemonFacts& known);

}  // namespace sallyport
