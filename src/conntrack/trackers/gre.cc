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

}  // namespace

// A header cut short is taken for version 0, and of version 1 only the protocol must be right: its
// flags may say that there is no key. Linux does the same (tests/flow/gre.flow).
Reason read_gre_key(const Packet& packet, uint32_t at, uint16_t& key) {
  if (packet.presence(at, sizeof(GreHeader)) == Presence::kNotCaptured) {
    return Reason::kNotInCapture;
  }
  const auto* gre = packet.header<GreHeader>(at);
  if (!gre || (gre->flags_version & kVersionMask) != 1) return Reason::kNone;
  Presence presence = packet.presence(at, sizeof(GreV1Header));
  if (presence == Presence::kShort) return Reason::kNone;
  if (gre->protocol != kPppProtocol) return Reason::kInvalidGre;
  if (presence == Presence::kNotCaptured) return Reason::kNotInCapture;
  key = packet.header<GreV1Header>(at)->call_id;
  return Reason::kNone;
}

Step move_gre(const Flow& flow, const Knobs& knobs) {
  if (!(flow.status & ct_status::kSeenReply)) return Step::accept(knobs.gre_timeout);
  return {.assured = true, .seconds = knobs.gre_timeout_stream};
}

}  // namespace sallyport
