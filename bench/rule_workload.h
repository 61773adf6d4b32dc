// The rules and packets of rules_new and of its yardstick, rte_acl: each benchmark of one KIND and
// N has the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rules_generator.h"

namespace sallyport {

constexpr size_t kMostRules = 10'000;
constexpr size_t kFewRules = 1'000;
constexpr uint64_t kWorkloadSeed = 7;
constexpr size_t kWorkloadPackets = 65536;

// The first `count` of kMostRules.
std::vector<testing::GeneratedRule> first_rules(const char* kind, size_t count);
// The headers of packets, in the order in which they are sent, each drawn from one of the first
// `count` rules, or of the first thousand where they are fewer.
std::vector<testing::GeneratedHeader> headers_of(const char* kind, size_t count);

}  // namespace sallyport
