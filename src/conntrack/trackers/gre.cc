// GRE: a tunnel of either version, without a helper.
//
// Version 0 (RFC 2784): one flow for a pair of addresses; the key (RFC 2890) tells
// nothing. Version 1 (PPTP, RFC 2637): the call id is the destination's, and the other
// direction has another one that only the control connection knows; so without the pptp
// helper the two directions are two flows (kernel-facts 35).
#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

constexpr int kVersionMask = 7;
constexpr uint16_t kPppProtocol = 0x880b;  // RFC 2637, 4.1
constexpr uint16_t kKeyPresent = 0x2000;

}  // namespace

Reason check_gre(const Packet& packet) {
  // Linux tracks a header cut short as version 0 (tests/flow/gre.flow).
  bool unknown = packet.presence(packet.transport, sizeof(GreHeader)) == Presence::kNotCaptured;
  return unknown ? Reason::kNotInCapture : Reason::kNone;
}

Reason tuple_of_gre(const Packet& packet, Tuple& tuple) {
  const auto* gre = packet.header<GreHeader>(packet.transport);
  if (!gre || (gre->flags_version & kVersionMask) != 1) return Reason::kNone;
  Presence presence = packet.presence(packet.transport, sizeof(GreV1Header));
  if (presence == Presence::kShort) return Reason::kNone;
  const auto* pptp = packet.header<GreV1Header>(packet.transport);
  if (!pptp) return Reason::kNotInCapture;
  if (pptp->protocol != kPppProtocol || !(pptp->flags_version & kKeyPresent)) {
    return Reason::kInvalidGre;
  }
  tuple.destination_port = pptp->call_id;
  return Reason::kNone;
}

Step move_gre(const Flow& flow, const Knobs& knobs) {
  if (!(flow.status & ct_status::kSeenReply)) return Step::accept(knobs.gre_timeout);
  return {.assured = true, .seconds = knobs.gre_timeout_stream};
}

}  // namespace sallyport
