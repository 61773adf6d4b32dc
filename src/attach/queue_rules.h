// The kernel's rules that send packets to our queues: few, in a table or in chains of our own.
//
// With nft: a table `inet sallyport` with three chains at the security table's priority, behind
// every filter. Where the kernel has no queue for nft: chains SALLYPORT-… in iptables' security
// table, which hardly anybody uses, at the same place. No other rule is touched.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "base/address.h"

namespace sallyport {

struct QueueRules {
  // Queues, from this number on. What is judged by its headers, spread over some by its addresses
  // (both directions of a flow come by one); what has to be read whole (questions and announcements
  // of discovery, to groups and broadcasts); what passes when we are not there.
  uint16_t first_queue = 7200;
  uint16_t balance = 1;
  uint16_t heads() const { return first_queue; }  // the first of them
  uint16_t whole() const { return static_cast<uint16_t>(first_queue + balance); }
  uint16_t exempt() const { return static_cast<uint16_t>(first_queue + balance + 1); }
  bool has(uint32_t queue) const { return queue >= first_queue && queue <= exempt(); }

  // What happens to packets while nobody listens: dropped, but for loopback and the
  // administrators; or accepted.
  enum class Failing : uint8_t { kClosed, kOpen } failing = Failing::kClosed;
  std::vector<Prefix> administrators;
  uint32_t answer_mark = 0x5a11;  // of the packets that we send ourselves: not queued
};

enum class Tool : uint8_t { kNft, kIptables };

// The input of `nft -f -`, or of `iptables-restore -n` for one family.
std::string nft_text(const QueueRules& rules);
std::string iptables_text(const QueueRules& rules, Family family);

// nft, where it and the kernel know queues; else iptables, if that is there. The error says what
// is missing.
std::expected<Tool, std::string> find_tool();

// Puts the rules in, in the place of those that were there; all or nothing, but with iptables one
// family after the other.
std::expected<void, std::string> install(const QueueRules& rules, Tool tool);
// Takes them out, with whichever tool they were put in. True: there were some.
std::expected<bool, std::string> remove_queue_rules();

}  // namespace sallyport
