// What `sallyport run` is made of: one firewall, and those who administer it, watch it and write
// down what it tells and knows, all in the daemon's loop.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "attach/interfaces.h"
#include "cli/inputs.h"
#include "cli/office.h"
#include "control/daemon.h"
#include "control/guard.h"
#include "control/keeper.h"
#include "control/kept_state.h"
#include "control/managed.h"
#include "control/metrics.h"
#include "control/nflog_file.h"
#include "control/packet_log.h"
#include "control/status.h"

namespace sallyport {

class Service {
 public:
  struct Options {
    Inputs inputs;
    Daemon::Options daemon;
    ControlServer::Options control;
    std::string state;  // files and addresses; empty: none
    std::string log;    // empty: standard error
    std::string nflog;
    std::string metrics;
  };
  // Those outlive it. What it has to tell goes to standard error, a line at a time.
  Service(const Options& options, Interfaces& interfaces, Guard& guard, Setup setup);

  // What an earlier run has kept, as far as it still holds.
  void take_back(const KeptState& kept, Instant now);
  // From here on packets are judged. The error says what could not be had; all is as before then.
  std::expected<void, std::string> start();
  // Until a signal, or the trial's end. False: its rules are still in the kernel, which it has
  // said.
  bool run();

 private:
  std::expected<void, std::string> open_logs();
  std::expected<void, std::string> open_doors();
  void write_logs();
  bool turn();

  const Options& options_;
  Interfaces& interfaces_;
  std::unique_ptr<Engine> engine_;
  Daemon daemon_;
  Managed firewall_;
  DaemonFacts facts_;
  std::unique_ptr<PacketLog> log_;
  std::unique_ptr<NflogFile> nflog_;
  Office office_;
  std::unique_ptr<Metrics> metrics_;
  std::optional<Keeper> keeper_;
};

// "sallyport: …" on standard error.
void tell_administrator(const std::string& line);

}  // namespace sallyport
