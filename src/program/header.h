// The transport header as a rule may look at it.
#pragma once

#include "packet/headers.h"
#include "program/context.h"

namespace sallyport {

// kYes: its first `bytes` are there. kHotdrop: the packet ends before (kernel-facts 8), or is a
// fragment that begins inside of a TCP header, at byte 8, which only an attacker makes (RFC 1858);
// in IPv6 Linux does not mind.
// kNo: they belong to another fragment, or the capture lacks them.
inline MatchResult look_at_header(Context& context, uint32_t bytes) {
  const Packet& packet = context.packet;
  if (packet.fragment_offset > 0) {
    bool inside =
        packet.family == Family::kIpv4 && packet.fragment_offset == 8 && bytes >= sizeof(TcpHeader);
    return inside ? MatchResult::kHotdrop : MatchResult::kNo;
  }
  switch (packet.presence(packet.transport, bytes)) {
    case Presence::kPresent: return MatchResult::kYes;
    case Presence::kShort: return MatchResult::kHotdrop;
    case Presence::kNotCaptured: context.not_captured = true; return MatchResult::kNo;
  }
  return MatchResult::kNo;
}

}  // namespace sallyport
