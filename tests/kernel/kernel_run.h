// A script on the kernel, from its first packet to what is left at its end.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "kernel/probe.h"

namespace sallyport::testing {

// Why this machine cannot tell what the kernel does; empty if it can.
std::string what_is_missing();

enum class Pace {
  kTicks,  // every packet in the very tick that the script says: a recording
  kFree,   // only gaps of kRealGap and more are waited for, and the ticks are measured: traffic
};
constexpr Duration kRealGap = std::chrono::milliseconds(10);

struct KernelStep {
  Sighting sighting;
  // Since the script's sets were loaded. Nothing: the kernel sends no such packet.
  std::optional<Tick> tick;
};

// What programs print at the end.
struct Ending {
  Tick begin = 0, end = 0;          // they ran between these ticks
  std::string flows;                // conntrack -L -o extended, both families
  std::string expectations;         // conntrack -L expect, IPv4's, then IPv6's
  std::string sets;                 // ipset save
  std::string counters, counters6;  // iptables-save -c, ip6tables-save -c
};

struct KernelRun {
  std::vector<KernelStep> steps;
  Ending ending;
  // A tick passed where none should: times may be wrong by one.
  bool late = false;
};

std::expected<KernelRun, std::string> run_on_kernel(const Script& script, Pace pace);

}  // namespace sallyport::testing
