// Where the kernel sends packets to Sallyport's queues, as its rules tell (attach/queue_rules.h).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/host_rules.h"

namespace sallyport {

struct Queueing {
  std::vector<std::string> by;        // "nft", "iptables-legacy"; empty: there are no such rules
  std::vector<std::string> missing;   // "IPv6 FORWARD": packets there are not queued
  std::vector<std::string> preceded;  // "IPv4 INPUT": other rules of the chain come first
  std::set<unsigned> queues;
  bool closed = false;  // packets that nobody reads are dropped, but for those that are exempt
};

Queueing queueing_of(const HostRules& host);

}  // namespace sallyport
