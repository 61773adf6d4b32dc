// An element of a set: an address or network, a port, or both.
//
// A port belongs to its protocol (kernel-facts 49): "tcp:80" and "udp:80" are
// two. An ICMP type and code are a port of type * 256 + code; a protocol that
// has neither has the one port 0. What a set's type does not use is zero, so
// that comparing elements is comparing all of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/diagnostic.h"
#include "sets/set_type.h"

namespace sallyport {

struct Element {
  Address address;
  uint16_t port = 0;
  uint8_t protocol = 0;
  uint8_t length = 0;  // of the prefix: the family's bits for a single address

  friend bool operator==(const Element&, const Element&) = default;
};

// The elements that one text stands for: "10.0.0.0/30,tcp:80-83" is sixteen.
// first.address <= last.address, the same for ports; in a set of networks a range
// of addresses is cut into the fewest prefixes (`split`), otherwise the length is fixed.
struct ElementRange {
  Element first;
  Element last;
  bool split = false;
  uint32_t step = 1;  // between addresses: more than 1 with a netmask

  // Calls `visit(const Element&)` for each, until it returns false.
  template <typename Visit>
  void for_each(Visit visit) const;

 private:
  Element next_prefix(uint32_t address) const;
};

// Reads an element as `ipset add` takes it in a set of these options (not of
// list:set). The error's span is relative to the text: line 0, column from 0.
Result<ElementRange> parse_element(const SetOptions& options, std::string_view text);
// As `ipset save` prints it.
std::string element_text(const SetOptions& options, const Element& element);

// A port by number, service name or "PROTO:" and either; a range of them with '-'.
struct SetPorts {
  uint16_t first = 0;
  uint16_t last = 0;
  uint8_t protocol = 0;
};
Result<SetPorts> parse_ports(std::string_view text);

// A word of a text as an error quotes it: at most 64 bytes of it, all printable.
std::string shown(std::string_view word);

// A number as ipset reads one: decimal, 0x hexadecimal or 0 octal; at most `most`.
Result<uint64_t> parse_number(std::string_view text, uint64_t least, uint64_t most);

template <typename Visit>
void ElementRange::for_each(Visit visit) const {
  Element element = first;
  uint32_t end = last.address.words[0];
  while (true) {
    uint32_t start = element.address.words[0];
    if (split) element = next_prefix(start);
    for (uint32_t port = first.port; port <= last.port; port++) {
      element.port = static_cast<uint16_t>(port);
      if (!visit(static_cast<const Element&>(element))) return;
    }
    // IPv6 has no ranges: its first is its last, and the first words are equal.
    uint64_t width = split ? uint64_t{1} << (32 - element.length) : step;
    if (start + width > end) return;
    element.address.words[0] = static_cast<uint32_t>(start + width);
  }
}

}  // namespace sallyport
