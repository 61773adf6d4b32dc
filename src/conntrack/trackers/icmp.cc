// ICMP and ICMPv6 queries: the id is the port, and only a query begins a flow.
//
// The flow outlives its answer, so that duplicates are ESTABLISHED too; sequence
// numbers mean nothing here (kernel-facts 30, 31, 34). Linux knows the types up to 18. Errors are
// icmp_error.cc's.
#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {

Reason check_icmp(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(IcmpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  return checksum_is_bad(packet, knobs) ? Reason::kInvalidChecksum : Reason::kNone;
}

Step open_icmp(const Tuple& tuple, const Knobs& knobs) {
  int type = tuple.destination_port >> 8;
  if (tuple.protocol == protocol::kIcmp) {
    bool unknown = type > icmp::kAddressMaskReply;
    switch (type) {
      case icmp::kEcho:
      case icmp::kTimestamp:
      case icmp::kInformation:
      case icmp::kAddressMask: return Step::accept(knobs.icmp_timeout);
      default: return Step::invalid(unknown ? Reason::kInvalidIcmpType : Reason::kInvalidIcmpNew);
    }
  }
  switch (type) {
    case icmpv6::kEcho:
    case icmpv6::kNodeInformation: return Step::accept(knobs.icmpv6_timeout);
    default: return Step::invalid(Reason::kInvalidIcmpNew);
  }
}

}  // namespace sallyport
