// What would let a dropped packet in: each change is tried before it is offered.
//
// A change is made to the sources, everything up to the packet is judged anew, and
// only what then lets it in is said, with what else it would let in. What opens least
// comes first.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attach/judged.h"
#include "cli/inputs.h"
#include "cli/near_miss.h"

namespace sallyport {

struct Remedy {
  std::string change;  // "sysctl -w net.netfilter.nf_conntrack_udp_timeout=32"
  std::string also;    // what else it would let in
};

// Judges the packet anew with other sources; nothing where that cannot be done.
using Trial = std::function<std::optional<Outcome>(const Sources&)>;

// `table`: of the rule that dropped it.
std::vector<Remedy> find_remedies(const Judged& judged, const std::string& table,
                                  const Sources& sources, const std::vector<NearMiss>& misses,
                                  const Trial& trial);

}  // namespace sallyport
