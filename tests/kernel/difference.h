// Where the engine and the kernel do not agree about a script.
//
// Everything that both can tell is compared: of each packet its verdict, state, direction, the
// reason why it is INVALID, status, TCP state, timeout, deciding rule, all rules passed and its
// bytes as it goes on (bytes_out.h); at the end the entries, the expectations, the sets and the
// rules' counters (ending.h).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/engine_run.h"
#include "kernel/kernel_run.h"

namespace sallyport::testing {

enum class Aspect : uint8_t {
  kVerdict,
  kState,
  kReason,  // for INVALID
  kDirection,
  kStatus,
  kTcpState,
  kTimeout,
  kRule,
  kRulesPassed,
  kBytes,
  kSent,
  kEntries,
  kExpectations,
  kSets,
  kCounters,
  kRefused,  // one of them does not take the script's rules or sets
  kCrash,    // the engine's
  kCount
};
std::string_view aspect_name(Aspect aspect);

struct Difference {
  Aspect aspect = Aspect::kVerdict;
  uint32_t line = 0;  // of the script; 0: at its end
  // What it is about: the packet's way, its protocol, its verdict and state on the kernel; at the
  // end the beginning of the line that differs.
  std::string subject;
  std::string kernel, engine;

  // What this one has in common with others of the same cause, more or less: one of them is enough
  // to look at.
  std::string kind() const;
};

// "filter/INPUT/3 filter/FORWARD/policy".
std::string text_of_rules(const std::vector<ExpectedOutcome::Rule>& rules);

// In the order of packets, for each in the order of aspects.
std::vector<Difference> compare_runs(const Script& script, const KernelRun& kernel,
                                     EngineRun& engine);

}  // namespace sallyport::testing
