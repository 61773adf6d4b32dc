// What was seen of a script's packet, on the kernel or on the engine, and how it
// compares with what the script says. Both judges meet here, so that "equal"
// means the same for both.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attach/script.h"
#include "conntrack/tuple.h"

namespace sallyport::testing {

// A flow as a listing shows it.
struct SeenFlow {
  uint32_t status = 0;
  uint32_t timeout = 0;  // seconds left, rounded down
  std::optional<TcpState> tcp;
};

// The tuple under which this packet's flow is found, in either direction; of an ICMP error, the
// one of the packet that it quotes. Read from the bytes as a user would, not by the tracker.
Tuple tuple_of(const PacketText& packet);
// Whether flows of this protocol have ports (GRE: call ids).
bool has_ports(uint8_t protocol);

struct Observation {
  Expectation::Fate fate = Expectation::Fate::kNone;
  // Another fate that the observer cannot tell from it: a fragment that came no further may be
  // held or thrown away, a packet lost between two hooks may have been dropped.
  std::optional<Expectation::Fate> perhaps;
  CtInfo state = CtInfo::kNone;
  std::optional<Direction> direction;
  std::optional<SeenFlow> flow;
  // The clock moved while the flow was looked at: its timeout may be a second less than it was.
  bool timeout_may_be_less = false;
  std::optional<Expectation::Rule> rule;
  std::optional<Reason> reason;  // the kernel has none
};

// Empty if all that the expectation asks was seen, else what differs.
std::string compare(const Expectation& expected, const Observation& seen);

// The expectation that a recording writes: of the kinds that `previous` asks, or, without one,
// everything but the rule of an accepted packet.
Expectation record(const std::optional<Expectation>& previous, const Observation& seen);

// The text of a script with the expectations of its packets replaced, in columns.
std::string rewrite(std::string_view text, const Script& script,
                    std::span<const Expectation> expectations);

}  // namespace sallyport::testing
