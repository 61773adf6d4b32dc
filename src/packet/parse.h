// Parsing: from bytes to fields, once per packet.
#pragma once

#include <cstdint>

#include "packet/packet.h"

namespace sallyport {

// Reads the IP and transport headers of `packet` (data, captured and
// wire_length set) and fills everything that packet.h lists under parse().
// A packet that Linux drops before any chain comes back with `malformed` set:
// wrong version, header length, IPv4 header checksum, or a total length beyond
// the data (kernel-facts 7). A short transport header is not malformed: fields
// that could not be read are 0, and presence() tells why.
void parse(Packet& packet);

// Whether the transport checksum is right, looked at once and remembered in
// packet.checksum: TCP, UDP (0 means absent, in IPv6 too), UDP-Lite, ICMP,
// ICMPv6, SCTP (CRC-32c), DCCP. Not verifiable (bytes missing from the capture, a fragment) counts
// as good; so does any other protocol.
ChecksumState verify_checksum(Packet& packet);

}  // namespace sallyport
