// What a running firewall tells Prometheus: its text format (version 0.0.4), over HTTP at an
// address of the administrator's choice.
//
// libmicrohttpd speaks HTTP, in the daemon's loop and without a thread. A scrape costs no look at
// all flows: these are counted by state a little each turn, as they were during the last second.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "control/daemon.h"
#include "control/managed.h"
#include "control/status.h"

namespace sallyport {

class Metrics {
 public:
  // `address` is "127.0.0.1:9123" or "[::1]:9123". All outlive it. The error says why nobody can
  // listen there.
  static std::expected<std::unique_ptr<Metrics>, std::string> open(const std::string& address,
                                                                   Daemon& daemon,
                                                                   Managed& firewall,
                                                                   const DaemonFacts& facts);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Once a turn of the daemon's loop.
  void turn();
  std::string text() const;

 private:
  using Census = std::map<std::pair<uint8_t, std::string_view>, uint64_t>;  // by protocol and state
  struct Server;
  Metrics(Daemon& daemon, Managed& firewall, const DaemonFacts& facts);

  Daemon& daemon_;
  Managed& firewall_;
  const DaemonFacts& facts_;
  Census census_, counting_;
  uint32_t next_ = 0;  // place
  Instant began_{};
  std::unique_ptr<Server> server_;
};

}  // namespace sallyport
