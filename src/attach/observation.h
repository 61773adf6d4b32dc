// What was seen of a script's packet, by whoever watched (the engine's observer, the
// kernel's), and how it compares with what the script says. All judges meet here, so
// that "as expected" means the same for all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attach/script.h"
#include "conntrack/tuple.h"

namespace sallyport {

// A flow as a listing shows it.
struct SeenFlow {
  uint32_t status = 0;
  uint32_t timeout = 0;  // seconds left, rounded down
  std::optional<TcpState> tcp;
  std::optional<SctpState> sctp;
};

// The tuple under which this packet's flow is found, in either direction; of an ICMP error, the
// one of the packet that it quotes. Read from the bytes as a user would, not by the tracker.
Tuple tuple_of(const PacketText& packet);
// Whether flows of this protocol have ports (GRE: call ids).
bool flows_have_ports(uint8_t protocol);

struct Observation {
  Outcome::Fate fate = Outcome::Fate::kNone;
  // Another fate that the observer cannot tell from it: a fragment that came no further may be
  // held or thrown away, a packet lost between two hooks may have been dropped.
  std::optional<Outcome::Fate> perhaps;
  CtInfo state = CtInfo::kNone;
  std::optional<Direction> direction;
  std::optional<SeenFlow> flow;
  // For so many seconds, rounded up, the clock went on before the flow was looked at: its timeout
  // may be that much less than it was, and it may be gone.
  uint32_t seconds_late = 0;
  std::optional<ExpectedOutcome::Rule> rule;
  std::optional<Reason> reason;  // the kernel has none
  // What REJECT sent back, from its IP header on, with zeroes where the sending host chooses:
  // IPv4's identification and IPv6's flow label. Empty: nothing. Unset: nobody looked.
  std::optional<std::vector<uint8_t>> answer;
};

// Empty if all that the expectation asks was seen, else what was seen where it differs.
std::string compare(const ExpectedOutcome& expected, const Observation& seen);

}  // namespace sallyport
