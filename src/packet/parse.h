// Parsing: from bytes to fields, once per packet.
#pragma once

#include <bit>
#include <cstdint>

#include "base/byte_order.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/packet.h"

namespace sallyport {

// Reads the IP and transport headers of `packet` (data, captured and
// wire_length set) and fills everything that packet.h lists under parse().
// A packet that Linux drops before any chain comes back with `malformed` set:
// wrong version, header length, IPv4 header checksum, or a total length beyond
// the data (kernel-facts 7); in IPv6 a source or group that cannot be one, or hop-by-hop options
// that are broken, or not for everybody to ignore (all that a bridge asks of them is that they fit
// into their header, and that a jumbogram is one). The fields are filled all the same as far as
// they can be: with kBadHeaderChecksum all are, so that whoever trusts a capture taken with offload
// may go on. A short transport header is not malformed: fields that could not be read are 0, and
// presence() tells why. An IPv6 extension header of which not even the front is there is the
// protocol itself (kProtocol 0, 43, 44, 51 or 60), at `transport`.
void parse(Packet& packet);
// Instead, for what is no IP packet at all: as if nothing of it could be read, `why`.
void leave_unparsed(Packet& packet, Reason why);

// IPv6 that belongs on `lo` alone: ::1 at either end, or an interface-local group
// (ff01::/16). Coming in on another interface, Linux drops it before any chain. (IPv4's
// 127.0.0.0/8 does reach PREROUTING.)
bool is_only_for_loopback(const Packet& packet);

// Whether the transport checksum is right, looked at once and remembered in
// packet.checksum: TCP, UDP (0 means absent, in IPv6 too), UDP-Lite
// (always bad: see parse.cc), ICMP, ICMPv6, SCTP (CRC-32c). Not verifiable (bytes missing from the
// capture, a fragment, a total length of 0) counts as good; so does a length field that lies, and
// any other protocol.
ChecksumState compute_checksum(const Packet& packet);

// The pseudo-header of a transport of `length` bytes: both addresses, the length, the protocol
// (RFC 9293, 3.1; RFC 8200, 8.1).
Sum pseudo_header(const Packet& packet, uint32_t length);
// ... its end, without the addresses.
inline Sum sum_length(uint32_t length, uint8_t protocol) {
  return Sum{std::bit_cast<uint32_t>(be32(length))} + std::bit_cast<uint32_t>(be32(protocol));
}

// Zeroes alone (an ICMP message: all others sum addresses, too) add up, to Linux.
constexpr ChecksumState sums_to_zero(Sum sum) {
  return sum == 0 || is_all_ones(sum) ? ChecksumState::kGood : ChecksumState::kBad;
}

// compute_checksum() of a plain packet: its addresses lie right before the segment, so all is one
// run of bytes. The protocol is in the sum, which is not 0 therefore.
template <Family kFamily>
[[gnu::always_inline]] inline ChecksumState sum_plain(const Packet& packet) {
  constexpr uint32_t kAddresses = kFamily == Family::kIpv4 ? 8 : 32;
  const uint32_t length = packet.length - packet.transport;
  const uint8_t* segment = packet.data + packet.transport;
  if (packet.protocol() == protocol::kUdp &&
      reinterpret_cast<const UdpHeader*>(segment)->checksum == 0) [[unlikely]] {
    return ChecksumState::kGood;
  }
  const Sum sum = sum_of_8_or_more(segment - kAddresses, length + kAddresses) +
                  sum_length(length, packet.protocol());
  return is_multiple_of_all_ones(sum) ? ChecksumState::kGood : ChecksumState::kBad;
}

inline ChecksumState verify_checksum(Packet& packet) {
  if (packet.checksum == ChecksumState::kUnknown) {
    packet.checksum = !packet.plain                    ? compute_checksum(packet)
                      : packet.family == Family::kIpv4 ? sum_plain<Family::kIpv4>(packet)
                                                       : sum_plain<Family::kIpv6>(packet);
  }
  return packet.checksum;
}

}  // namespace sallyport
