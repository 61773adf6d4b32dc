// A record of a capture and what became of it: what every report is made from.
#pragma once

#include <cstdint>
#include <optional>

#include "attach/capture.h"
#include "base/address.h"
#include "engine/outcome.h"
#include "engine/way.h"

namespace sallyport {

struct Judged {
  Record record;  // its frame is good as long as the capture
  // What the packet says of itself. No family: the frame holds no IP packet.
  std::optional<Family> family;
  Address source;
  Address destination;
  uint8_t protocol = 0;
  bool has_ports = false;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  std::optional<uint8_t> tcp_flags;
  Tuple tuple;                // what conntrack would look for; ICMP: its id, type and code
  uint32_t length = 0;        // of the IP packet
  bool bad_checksum = false;  // looked at, and wrong
  bool from_host = false;
  Outcome outcome;
  std::optional<uint64_t> completed_by;  // a held fragment: the record that made it whole
};

// Fills in all but the outcome of a Judged that is new. The packet has been parsed, or is known not
// to be IP.
void describe(const Record& record, const Packet& packet, const Way& way, Judged& judged);

}  // namespace sallyport
