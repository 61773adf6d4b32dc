// The words that reports are made of: verdicts, states, endpoints, rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attach/judged.h"
#include "program/program.h"

namespace sallyport {

std::string_view family_word(Family family);  // "ipv4", as conntrack -L -o extended has it
std::vector<std::string_view> status_words(uint32_t status);  // {"SEEN_REPLY", "ASSURED"}

std::string counted(uint64_t count, std::string_view noun);  // "1 packet", "2 packets"

// "192.168.1.2:40000", "[fe80::2]:1900"; without ports the address alone.
std::string endpoint(Family family, const Address& address, bool has_port, uint16_t port);
// "udp 192.168.1.7:1900 > 192.168.1.2:40000"
std::string flow_words(const Judged& judged);
std::string tcp_flag_words(uint32_t flags);  // "SYN,ACK", as --tcp-flags has them
// The same with TCP's flags, and ICMP's type, code and id.
std::string packet_words(const Judged& judged);
std::string verdict_words(Outcome::Fate fate);  // "NONE: no chain gave a verdict"

// Seconds with six digits, from `start`.
std::string seconds_since(Instant start, Instant time);

}  // namespace sallyport
