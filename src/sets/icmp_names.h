// The names that elements use for ICMP types and codes.
//
// They are what ipset 7.17 printed for each of the 65536 pairs of type and code,
// in either family. In an element a pair is a port: type * 256 + code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"

namespace sallyport {

// "ping" and "8/0" are the same; the family tells ICMP from ICMPv6.
std::optional<uint16_t> icmp_port(Family family, std::string_view text);
std::string icmp_text(Family family, uint16_t port);

}  // namespace sallyport
