// The packet filters that this host has beside us: what iptables-save and nft tell of them.
//
// iptables comes in two variants, which the kernel runs both; Sallyport's own queueing rules
// (attach/queue_rules.h) are kept apart from all others.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace sallyport {

struct HostTable {
  std::string variant;  // "-nft", "-legacy"; empty: of an iptables that does not say
  Family family = Family::kIpv4;
  std::string name;                   // "filter"
  std::vector<std::string> lines;     // as saved: chains and rules
  std::vector<std::string> own;       // those that are Sallyport's
  std::vector<std::string> preceded;  // built-in chains where other rules stand before these

  std::string program(std::string_view rest) const;  // "ip6tables-legacy-restore"
  // There are rules, chains or policies beside the empty table that just stands there.
  bool has_effect() const;
  // What restores it as it was, without our own rules or with them.
  std::string text() const;
  std::string text_with(const std::vector<std::string>& added) const;
  // The same table with nothing in it, but for our own rules.
  std::string emptied() const;
};

// A table of nft that iptables does not know.
struct NftTable {
  std::string name;  // "inet filter"
  std::string text;  // as nft lists it
};

struct HostRules {
  std::vector<HostTable> tables;  // the variant first that `iptables` is
  std::vector<NftTable> nft;
  std::string queueing;  // nft's table of Sallyport's own, as nft lists it; empty: none
  // Programs that failed, with what they said: a kernel without nf_tables has nothing to tell to
  // those of nft.
  std::vector<std::string> failed;

  bool has_queueing_rules() const;
};

inline constexpr std::array kFamilies = {Family::kIpv4, Family::kIpv6};

// With the counters of each rule, or without. The error is of the variant that `iptables` is, which
// has to be read; a program that is not there has no rules to tell.
enum class WithCounters : bool { kNo, kYes };
std::expected<HostRules, std::string> read_host_rules(WithCounters counters = WithCounters::kNo);

// "-A INPUT -j DROP" of "[5:300] -A INPUT -j DROP".
std::string_view without_counters(std::string_view line);
// A built-in chain that lets pass what its rules do not decide.
bool is_open_policy(std::string_view line);
// Whether a line of iptables-save is one of Sallyport's queueing rules.
bool is_own_line(std::string_view line);
// The tables of what iptables-save prints.
std::vector<HostTable> parse_saved(std::string_view text, const std::string& variant,
                                   Family family);

}  // namespace sallyport
