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
#include "control/flow_changes.h"
#include "control/keeper.h"
#include "control/managed.h"

namespace sallyport {

class Office {
 public:
  // All outlive it. `inputs` name the files that a reload reads again.
  Office(const Inputs& inputs, Daemon& daemon, Managed& firewall)
      : inputs_(inputs), daemon_(daemon), firewall_(firewall) {}

  // From now on it answers, whenever go_on() is called, once a turn of the daemon's loop. True:
  // there is more to do at once.
  std::expected<void, std::string> open(const ControlServer::Options& socket);
  bool go_on() { return server_->go_on(); }
  void know(const Keeper& keeper) { keeper_ = &keeper; }  // outlives it

 private:
  Reply answer(const std::string& name, const Request& request);
  Reply tell_drops(const Request& request);
  struct Fresh;
  std::expected<Fresh, Reply> read_again();
  Engine::Programs programs() const;
  void take(Fresh fresh);
  Reply reload(const Request& request);
  static Reply tell_changes(const std::shared_ptr<FlowChanges>& changes);
  Reply end_changed(const std::shared_ptr<FlowChanges>& changes);

  const Inputs& inputs_;
  Daemon& daemon_;
  Managed& firewall_;
  const Keeper* keeper_ = nullptr;
  Drops drops_;
  std::unique_ptr<ControlServer> server_;
};

}  // namespace sallyport
