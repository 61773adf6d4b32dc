// Long rule sets at random, of the three kinds that ClassBench (Taylor and Turner, INFOCOM 2005)
// made the measure of packet classifiers, and headers that meet them.
//
// Written from what is published of the kinds, not from its filter sets or its code: access lists
// (acl) name specific addresses on both sides and mostly exact destination ports; firewalls (fw)
// leave much open, on either side, and have ranges of ports; IP chains (ipc) are between the two.
// Addresses come from few networks that nest, as a site's do, so that prefixes overlap.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::testing {

struct GeneratedRule {
  uint32_t source = 0, source_length = 0;  // of IPv4
  uint32_t destination = 0, destination_length = 0;
  uint16_t source_low = 0, source_high = 0xffff;  // ports
  uint16_t destination_low = 0, destination_high = 0xffff;
  uint8_t protocol = 0;  // 0: any; TCP and UDP where ports are asked

  // "-s 10.0.0.0/8 -p tcp -m tcp --dport 80"
  std::string text() const;
};

struct GeneratedHeader {
  uint32_t source = 0, destination = 0;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t protocol = 0;
};

// The same on every machine; `kind` is acl, fw or ipc. No two rules are equal.
std::vector<GeneratedRule> generate_rules(std::string_view kind, size_t count, uint64_t seed);
// A header that a rule drawn at random matches, if none before it does.
GeneratedHeader generate_header(const std::vector<GeneratedRule>& rules, std::mt19937_64& random);

// Filter's FORWARD chain with these rules, each with this target, policy DROP.
std::string rules_text(const std::vector<GeneratedRule>& rules, std::string_view target);

}  // namespace sallyport::testing
