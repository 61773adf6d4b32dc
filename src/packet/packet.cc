#include "packet/packet.h"

#include <cstring>

namespace sallyport {

InterfaceName::InterfaceName(std::string_view name) {
  name.substr(0, bytes.size() - 1).copy(bytes.data(), bytes.size() - 1);
}

std::string_view InterfaceName::text() const {
  return {bytes.data(), strnlen(bytes.data(), bytes.size())};
}

std::string protocol_word(uint8_t protocol) {
  switch (protocol) {
    case protocol::kIcmp: return "icmp";
    case protocol::kIgmp: return "igmp";
    case protocol::kTcp: return "tcp";
    case protocol::kUdp: return "udp";
    case protocol::kDccp: return "dccp";
    case protocol::kGre: return "gre";
    case protocol::kEsp: return "esp";
    case protocol::kAh: return "ah";
    case protocol::kIcmpv6: return "icmpv6";
    case protocol::kSctp: return "sctp";
    case protocol::kUdpLite: return "udplite";
    default: return std::to_string(protocol);
  }
}

}  // namespace sallyport
