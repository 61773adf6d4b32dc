// What conntrack asks of a protocol.
//
// A tracker knows one protocol and no table: it reads the tuple of a packet,
// says whether the packet is sound, whether it may begin a flow, and how it
// moves a flow on. A packet that it calls invalid has not touched the timer.
#pragma once

#include <cstdint>

#include "conntrack/flow.h"
#include "conntrack/knobs.h"
#include "packet/packet.h"
#include "packet/parse.h"

namespace sallyport {

// What becomes of a flow by a packet. Its times are wide, so that it is too large for registers:
// put together for those from its members, it would be waited for.
struct Step {
  enum class Kind : uint8_t {
    kAccept,
    kInvalid,  // for `reason`
    kReset,    // the packet is of this flow, and its last: the flow is gone
    kReopen,   // the packet is of another flow with the same tuple: this one is gone
  } kind = Kind::kAccept;
  Reason reason = Reason::kNone;
  bool keep_timer = false;  // the timer goes on as it was, and nothing is counted
  bool assured = false;     // the flow is now worth keeping when the table is full
  uint64_t seconds = 0;     // the timer otherwise
  uint64_t at_most = ~0u;   // of an invalid packet: no more than this is left

  static Step invalid(Reason why) { return {.kind = Kind::kInvalid, .reason = why}; }
  static Step accept(uint32_t seconds) { return {.seconds = seconds}; }
};
static_assert(sizeof(Step) > 2 * sizeof(uint64_t));

struct Arrival {
  Packet& packet;
  Direction direction;
  Tick now;
  const Knobs& knobs;
};

// The tuple of a packet, or why it has none. A sound packet only.
Reason tuple_of(const Packet& packet, Tuple& tuple);
// The same of a protocol with ports: it always has one.
inline Tuple tuple_with_ports(const Packet& packet) {
  return {.source = packet.source(),
          .destination = packet.destination(),
          .source_port = static_cast<uint16_t>(packet.fields[Field::kSourcePort]),
          .destination_port = static_cast<uint16_t>(packet.fields[Field::kDestinationPort]),
          .family = packet.family,
          .protocol = packet.protocol()};
}
// Whether the transport header is whole and makes sense, and its checksum right where it is
// verified.
Reason check(Packet& packet, const Knobs& knobs);
// A packet of no flow: `flow` has its tuple and nothing else yet.
Step open(Flow& flow, const Arrival& arrival);
// A packet of `flow`; kSeenReply is not set yet by the first reply.
Step move(Flow& flow, const Arrival& arrival);

// The checksum, where Linux looks at it: on the way in, unless told not to (kernel-facts 5).
inline bool checksum_is_bad(Packet& packet, const Knobs& knobs) {
  return packet.in && knobs.checksum && verify_checksum(packet) == ChecksumState::kBad;
}

// One tracker a protocol, each in its own file; UDP's is in udp.h.
Reason check_udplite(Packet& packet, const Knobs& knobs);
Reason check_tcp(Packet& packet, const Knobs& knobs);
Step open_tcp(Flow& flow, const Arrival& arrival);
Step move_tcp(Flow& flow, const Arrival& arrival);
Reason check_icmp(Packet& packet, const Knobs& knobs);
Step open_icmp(const Tuple& tuple, const Knobs& knobs);
Reason check_sctp(Packet& packet, const Knobs& knobs);
Step open_sctp(Flow& flow, const Arrival& arrival);
Step move_sctp(Flow& flow, const Arrival& arrival);
// The call id of version 1 where a GRE header is at `at`; `key` stays for version 0, and where
// the packet ends before it.
Reason read_gre_key(const Packet& packet, uint32_t at, uint16_t& key);
Step move_gre(const Flow& flow, const Knobs& knobs);

// Whether a run of bytes of the transport header is there: kNone, `missing` where the
// packet ends before them, kNotInCapture where only the capture does.
inline Reason need(const Packet& packet, uint32_t size, Reason missing) {
  switch (packet.presence(packet.transport, size)) {
    case Presence::kPresent: return Reason::kNone;
    case Presence::kShort: return missing;
    case Presence::kNotCaptured: return Reason::kNotInCapture;
  }
  return Reason::kNone;
}

}  // namespace sallyport
