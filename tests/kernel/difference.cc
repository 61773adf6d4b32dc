#include "kernel/difference.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <optional>
#include <sstream>
#include <tuple>

#include "conntrack/conntrack_text.h"
#include "kernel/complaint.h"
#include "kernel/recording.h"
#include "sets/set_store.h"

namespace sallyport::testing {
namespace {

using Rules = std::vector<ExpectedOutcome::Rule>;

constexpr std::array<std::string_view, static_cast<size_t>(Aspect::kCount)> kNames = {
    "verdict", "state",        "reason",  "direction", "status",   "tcp state", "timeout",
    "rule",    "rules passed", "entries", "sets",      "counters", "refused",   "crash"};

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

void compare_packet(const ScriptPacket& packet, bool has_rules, const Sighting& kernel,
                    const EngineStep& engine, std::vector<Difference>& out) {
  const Observation& seen = engine.seen;
  ExpectedOutcome all = everything(kernel, seen);
  std::string protocol = fmt::format("{}{}", packet.packet.spec.protocol,
                                     packet.packet.spec.family == Family::kIpv6 ? "/v6" : "");
  auto add = [&](Aspect aspect, std::string theirs, std::string ours) {
    out.push_back({aspect, packet.line, protocol, std::move(theirs), std::move(ours)});
  };
  for (Aspect aspect : {Aspect::kVerdict, Aspect::kState, Aspect::kDirection, Aspect::kStatus,
                        Aspect::kTcpState, Aspect::kTimeout, Aspect::kRule}) {
    // No trace tells which rule hotdropped a packet, nor that no rule dropped it.
    bool no_rule = seen.reason == Reason::kHotdrop || seen.reason == Reason::kInsertFailed;
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
}

// Lines that may hold a number of seconds, and between which ticks' worth it may lie.
struct Seconds {
  std::optional<uint64_t> least, most;
};
using Listing = std::multimap<std::string, Seconds>;

uint64_t number_of(const std::string& word) {
  return parse_number(word).value_or(0);
}

// "ipv4 2 udp 17 29 src=…": the fifth word is the timeout. `use` counts who looks,
// and `delta-time` the clock's seconds.
Listing flows_of(std::string_view text) {
  Listing out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    Seconds seconds;
    int i = 0;
    for (std::string word; words >> word; i++) {
      if (i == 4) {
        seconds = {number_of(word), number_of(word)};
      } else if (!word.starts_with("use=") && !word.starts_with("delta-time=")) {
        key += (key.empty() ? "" : " ") + word;
      }
    }
    out.emplace(key, seconds);
  }
  return out;
}

// `ipset save`: without what hangs on the kernel's memory (hashsize, initval).
Listing sets_of(std::string_view text) {
  Listing out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    Seconds seconds;
    bool element = line.starts_with("add ");
    for (std::string word; words >> word;) {
      std::string value;
      if (word == "hashsize" || word == "initval" || word == "bucketsize") {
        words >> value;
      } else if (element && word == "timeout" && words >> value) {
        seconds = {number_of(value), number_of(value)};
      } else {
        key += (key.empty() ? "" : " ") + word;
      }
    }
    out.emplace(key, seconds);
  }
  return out;
}

// The engine's two listings as one: between them the kernel's was made.
Listing span_of(Listing begin, Listing end) {
  for (auto& [key, seconds] : begin) {
    auto later = end.find(key);
    if (later == end.end()) {
      seconds.least.reset();  // it may be gone by then
      continue;
    }
    seconds.least = later->second.least;
    end.erase(later);
  }
  return begin;
}

std::string shown(const std::string& key, const Seconds& seconds) {
  return seconds.most ? fmt::format("{} ({} s)", key, *seconds.most) : key;
}

void compare_listings(Aspect aspect, const Listing& kernel, Listing engine,
                      std::vector<Difference>& out) {
  for (const auto& [key, theirs] : kernel) {
    auto ours = engine.find(key);
    if (ours == engine.end()) {
      out.push_back({aspect, 0, "", shown(key, theirs), "not there"});
      continue;
    }
    const Seconds& range = ours->second;
    if (theirs.most &&
        (*theirs.most > range.most.value_or(0) || *theirs.most < range.least.value_or(0))) {
      out.push_back({aspect, 0, "", shown(key, theirs), shown(key, range)});
    }
    engine.erase(ours);
  }
  for (const auto& [key, ours] : engine) {
    bool may_be_gone = ours.most && !ours.least;
    if (!may_be_gone) out.push_back({aspect, 0, "", "not there", shown(key, ours)});
  }
}

std::string entries_at(const Conntrack& conntrack, Tick now) {
  std::string text;
  for (const FlowLine& line : list_flows(conntrack, now)) {
    text += list_text(line, {.extended = true}) + '\n';
  }
  return text;
}

using Counts = std::map<std::string, std::pair<uint64_t, uint64_t>>;

// iptables-save -c: ":INPUT ACCEPT [3:84]", "[1:28] -A INPUT …".
Counts counts_of(const std::string& text) {
  Counts out;
  std::istringstream lines(text);
  std::string table;
  std::map<std::string, int> numbers;
  auto counters = [](const std::string& word) {
    size_t colon = word.find(':');
    return std::pair(number_of(word.substr(1, colon - 1)),
                     number_of(word.substr(colon + 1, word.size() - colon - 2)));
  };
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, third;
    words >> first >> second >> third;
    if (line.starts_with('*')) table = line.substr(1);
    if (line.starts_with(':') && second != "-") {
      out[fmt::format("{}/{}/policy", table, first.substr(1))] = counters(third);
    }
    if (line.starts_with('[')) {
      std::string chain = table + '/' + third;
      out[fmt::format("{}/{}", chain, ++numbers[chain])] = counters(first);
    }
  }
  return out;
}

Counts counts_of(const Engine& engine, Family family) {
  Counts out;
  const Program* program = engine.program(family);
  std::span<const RuleCounters> counters = engine.counters(family);
  for (size_t i = 0; i < counters.size(); i++) {
    const RuleInfo& info = program->rules[i];
    const RuleCounters& before = program->initial_counters[i];
    out[text_of_rules({{info.table, info.chain, info.number}})] = {
        counters[i].packets - before.packets, counters[i].bytes - before.bytes};
  }
  return out;
}

void compare_counts(const Counts& kernel, const Counts& engine, std::vector<Difference>& out) {
  for (const auto& [rule, theirs] : kernel) {
    auto found = engine.find(rule);
    std::pair<uint64_t, uint64_t> ours{};
    if (found != engine.end()) ours = found->second;
    if (theirs == ours) continue;
    out.push_back({Aspect::kCounters, 0, "", fmt::format("{} {}", rule, theirs),
                   fmt::format("{} {}", rule, ours)});
  }
}

void compare_endings(const Script& script, const Ending& kernel, Engine& engine,
                     std::vector<Difference>& out) {
  Tick first = tick_of(instant_of(kernel.begin)), last = tick_of(instant_of(kernel.end));
  const Conntrack& conntrack = engine.conntrack();
  compare_listings(
      Aspect::kEntries, flows_of(kernel.flows),
      span_of(flows_of(entries_at(conntrack, first)), flows_of(entries_at(conntrack, last))), out);
  // Elements of the script's text were loaded some ticks before the count of ticks began.
  constexpr Tick kLoading = 3;
  if (script.sets) {
    compare_listings(
        Aspect::kSets, sets_of(kernel.sets),
        span_of(sets_of(engine.sets().save(first)), sets_of(engine.sets().save(last + kLoading))),
        out);
  }
  if (script.rules)
    compare_counts(counts_of(kernel.counters), counts_of(engine, Family::kIpv4), out);
  if (script.rules6) {
    compare_counts(counts_of(kernel.counters6), counts_of(engine, Family::kIpv6), out);
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
  std::string kind = fmt::format("{} {}", aspect_name(aspect), packet);
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
