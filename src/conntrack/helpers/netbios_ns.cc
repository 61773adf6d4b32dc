// NetBIOS name service (RFC 1002): a host asks its subnet by broadcast, and any host of it answers.
//
// Seen on Linux 6.18: only a question that this host itself sends to the broadcast address of the
// interface that it leaves by; not to 255.255.255.255, nor to another interface's broadcast
// address. The payload is not looked at. For 3 s anybody of that address's subnet is expected, by
// any interface, from port 137, whatever port was asked; the question's flow lives for 3 s too. A
// repeated question begins the 3 s anew (docs/kernel-differences.md says what Linux makes of it).
#include "conntrack/helpers/helper.h"

namespace sallyport {
namespace {

constexpr uint16_t kPort = 137;

HelperAnswer read(const HelperPacket& packet, HelperMemory&) {
  bool own = !packet.packet.in && packet.packet.out;
  if (!own || !packet.host || packet.direction != Direction::kOriginal) return {};
  const Prefix* subnet = packet.host->broadcast_of(packet.tuple.destination, *packet.packet.out);
  if (!subnet) return {};
  HelperAnswer answer{.kind = HelperAnswer::Kind::kExpect};
  answer.expected.tuple = invert(packet.tuple);
  answer.expected.tuple.source_port = kPort;
  answer.expected.source_mask = mask_of(Family::kIpv4, subnet->length);
  answer.expected.source_port_mask = 0xffff;
  return answer;
}

}  // namespace

constinit const Helper kNetbiosNsHelper{.name = "netbios-ns",
                                        .protocol = protocol::kUdp,
                                        .seconds = 3,
                                        .permanent = true,
                                        .master_seconds = 3,
                                        .read = read};

}  // namespace sallyport
