// A script on the engine, its packets at the very ticks at which the kernel had them.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attach/observation.h"
#include "script_firewall.h"

namespace sallyport::testing {

struct EngineStep {
  Observation seen;
  // The rules that matched and the policies that decided (number 0), sorted, each as often as it
  // counted the packet: what the packet path itself leaves behind.
  std::vector<ExpectedOutcome::Rule> passed;
  Reason reason = Reason::kNone;   // why it is INVALID
  std::vector<uint8_t> bytes;      // as it goes on, where it is accepted: the whole datagram
  uint32_t largest_fragment = 0;   // in pieces of at most this; 0: it was no fragment
  InterfaceName port;              // by this one, where it is bridged
  std::vector<std::string> story;  // the packet's way, if it was asked for
};

struct EngineRun {
  std::vector<EngineStep> steps;
  ScriptFirewall firewall;  // as the last packet left it
};

enum class Telling { kNo, kYes };

// `ticks` are the packets', since the sets were loaded. One without a tick does not come.
std::expected<EngineRun, std::string> run_on_engine(const Script& script,
                                                    std::span<const std::optional<Tick>> ticks,
                                                    Telling telling = Telling::kNo);

constexpr Instant instant_of(Tick tick) {
  return ScriptFirewall::kStart + tick * Duration(std::chrono::seconds(1)) / kTicksPerSecond;
}

}  // namespace sallyport::testing
