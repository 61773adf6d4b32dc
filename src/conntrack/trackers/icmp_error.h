// ICMP errors: related to the flow of the packet that they quote.
#pragma once

#include "conntrack/flow.h"
#include "conntrack/knobs.h"
#include "packet/packet.h"

namespace sallyport {

// Whether an ICMP or ICMPv6 type is an error, redirects included.
bool is_icmp_error(Family family, uint32_t type);

// The tuple that an answer to the quoted packet would have: that is what to look for, as
// the error travels the answer's way. Or why there is none.
Reason quoted_answer(Packet& packet, const Knobs& knobs, Tuple& answer);

}  // namespace sallyport
