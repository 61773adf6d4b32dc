// What the NAT targets share: ranges of addresses and ports, and what happens on reaching one.
//
// This version does not rewrite packets. A target that would says so in the context, and
// ends the table as it does in Linux.
#pragma once

#include <optional>

#include "extensions/extension.h"

namespace sallyport {

// PORT[-PORT]
struct NatPorts {
  uint16_t low = 0;
  uint16_t high = 0;
};
std::string read(Text text, const Scope& scope, NatPorts& out);
void write(const NatPorts& ports, const Scope& scope, std::string& out);

// [ADDRESS[-ADDRESS]][:PORT[-PORT][/BASE]]; with ports, IPv6 addresses are in brackets.
struct NatRange {
  std::optional<AddressRange> addresses;
  std::optional<NatPorts> ports;
  std::optional<uint16_t> base;  // DNAT: the range is counted from this port
};
std::string read(Text text, const Scope& scope, NatRange& out);
void write(const NatRange& range, const Scope& scope, std::string& out);

// Empty, or that ports need a protocol that has them.
std::string ports_need_protocol(bool ports, const Placement& place);

inline Verdict nat_reached(Context& context) {
  context.nat_reached = true;
  return Verdict::kAccept;
}

constexpr uint8_t kNatTable = table_bit(TableId::kNat);

}  // namespace sallyport
