// Which tracker a protocol has, and what all of them share.
#include "conntrack/trackers/tracker.h"

#include "conntrack/trackers/udp.h"
#include "packet/headers.h"

namespace sallyport {

Reason tuple_of(const Packet& packet, Tuple& tuple) {
  tuple = tuple_with_ports(packet);
  if (FlowKey::has_ports(tuple.protocol)) return Reason::kNone;
  tuple.source_port = tuple.destination_port = 0;
  switch (tuple.protocol) {
    case protocol::kIcmp:
    case protocol::kIcmpv6: {
      const auto* icmp = packet.header<IcmpHeader>(packet.transport);
      if (!icmp) return Reason::kNotInCapture;
      tuple.source_port = icmp->id;
      tuple.destination_port = static_cast<uint16_t>(icmp->type << 8 | icmp->code);
      return Reason::kNone;
    }
    case protocol::kGre: return read_gre_key(packet, packet.transport, tuple.destination_port);
    default: return Reason::kNone;
  }
}

namespace {

// Where walking IPv6's extension headers ended. At one of them it ends only if not even its
// front is there (kernel-facts 37).
Reason check_next_header(const Packet& packet) {
  switch (packet.protocol()) {
    case protocol::kNoNextHeader: return Reason::kInvalidNoNextHeader;
    case protocol::kHopByHop:
    case protocol::kIpv6Routing:
    case protocol::kAh:
    case protocol::kIpv6Destination:
      return need(packet, sizeof(Ipv6Extension), Reason::kInvalidShort);
    case protocol::kIpv6Fragment:
      return need(packet, sizeof(Ipv6FragmentHeader), Reason::kInvalidShort);
    default: return Reason::kNone;
  }
}

}  // namespace

Reason check(Packet& packet, const Knobs& knobs) {
  switch (packet.protocol()) {
    case protocol::kUdp: return check_udp(packet, knobs);
    case protocol::kUdpLite: return check_udplite(packet, knobs);
    case protocol::kTcp: return check_tcp(packet, knobs);
    case protocol::kIcmp:
    case protocol::kIcmpv6: return check_icmp(packet, knobs);
    case protocol::kSctp: return check_sctp(packet, knobs);
    default: return packet.family == Family::kIpv6 ? check_next_header(packet) : Reason::kNone;
  }
}

Step open(Flow& flow, const Arrival& arrival) {
  const Knobs& knobs = arrival.knobs;
  switch (flow.protocol()) {
    case protocol::kUdp:
    case protocol::kUdpLite: return open_udp(knobs);
    case protocol::kTcp: return open_tcp(flow, arrival);
    case protocol::kIcmp:
    case protocol::kIcmpv6: return open_icmp(flow.tuple(), knobs);
    case protocol::kSctp: return open_sctp(flow, arrival);
    case protocol::kGre: return Step::accept(knobs.gre_timeout);
    default: return Step::accept(knobs.generic_timeout);
  }
}

Step move(Flow& flow, const Arrival& arrival) {
  const Knobs& knobs = arrival.knobs;
  switch (flow.protocol()) {
    case protocol::kUdp:
    case protocol::kUdpLite: return move_udp(flow, arrival.now, arrival.knobs);
    case protocol::kTcp: return move_tcp(flow, arrival);
    case protocol::kIcmp: return Step::accept(knobs.icmp_timeout);
    case protocol::kIcmpv6: return Step::accept(knobs.icmpv6_timeout);
    case protocol::kSctp: return move_sctp(flow, arrival);
    case protocol::kGre: return move_gre(flow, knobs);
    default: return Step::accept(knobs.generic_timeout);
  }
}

}  // namespace sallyport
