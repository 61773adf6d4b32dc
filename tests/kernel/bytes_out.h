// Bytes as they go on: a packet as it was delivered, or as it left POSTROUTING, and then the
// device.
//
// A whole datagram where fragments were put together: the kernel takes it apart again behind
// POSTROUTING, and the engine leaves that to whoever sends the packet on, whom it tells how large a
// piece may be. Neither side's rules change a byte. Routing
// does: a router writes the TTL, which the engine counts down in the packet's fields and leaves to
// whoever sends the packet on, and a sending host the identification that is 0 and the IPv4
// header's checksum.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "attach/script.h"
#include "packet/packet.h"

namespace sallyport::testing {

// Those of a packet that the engine has accepted.
std::vector<uint8_t> bytes_out(const ScriptPacket& text, const Packet& packet);
// The kernel's, without the identification that it has chosen.
void unchoose(const ScriptPacket& text, std::vector<uint8_t>& bytes);

// What left by a device as one packet again, and the size of its largest piece; empty if it is not
// one. A piece may be the whole: IPv6 has fragments that nothing else belongs to. Where the packet
// that is expected is a fragment itself, one stays as it is.
struct Sent {
  std::vector<uint8_t> bytes;
  size_t largest = 0;
};
Sent put_together(std::vector<std::vector<uint8_t>> packets, std::span<const uint8_t> expected);

// How two differ, in words: length, and some bytes from the first that differs. Equal: empty.
std::pair<std::string, std::string> words_of_difference(const std::vector<uint8_t>& a,
                                                        const std::vector<uint8_t>& b);

}  // namespace sallyport::testing
