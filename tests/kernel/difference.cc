#include "kernel/difference.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <tuple>

#include "kernel/bytes_out.h"
#include "kernel/complaint.h"
#include "kernel/ending.h"
#include "kernel/recording.h"

namespace sallyport::testing {
namespace {

using Rules = std::vector<ExpectedOutcome::Rule>;

constexpr std::array<std::string_view, static_cast<size_t>(Aspect::kCount)> kNames = {
    "verdict",      "state", "reason",       "direction", "status", "tcp state",
    "timeout",      "rule",  "rules passed", "bytes",     "sent",   "entries",
    "expectations", "sets",  "counters",     "refused",   "crash"};

// What the kernel showed, as an expectation of one aspect alone. The verdict is the engine's but
// for its own aspect, since every expectation has one.
std::optional<ExpectedOutcome> only(Aspect aspect, const ExpectedOutcome& all, Outcome::Fate fate) {
  ExpectedOutcome one;
  one.fate = fate;
  switch (aspect) {
    case Aspect::kVerdict: one.fate = all.fate; return one;
    case Aspect::kState: one.state = all.state; return one;
    case Aspect::kDirection: one.direction = all.direction; return one;
    case Aspect::kStatus:
      one.status = all.status;
      one.gone = all.gone;
      return one;
    case Aspect::kTcpState: one.tcp = all.tcp; return one;
    case Aspect::kTimeout: one.timeout = all.timeout; return one;
    case Aspect::kRule: one.rule = all.rule; return one;
    default: return std::nullopt;
  }
}

// All that the kernel showed of a packet. Where it cannot be told from what the engine says, it is
// that: of two verdicts, of a timeout that was looked at too late, of which zone's the flow is.
ExpectedOutcome everything(const Sighting& sighting, const Observation& engine) {
  const Observation& seen = sighting.seen;
  ExpectedOutcome all;
  all.fate = seen.perhaps == engine.fate ? engine.fate : seen.fate;
  all.state = seen.state;
  all.direction = seen.direction;
  all.rule = seen.rule;
  // With zones, which flow is the packet's the engine says, if it has one.
  if (sighting.flow_is_doubtful || (sighting.has_zones && !engine.flow)) return all;
  const uint32_t late = seen.seconds_late;
  if (seen.flow) {
    all.timeout = seen.flow->timeout;
    bool as_good = engine.flow && engine.flow->timeout > *all.timeout &&
                   engine.flow->timeout <= *all.timeout + late;
    if (as_good) all.timeout = engine.flow->timeout;
    all.tcp = seen.flow->tcp;
    all.status = seen.flow->status & ExpectedOutcome::kReportedStatus;
  } else {
    all.gone = !engine.flow || engine.flow->timeout >= late;
  }
  return all;
}

Rules sorted(Rules rules) {
  std::ranges::sort(rules, {}, [](const ExpectedOutcome::Rule& rule) {
    return std::tie(rule.table, rule.chain, rule.number);
  });
  return rules;
}

// What left: the same bytes, in pieces that are no larger than those that came, by the same port.
template <typename Add>
void compare_sent(const ScriptPacket& packet, const Sighting& kernel, const EngineStep& engine,
                  Add add) {
  Sent sent = put_together(kernel.sent.packets, engine.bytes);
  unchoose(packet, sent.bytes);
  if (auto [theirs, ours] = words_of_difference(sent.bytes, engine.bytes); !theirs.empty()) {
    add(Aspect::kSent, theirs, ours);
  } else if (kernel.sent.packets.size() > 1 && sent.largest > engine.largest_fragment) {
    add(Aspect::kSent, fmt::format("in pieces of {} bytes", sent.largest),
        fmt::format("of {}", engine.largest_fragment));
  } else if (packet.path == ScriptPacket::Path::kBridged && kernel.sent.by != engine.port) {
    add(Aspect::kSent, fmt::format("by {}", kernel.sent.by.text()),
        fmt::format("by {}", engine.port.text()));
  }
}

// What a shorter script has to keep, so that it still shows the same: without the host's address,
// say, a packet for it goes nowhere, and there may be a difference in that, too.
std::string describe(const ScriptPacket& packet, const Observation& seen) {
  constexpr const char* kWays[] = {"in", "out", "fwd", "bridged"};
  const PacketSpec& spec = packet.packet.spec;
  return fmt::format("{} {}{} {} {}", kWays[static_cast<size_t>(packet.path)], spec.protocol,
                     spec.family == Family::kIpv6 ? "/v6" : "", verdict_word(seen.fate),
                     ct_info_name(seen.state));
}

void compare_packet(const ScriptPacket& packet, bool has_rules, const Sighting& kernel,
                    const EngineStep& engine, std::vector<Difference>& out) {
  const Observation& seen = engine.seen;
  ExpectedOutcome all = everything(kernel, seen);
  std::string what = describe(packet, kernel.seen);
  auto add = [&](Aspect aspect, std::string theirs, std::string ours) {
    out.push_back({aspect, packet.line, what, std::move(theirs), std::move(ours)});
  };
  for (Aspect aspect : {Aspect::kVerdict, Aspect::kState, Aspect::kDirection, Aspect::kStatus,
                        Aspect::kTcpState, Aspect::kTimeout, Aspect::kRule}) {
    // No trace tells which rule hotdropped a packet, nor that no rule dropped it.
    bool no_rule = seen.reason == Reason::kHotdrop || seen.reason == Reason::kInsertFailed ||
                   seen.reason == Reason::kHelperDrop;
    if (aspect == Aspect::kRule && no_rule) continue;
    // What raw drops, the probe behind it has not seen, and which zone's it was is not known.
    bool dropped_in_raw =
        seen.fate == Outcome::Fate::kDrop && seen.rule && seen.rule->table == "raw";
    if (dropped_in_raw && aspect != Aspect::kVerdict && aspect != Aspect::kRule) continue;
    ExpectedOutcome asked = *only(aspect, all, seen.fate);
    std::string differs = compare(asked, seen);
    if (!differs.empty()) add(aspect, asked.text(), differs);
  }
  bool invalid = kernel.seen.state == CtInfo::kInvalid && seen.state == CtInfo::kInvalid;
  if (invalid && !may_mean(kernel.complaint, engine.reason)) {
    // Its own words, where the table does not have them.
    add(Aspect::kReason,
        std::string(words_of_complaint(kernel.complaint).value_or(kernel.complaint)),
        std::string(reason_name(engine.reason)));
  }
  // Without rules of its own a script has policies on the engine, and nothing on the kernel.
  if (Rules theirs = sorted(kernel.passed); has_rules && theirs != engine.passed) {
    add(Aspect::kRulesPassed, text_of_rules(theirs), text_of_rules(engine.passed));
  }
  bool both = kernel.seen.fate == seen.fate && seen.fate == Outcome::Fate::kAccept;
  if (both) {
    std::vector<uint8_t> bytes = kernel.bytes;
    unchoose(packet, bytes);
    auto [theirs, ours] = words_of_difference(bytes, engine.bytes);
    if (!theirs.empty()) add(Aspect::kBytes, theirs, ours);
    bool leaves = packet.path != ScriptPacket::Path::kIn && packet.out.text() != "lo";
    if (leaves) compare_sent(packet, kernel, engine, add);
  }
}

}  // namespace

std::string text_of_rules(const Rules& rules) {
  std::vector<std::string> words;
  for (const ExpectedOutcome::Rule& rule : rules) {
    words.push_back(fmt::format("{}/{}/{}", rule.table, rule.chain,
                                rule.number == 0 ? "policy" : std::to_string(rule.number)));
  }
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, " "));
}

std::string_view aspect_name(Aspect aspect) {
  return kNames[static_cast<size_t>(aspect)];
}

std::string Difference::kind() const {
  std::string kind = fmt::format("{} {}", aspect_name(aspect), subject);
  bool words = aspect == Aspect::kVerdict || aspect == Aspect::kState ||
               aspect == Aspect::kReason || aspect == Aspect::kDirection ||
               aspect == Aspect::kTcpState;
  return words ? fmt::format("{} {} / {}", kind, kernel, engine) : kind;
}

std::vector<Difference> compare_runs(const Script& script, const KernelRun& kernel,
                                     EngineRun& engine) {
  std::vector<Difference> out;
  for (size_t i = 0; i < script.packets.size(); i++) {
    const ScriptPacket& packet = script.packets[i];
    if (!kernel.steps[i].tick) continue;
    bool v4 = packet.packet.spec.family == Family::kIpv4;
    bool has_rules = (v4 ? script.rules : script.rules6).has_value();
    compare_packet(packet, has_rules, kernel.steps[i].sighting, engine.steps[i], out);
  }
  compare_endings(script, kernel.ending, engine.firewall.engine(), out);
  return out;
}

}  // namespace sallyport::testing
