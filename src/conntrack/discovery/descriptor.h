// Descriptors: a discovery protocol as a few lines of data.
//
// docs/discovery.md describes the language; share/discovery/ holds ours, one file
// a protocol, built into the library. A user's own is a ten-line file.
//
// A descriptor says who is asked what (the question), from where and for how long
// the answer may come, and which announcements come unasked. It never says who may
// answer: that is the same for all of them (on-link, to the asking socket), so that
// no file can open more than its own protocol's window on the local link.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/diagnostic.h"
#include "conntrack/discovery/payload.h"

namespace sallyport {

struct AnswerPorts {
  uint16_t low = 0;
  uint16_t high = 0xffff;
  bool contains(uint16_t port) const { return port >= low && port <= high; }
};

struct Descriptor {
  // Where a question goes: a group, or the broadcast addresses, at these ports.
  struct Target {
    Family family = Family::kIpv4;
    Address group;           // zero: 255.255.255.255 and the interface's own broadcast address
    bool any_scope = false;  // "ff0x::c": the group in whatever scope (RFC 4291, 2.7)
    std::vector<AnswerPorts> ports;

    bool is_broadcast() const { return group.is_zero(); }
    bool is_group(Family of, const Address& address) const;
    bool has_port(uint16_t port) const;
  };

  std::string name;       // "ssdp"
  std::string reference;  // the specification's clause that the numbers come from

  struct Question {
    std::vector<Target> targets;
    std::vector<AnswerPorts> from_ports;  // empty: from any
    bool from_other_port = false;         // from any but the port that it is sent to
    std::vector<PayloadTest> tests;
  } question;

  struct Answer {
    enum class From : uint8_t { kAskedPort, kAnyPort, kPorts } from = From::kAskedPort;
    std::vector<AnswerPorts> from_ports;
    uint16_t to_port = 0;  // 0: the asking port; else a fixed one (Govee 4002)

    // How long: `milliseconds`; with a header, its value in seconds, between `least` and
    // `most`, and `milliseconds` more. Without the header it is no question.
    uint32_t milliseconds = 5000;
    std::string header;  // "MX"
    uint32_t least = 0, most = 0;

    uint32_t longest() const { return most * 1000 + milliseconds; }
  } answer;

  // From on-link to one of the targets' groups, if the host has joined it. No `ports`: none.
  struct Announcement {
    std::vector<AnswerPorts> ports;
    std::vector<AnswerPorts> from_ports;  // empty: from any
    std::vector<PayloadTest> tests;
  } announcement;
};

// Whether one of `ranges` contains `port`.
bool contains(std::span<const AnswerPorts> ranges, uint16_t port);

// Parses a text of one or more descriptors, and only if all are right adds them to
// `out`; one with the name of a descriptor that is there already takes its place.
void parse_descriptors(std::string_view text, std::vector<Descriptor>& out,
                       Diagnostics& diagnostics);

// The descriptors of share/discovery/, built into the library.
const std::vector<Descriptor>& builtin_descriptors();

// ... and their texts, by file name.
struct DescriptorText {
  std::string_view file;
  std::string_view text;
};
std::span<const DescriptorText> builtin_descriptor_texts();

}  // namespace sallyport
