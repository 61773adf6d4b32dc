#include "attach/judged.h"

#include "conntrack/trackers/tracker.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

bool has_ports(const Packet& packet) {
  switch (packet.protocol()) {
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kUdpLite:
    case protocol::kSctp:
    case protocol::kDccp:
      return !packet.fields[Field::kFragment] &&
             packet.presence(packet.transport, 4) == Presence::kPresent;
    default: return false;
  }
}

}  // namespace

void describe(const Record& record, const Packet& packet, const Way& way, Judged& judged) {
  judged.record = record;
  bool headless = packet.malformed == Reason::kNotIp || packet.malformed == Reason::kBadHeader ||
                  packet.malformed == Reason::kCutShort;
  if (headless) return;
  judged.family = packet.family;
  judged.source = packet.source();
  judged.destination = packet.destination();
  judged.protocol = packet.protocol();
  judged.has_ports = has_ports(packet);
  judged.source_port = static_cast<uint16_t>(packet.fields[Field::kSourcePort]);
  judged.destination_port = static_cast<uint16_t>(packet.fields[Field::kDestinationPort]);
  bool has_header = !packet.fields[Field::kFragment] && packet.header<TcpHeader>(packet.transport);
  if (packet.protocol() == protocol::kTcp && has_header) {
    judged.tcp_flags = static_cast<uint8_t>(packet.fields[Field::kTcpFlags]);
  }
  tuple_of(packet, judged.tuple);
  judged.length = packet.length;
  // Of a fragment the sum tells nothing: it is the datagram's.
  judged.bad_checksum = packet.checksum == ChecksumState::kBad && !packet.is_fragment;
  judged.from_host = way.path == Way::Path::kOutput || way.path == Way::Path::kLoopback;
}

}  // namespace sallyport
