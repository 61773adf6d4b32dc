// Descriptors: a discovery protocol as a few lines of data.
//
// docs/discovery.md describes the language; share/discovery/ holds ours, one file
// a protocol. A user's own is a ten-line file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/diagnostic.h"

namespace sallyport {

struct Descriptor {
  struct PortRange {
    uint16_t low = 0;
    uint16_t high = 0xffff;
    bool contains(uint16_t port) const { return port >= low && port <= high; }
  };
  struct Group {
    Family family = Family::kIpv4;
    Address address;
  };

  std::string name;       // "ssdp"
  std::string reference;  // the specification's clause that the numbers come from

  // The question: UDP to one of these.
  std::vector<Group> groups;
  bool broadcast = false;         // 255.255.255.255 and the interface's own broadcast address
  std::vector<uint16_t> ports;
  std::string starts_with;        // the payload's first bytes; empty: anything
  uint16_t mask_offset = 0;       // payload byte (offset) & mask == value; mask 0: not asked
  uint8_t mask = 0, mask_value = 0;
  bool from_other_port = false;   // only a question from another port than it is sent to
                                  // (mDNS legacy); else from any

  // The answer.
  enum class From : uint8_t { kAskedPort, kAnyPort, kPorts } from = From::kAskedPort;
  std::vector<PortRange> from_ports;
  uint16_t to_port = 0;           // 0: the asking port; else a fixed one (Govee 4002)

  // The window, in milliseconds: `window`, or the value in seconds of the header
  // line `window_header` in the question, between window_least and window_most
  // seconds, plus window_plus milliseconds.
  uint32_t window = 5000;
  std::string window_header;      // "MX"
  uint32_t window_least = 1, window_most = 5, window_plus = 0;
  bool window_header_needed = false;  // without the header it is no question

  // Announcements: from on-link to one of the groups, at this port, if joined.
  std::vector<uint16_t> announce_ports;
  std::vector<std::string> announce_starts_with;  // any of these; empty: anything
};

// Parses a text of one or more descriptors; adds to `out` only if all are right.
void parse_descriptors(std::string_view text, std::vector<Descriptor>& out,
                       Diagnostics& diagnostics);

// The descriptors of share/discovery/, built into the library.
const std::vector<Descriptor>& builtin_descriptors();

}  // namespace sallyport
