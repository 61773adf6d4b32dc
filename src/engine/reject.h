// What REJECT sends back: a TCP reset or an ICMP error, as bytes.
//
// Which packets get an answer, and each byte of it, was asked of Linux 6.18, packet by
// packet through TAPs (tests/flow/reject*.flow keep the answers): there is none to a
// fragment, to what was sent or addressed to many, to a reset, to an ICMP error, nor to a
// packet whose checksum is wrong, its protocol being known or not.
//
// What only the sending host can choose is left zero, as a raw socket fills it in (raw(7)):
// an IPv4 error's identification, and the source address where the interface that the
// packet came in by has none that we know. So is IPv6's flow label.
//
// Left out: what a router writes into the IP options that an error quotes.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "packet/host.h"
#include "packet/packet.h"
#include "program/context.h"

namespace sallyport {

// An ICMPv6 error is no longer than IPv6's least MTU (RFC 4443, 2.4 (c)), any other shorter.
constexpr size_t kLongestAnswer = 1280;
struct Answer {
  size_t length = 0;
  std::array<uint8_t, kLongestAnswer> bytes;  // from the IP header on

  std::span<const uint8_t> packet() const { return std::span(bytes).first(length); }
};

// `reject_with` is Context::reject_with, where a rule dropped `packet` with it. Null if there is an
// answer, else why not: "it is a fragment".
const char* why_unanswered(const Packet& packet, const char* reject_with, const Host& host);
bool is_reset(const char* reject_with);

// The answer to a packet that has one, from its IP header on, at the front of `room`: its
// length. `packet` is as it was in the hook: a router has decremented its TTL.
size_t build_answer(const Packet& packet, const char* reject_with, Hook hook, const Host& host,
                    std::span<uint8_t, kLongestAnswer> room);

}  // namespace sallyport
