// Watching a packet pass: probes of our own before and after everybody else's
// rules, and what they log.
//
// The probes are nftables chains at the ends of each hook and right after
// conntrack, so the script's own rules stand as they are. They log by NFLOG to
// this process, in order and before the call that sent the packet returns. The
// kernel's trace of iptables' rules comes the same way and tells which rule
// decided. Answers that the kernel itself makes (resets, unreachables, MLD
// reports) are dropped at OUTPUT before conntrack sees them: only the script's
// packets count.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attach/observation.h"
#include "kernel/sandbox.h"

namespace sallyport::testing {

class Probe {
 public:
  // In the sandbox's namespace, once its rules are loaded. Without `conntrack` nothing
  // asks for the state: a probe that did would turn tracking on.
  static std::expected<Probe, std::string> open(bool conntrack);

  // What happened to the packet that was sent last: its fate, state and rule.
  Observation take(const ScriptPacket& packet);

 private:
  std::vector<std::string> read_log();
  Fd socket_;
};

// The confirmed flow that has this tuple in one of its directions, in any of `zones`. One look
// at the table, so that it is over before the next tick: a listing takes longer.
std::expected<std::optional<SeenFlow>, std::string> find_flow(const Tuple& tuple,
                                                              std::span<const uint16_t> zones);

}  // namespace sallyport::testing
