// What is odd about a packet beside its conversation: a header that lies or
// ends too soon, other fields of the IP header, extension headers, another
// neighbour's frame, a mark.
#include <fmt/format.h>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

bool says(const Step& step, std::string_view option) {
  return step.packet.find(option) != std::string::npos;
}

// The machine's own IP layer repairs what leaves it, so only packets from the
// wire can be broken.
std::string broken_header(Random& random, Family family) {
  bool v4 = family == Family::kIpv4;
  switch (random.below(6)) {
    case 0: return fmt::format(" cut {}", random.pick({1, 10, 19, 20, 24, 28, 39, 40, 44, 48}));
    case 1: return fmt::format(" iplen {}", random.pick({0, 10, 20, 27, 28, 40, 60, 1000}));
    case 2:
      if (v4) return fmt::format(" ihl {}", random.pick({0, 4, 6, 15}));
      return " cut 41";
    case 3:
      if (v4) return " bad-header-checksum";
      return " iplen 8";
    default: return fmt::format(" trim {}", random.pick({0, 3, 4, 7, 8, 12, 19, 20}));
  }
}

std::string extensions(Random& random) {
  return std::string(" ext ") + random.pick({"hop", "dst", "route", "hop,dst", "dst,route", "ah",
                                             "hop,route,dst", "dst,dst", "none", "dst,none"});
}

std::string other_field(Random& random, const Step& step) {
  switch (random.below(7)) {
    case 5:  // no-operation; router alert (RFC 2113); unknown; a full list; and bad ones
      if (step.family == Family::kIpv6) return " tos 1";
      return random.pick({" ip-options 01010100", " ip-options 94040000", " ip-options 0a020a02",
                          " ip-options 07030400", " ip-options 02000000", " ip-options 440405f0",
                          " ip-options 83030400"});
    case 6:
      if (!step.packet.starts_with("tcp")) return " tos 8";
      return fmt::format(" doff {}", random.pick({0, 4, 5, 6, 15}));
    case 0: return fmt::format(" tos {}", random.pick({4, 16, 184}));
    case 1: return fmt::format(" id {}", random.between(1, 3));
    case 2:
      if (step.wire) {
        return std::string(" mac ") + random.pick({"02:00:00:00:00:07", "02:00:00:00:00:08"});
      }
      return fmt::format(" mark {}", random.pick({1, 2, 16}));
    default:
      if (says(step, " ttl ")) return "";
      return fmt::format(" ttl {}", random.pick({2, 4, 63, 128, 200, 255}));
  }
}

std::string payload(Random& random) {
  return random.pick({" data \"GET / HTTP/1.0\\r\\n\\r\\n\"", " hex 00ff10", " data \"\\x00\""});
}

}  // namespace

void add_oddities(Random& random, Steps& steps) {
  for (Step& step : steps) {
    if (!random.chance(15)) continue;
    bool fragment = says(step, " frag "), quotes = says(step, "about (");
    uint32_t dice = random.below(10);
    if (dice < 2 && step.wire && !fragment) {
      step.packet += broken_header(random, step.family);
    } else if (dice < 4 && step.family == Family::kIpv6 && !fragment) {
      step.packet += extensions(random);
    } else if (dice < 5 && !says(step, " len ") && !fragment && !quotes) {
      step.packet += payload(random);
    } else if (!fragment) {
      step.packet += other_field(random, step);
    }
  }
}

}  // namespace sallyport::testing
