// The transport header as a match may look at it.
#pragma once

#include "extensions/extension.h"
#include "packet/headers.h"

namespace sallyport {

// kYes: its first `bytes` are there. kHotdrop: the packet ends before (kernel-facts 8), or is a
// fragment that begins inside of a TCP header, at byte 8, which only an attacker makes (RFC 1858).
// kNo: they belong to another fragment, or the capture lacks them.
inline MatchResult look_at_header(Context& context, uint32_t bytes) {
  if (context.packet.fragment_offset > 0) {
    bool inside = context.packet.fragment_offset == 8 && bytes >= sizeof(TcpHeader);
    return inside ? MatchResult::kHotdrop : MatchResult::kNo;
  }
  switch (context.packet.presence(context.packet.transport, bytes)) {
    case Presence::kPresent: return MatchResult::kYes;
    case Presence::kShort: return MatchResult::kHotdrop;
    case Presence::kNotCaptured: context.not_captured = true; return MatchResult::kNo;
  }
  return MatchResult::kNo;
}

inline bool holds(const Arg<PortRange>& ports, uint32_t port) {
  return (port >= ports.value.low && port <= ports.value.high) != ports.negated;
}

// A range of all ports is no condition, and iptables-save prints none. With a ! it can never hold,
// which iptables takes silently and forgets when saving: refused here.
inline std::string drop_full_range(Arg<PortRange>& ports, std::string_view option) {
  if (!ports.given || !ports.value.all()) return {};
  if (ports.negated) return "! " + std::string(option) + " 0:65535 can never match";
  ports.given = false;
  return {};
}

template <typename T>
void compile_ports(Emitter& emitter, const T& self, const Arg<PortRange>& ports,
                   std::string_view option, Field field) {
  if (!ports.given) return;
  describe(emitter, self, option);
  emitter.test_range(field, ports.value.low, ports.value.high, ports.negated);
}

}  // namespace sallyport
