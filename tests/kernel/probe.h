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

#include <array>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attach/observation.h"
#include "kernel/sandbox.h"

struct nlmsghdr;

namespace sallyport::testing {

// What the kernel showed of a packet on its way.
struct Sighting {
  Observation seen;
  // The rules that matched and the policies that decided (number 0), in all tables, in order.
  std::vector<ExpectedOutcome::Rule> passed;
  // Conntrack's words where the packet is INVALID or ignored (nf_conntrack_log_invalid).
  std::string complaint;
  // As it was delivered, or as it left POSTROUTING, if it did either.
  std::vector<uint8_t> bytes;
  Departures sent;  // what then left by a device
  // The script has zones, so that which one is the packet's nobody knows who has not seen its flow.
  bool has_zones = false;
  // More than one flow may have this tuple: whether `seen.flow` is the packet's, nobody knows.
  bool flow_is_doubtful = false;
};

class Probe {
 public:
  // In the sandbox's namespace, before the script's rules are loaded. Where they do not ask for the
  // state, neither does the probe: one that did would turn tracking on.
  static std::expected<Probe, std::string> open(const Script& script);

  // What happened to the packet that was sent last: its fate, state and rules.
  Sighting take(const ScriptPacket& packet);

 private:
  // How many rules a chain has, by "table/chain".
  using ChainLengths = std::map<std::string, uint32_t, std::less<>>;
  static ChainLengths chain_lengths(const std::optional<Script::Block>& rules);
  static std::optional<ExpectedOutcome::Rule> parse_trace(std::string_view line,
                                                          const ChainLengths& lengths);
  struct Line {
    std::string prefix;
    std::vector<uint8_t> packet;  // where the probe asks for it
  };
  static int store_line(const nlmsghdr* message, void* lines);
  std::vector<Line> read_log();

  Fd socket_;
  std::array<ChainLengths, 2> lengths_;  // of IPv4's chains, of IPv6's
};

// Asks ctnetlink for single flows. One look at the table, so that it is over before the next
// tick: a listing takes longer.
class FlowFinder {
 public:
  FlowFinder();
  // The confirmed flows that have this tuple in one of their directions, in the order of `zones`.
  std::expected<std::vector<SeenFlow>, std::string> find(const Tuple& tuple,
                                                         std::span<const uint16_t> zones) const;

 private:
  Fd socket_;
};

}  // namespace sallyport::testing
