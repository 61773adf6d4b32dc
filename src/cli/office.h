// What is asked of a running firewall over its control socket, and who answers: personalities, and
// what a daemon has beside them, status, drops, reload, try and confirm.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/inputs.h"
#include "control/control_server.h"
#include "control/daemon.h"
#include "control/drops.h"
#include "control/flow_changes.h"
#include "control/managed.h"
#include "control/status.h"

namespace sallyport {

class Office {
 public:
  // All outlive it. `inputs` name the files that a reload reads again; `facts` are what status
  // tells beside what the daemon knows, all but how long rules are on trial. `log` is told what
  // happens by itself, a line at a time.
  Office(const Inputs& inputs, Daemon& daemon, Managed& firewall, const DaemonFacts& facts,
         std::function<void(const std::string&)> log)
      : inputs_(inputs),
        daemon_(daemon),
        firewall_(firewall),
        facts_(facts),
        log_(std::move(log)) {}

  // From now on it answers, whenever go_on() is called, once a turn of the daemon's loop. True:
  // there is more to do at once.
  std::expected<void, std::string> open(const ControlServer::Options& socket);
  bool go_on();

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

  // Other rules, until somebody confirms them or their time is over.
  struct Attempt {
    Ruleset before;
    Instant until{};
  };
  Reply attempt(const Request& request);
  Reply confirm();

  const Inputs& inputs_;
  Daemon& daemon_;
  Managed& firewall_;
  const DaemonFacts& facts_;
  std::function<void(const std::string&)> log_;
  std::optional<Attempt> attempt_;
  Drops drops_;
  std::unique_ptr<ControlServer> server_;
};

}  // namespace sallyport
