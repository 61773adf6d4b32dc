// What is asked of a running firewall over its control socket, and who answers: personalities, and
// what a daemon has beside them, status, drops, reload and confirm.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "cli/inputs.h"
#include "control/control_server.h"
#include "control/daemon.h"
#include "control/drops.h"
#include "control/managed.h"

namespace sallyport {

class Office {
 public:
  // All outlive it. `inputs` name the files that a reload reads again.
  Office(const Inputs& inputs, Daemon& daemon, Managed& firewall)
      : inputs_(inputs), daemon_(daemon), firewall_(firewall) {}

  // From now on it answers, in the daemon's loop.
  std::expected<void, std::string> open(const ControlServer::Options& socket);

 private:
  Reply answer(const std::string& name, const Request& request);
  Reply tell_drops(const Request& request);
  Reply reload();
  std::expected<void, std::string> change(const Sources& sources);

  const Inputs& inputs_;
  Daemon& daemon_;
  Managed& firewall_;
  Drops drops_;
  std::unique_ptr<ControlServer> server_;
};

}  // namespace sallyport
