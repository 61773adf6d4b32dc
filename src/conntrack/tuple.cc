#include "conntrack/tuple.h"

#include <fmt/format.h>

#include "packet/headers.h"
#include "packet/packet.h"

namespace sallyport {
namespace {

// The ICMP type that answers, or is answered by, `type`; itself where there is none.
// RFC 792, RFC 950 (address mask), RFC 4443, RFC 4620 (node information).
constexpr uint8_t opposite_icmp(uint8_t type) {
  switch (type) {
    case icmp::kEcho: return icmp::kEchoReply;
    case icmp::kEchoReply: return icmp::kEcho;
    case icmp::kTimestamp: return icmp::kTimestampReply;
    case icmp::kTimestampReply: return icmp::kTimestamp;
    case icmp::kInformation: return icmp::kInformationReply;
    case icmp::kInformationReply: return icmp::kInformation;
    case icmp::kAddressMask: return icmp::kAddressMaskReply;
    case icmp::kAddressMaskReply: return icmp::kAddressMask;
    default: return type;
  }
}

constexpr uint8_t opposite_icmpv6(uint8_t type) {
  switch (type) {
    case icmpv6::kEcho: return icmpv6::kEchoReply;
    case icmpv6::kEchoReply: return icmpv6::kEcho;
    case icmpv6::kNodeInformation: return icmpv6::kNodeInformationReply;
    case icmpv6::kNodeInformationReply: return icmpv6::kNodeInformation;
    default: return type;
  }
}

std::string endpoint_text(Family family, const Address& address, uint16_t port) {
  const char* form = family == Family::kIpv6 ? "[{}]:{}" : "{}:{}";
  return fmt::format(fmt::runtime(form), address.text(family), port);
}

}  // namespace

Tuple invert(const Tuple& tuple) {
  Tuple other = tuple;
  other.source = tuple.destination;
  other.destination = tuple.source;
  if (tuple.protocol == protocol::kIcmp || tuple.protocol == protocol::kIcmpv6) {
    auto type = static_cast<uint8_t>(tuple.destination_port >> 8);
    type = tuple.protocol == protocol::kIcmp ? opposite_icmp(type) : opposite_icmpv6(type);
    other.destination_port = static_cast<uint16_t>(type << 8 | (tuple.destination_port & 0xff));
  } else {
    other.source_port = tuple.destination_port;
    other.destination_port = tuple.source_port;
  }
  return other;
}

std::string Tuple::text() const {
  std::string head = protocol_word(protocol) + " ";
  switch (protocol) {
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      return fmt::format("{}{} > {} type {} code {} id {}", head, source.text(family),
                         destination.text(family), destination_port >> 8, destination_port & 0xff,
                         source_port);
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kUdpLite:
    case protocol::kSctp:
    case protocol::kDccp:
      return head + endpoint_text(family, source, source_port) + " > " +
             endpoint_text(family, destination, destination_port);
    default:
      head += source.text(family) + " > " + destination.text(family);
      return source_port || destination_port ? fmt::format("{} call-id {}", head, destination_port)
                                             : head;
  }
}

}  // namespace sallyport
