// Names of protocols and services.
//
// iptables asks /etc/protocols and /etc/services, and so does this, so that a name
// means here what it means to iptables on the same machine. The files are read once,
// up to a megabyte; without them the protocols that the engine tracks keep their names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

// A number (decimal, octal, hexadecimal), a name in any case, or "all".
std::optional<uint8_t> protocol_number(std::string_view text);
// The name that iptables-save prints; the number where it has none.
std::string protocol_name(uint8_t number);
// The port of a service; with an empty protocol, of any.
std::optional<uint16_t> service_port(std::string_view name, std::string_view protocol);

}  // namespace sallyport
