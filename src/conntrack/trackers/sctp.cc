// SCTP: a flow between ports, its header and CRC-32c verified (RFC 9260).
//
// Chunks, verification tags and the states of an association are not looked at: whatever
// comes first begins a flow, and the timer is that of protocols without a tracker. Linux
// knows more (kernel-facts 38).
#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {

Reason check_sctp(Packet& packet, const Knobs& knobs) {
  if (Reason why = need(packet, sizeof(SctpHeader), Reason::kInvalidShort); why != Reason::kNone) {
    return why;
  }
  return checksum_is_bad(packet, knobs) ? Reason::kInvalidChecksum : Reason::kNone;
}

}  // namespace sallyport
