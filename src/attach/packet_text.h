// A packet as text: "udp 10.0.0.7:53 > 192.168.1.2:40000 len 12". The language
// is described in docs/flow.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "attach/line_reader.h"
#include "packet/build.h"

namespace sallyport {

struct PacketText {
  PacketSpec spec;
  std::vector<uint8_t> bytes;  // from the IP header on
  std::optional<std::array<uint8_t, 6>> mac_source;
  uint32_t mark = 0;
};

// Whether `word` can begin a packet: the name or number of a protocol.
bool names_protocol(std::string_view word);

// The words of the language, for whoever must know them all.
std::vector<std::string_view> packet_protocols();
std::vector<std::string_view> packet_options();

// Reads one packet, up to `=>`, `)` or the line's end. Errors go to the reader.
PacketText read_packet(LineReader& reader);

}  // namespace sallyport
