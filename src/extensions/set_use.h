// What -m set and -j SET share: "NAME src,dst", and the set that the name means.
//
// A rule knows its set by a handle that finish() looks up once; the store itself is
// found at evaluation, in the context.
#pragma once

#include <fmt/format.h>
#include <span>
#include <string>

#include "extensions/extension.h"
#include "sets/set_store.h"

namespace sallyport {

struct SetUse {
  static constexpr size_t kWords = 2;

  std::string name;
  SetQuery query;  // the directions only
  SetRef ref;      // from resolve()
};

inline std::string read(std::span<const Text> words, const Scope&, SetUse& out) {
  out = {};
  if (words[0].empty() || words[0].size() > kMostSetName) {
    return fmt::format("a set's name has 1 to {} characters", kMostSetName);
  }
  out.name = words[0];
  for (Text direction : split(words[1], ',')) {
    if (direction != "src" && direction != "dst") {
      return fmt::format("'{}': directions are src or dst, with commas between them", words[1]);
    }
    if (out.query.dimensions == SetQuery::kMostDimensions) {
      return fmt::format("a set has at most {} directions", SetQuery::kMostDimensions);
    }
    out.query.source[out.query.dimensions++] = direction == "src";
  }
  return {};
}

inline void write(const SetUse& use, const Scope&, std::string& out) {
  out += use.name;
  for (size_t i = 0; i < use.query.dimensions; i++) {
    out += i == 0 ? ' ' : ',';
    out += use.query.source[i] ? "src" : "dst";
  }
}

// Finds the set; what is wrong, or empty. iptables refuses a set of the other family
// (kernel-facts 51), but takes fewer directions than the type needs: it never matches.
inline std::string resolve(SetUse& use, const Placement& place) {
  if (place.sets == nullptr) {
    return fmt::format("no sets are known, so not '{}' either: give the output of ipset save",
                       use.name);
  }
  std::optional<SetRef> found = place.sets->find(use.name);
  if (!found) return fmt::format("there is no set named '{}'", use.name);
  const SetOptions& options = *place.sets->options(*found);
  if (options.info().has_address && options.family != place.scope.family) {
    return fmt::format("the set '{}' is of family {}", use.name,
                       options.family == Family::kIpv4 ? "inet" : "inet6");
  }
  use.ref = *found;
  return {};
}

}  // namespace sallyport
