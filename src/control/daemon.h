// The firewall of a live host: one loop over the kernel's queues, the machine's addresses, the
// control socket and signals, around one engine.
//
// start() opens the queues first and puts the kernel's rules in last, so that no packet waits for
// somebody who is not there yet; run() takes them out again on its way out. Whoever dies in
// between leaves them: then packets go nowhere, but for loopback and the administrators
// (attach/queue_rules.h), until it runs again or detach takes them out.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attach/interfaces.h"
#include "attach/live.h"
#include "attach/queue_rules.h"
#include "control/guard.h"
#include "engine/engine.h"

namespace sallyport {

class Daemon {
 public:
  struct Options {
    QueueRules rules;
    Tool tool = Tool::kNft;
    // Takes itself out again after so long, even if it has died by then, but for confirm().
    std::optional<std::chrono::seconds> trial;
  };

  // All outlive it. The engine's host is kept as the interfaces tell it; `guard` takes the kernel's
  // rules out. `log` is told what an administrator wants to know, a line at a time, without a line
  // end.
  Daemon(Engine& engine, Interfaces& interfaces, Guard& guard,
         std::function<void(const std::string&)> log);
  ~Daemon();

  // From here on packets are judged. `before` is called when all is there but the kernel's rules;
  // when these are in, privileges drop (privileges.h). What went wrong is undone.
  using Step = std::function<std::expected<void, std::string>()>;
  std::expected<void, std::string> start(const Options& options, const Step& before);
  // Until a signal (SIGINT, SIGTERM), or the trial's end. False: the rules could not be
  // taken out, and it has been said.
  bool run();

  // A descriptor of somebody else's to be watched: `ready` is called when it can be read, or,
  // with `writing`, written.
  void watch(int fd, std::function<void()> ready);
  void watch_writing(int fd, bool writing);
  void unwatch(int fd);

  // Called once a turn of the loop, behind all packets: some ten times a second at least, and at
  // once where it answers that there is more to do.
  void each_turn(std::function<bool()> what);

  // Called when a SIGHUP comes: files may have been moved away.
  void on_hangup(std::function<void()> what);

  // The trial is over: it stays. False: there is none, or it has ended already.
  bool confirm();
  bool on_trial() const;
  const Live::Counts& counts() const;
  // How long packets took: of each burst with any, from reading it to its verdicts, divided by its
  // packets, which are counted under the first bound that is not less (seconds).
  struct Times {
    static constexpr std::array kBounds{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2};
    std::array<uint64_t, kBounds.size() + 1> counts{};
    double sum = 0;
  };
  const Times& times() const;
  Live& live();
  uint64_t overruns() const;  // of all queues: times that the kernel found no room for a packet
  Instant now() const;        // of the last turn of the loop
  const Options& options() const;
  Instant started() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
