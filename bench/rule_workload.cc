#include "rule_workload.h"

#include <algorithm>
#include <random>

namespace sallyport {

std::vector<testing::GeneratedRule> first_rules(const char* kind, size_t count) {
  auto rules = testing::generate_rules(kind, kMostRules, kWorkloadSeed);
  rules.resize(count);
  return rules;
}

std::vector<testing::GeneratedHeader> headers_of(const char* kind, size_t count) {
  const std::vector<testing::GeneratedRule> rules = first_rules(kind, std::max(count, kFewRules));
  std::mt19937_64 random(kWorkloadSeed);
  std::vector<testing::GeneratedHeader> headers;
  for (size_t i = 0; i < kWorkloadPackets; i++) headers.push_back(generate_header(rules, random));
  return headers;
}

}  // namespace sallyport
