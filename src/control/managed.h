// A firewall that is administered while it runs: the engine, and the rules as they were written.
//
// What the personalities (personality.h) list and change. A change is one step between two bursts:
// all of it or nothing. Rules that stay, in whatever place, keep what their limits remember; what
// becomes of their counters is the caller's to say.
#pragma once

#include <array>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "base/label_names.h"
#include "engine/engine.h"
#include "rules/ruleset.h"

namespace sallyport {

class Managed {
 public:
  // `engine` outlives it, and runs what the rulesets say; `clock` tells the time.
  Managed(Engine& engine, std::optional<Ruleset> rules, std::optional<Ruleset> rules6,
          std::optional<LabelNames> labels, std::function<Instant()> clock);

  Engine& engine() { return engine_; }
  Instant time() const { return clock_(); }
  Tick now() const { return tick_of(clock_()); }
  const LabelNames* labels() const { return labels_ ? &*labels_ : nullptr; }

  // With their counters as they are now. No tables where there are no rules of the family.
  Ruleset rules(Family family) const;

  // Reads what iptables-restore reads, and changes nothing.
  std::expected<Ruleset, Diagnostics> read(Family family, std::string_view text);
  // In the place of all rules of the family. The counters of the new ones begin as they say, or,
  // for those that have been there before, where they are.
  enum class Counters : uint8_t { kOfText, kKept };
  void put(Ruleset rules, Counters counters);

 private:
  std::optional<Ruleset>& ruleset(Family family) { return rulesets_[family == Family::kIpv6]; }
  const std::optional<Ruleset>& ruleset(Family family) const {
    return rulesets_[family == Family::kIpv6];
  }

  Engine& engine_;
  std::array<std::optional<Ruleset>, 2> rulesets_;
  std::optional<LabelNames> labels_;
  std::function<Instant()> clock_;
};

}  // namespace sallyport
