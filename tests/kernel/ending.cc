#include "kernel/ending.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <optional>
#include <sstream>

#include "conntrack/conntrack_text.h"
#include "sets/set_store.h"

namespace sallyport::testing {
namespace {

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

// What a shorter script has to keep, so that it still shows the same: whose line it is, and its
// beginning, up to what changes with each packet (of a flow its state and first tuple).
std::string gist_of(const std::string& key, std::string_view whose) {
  std::istringstream words(key);
  std::string gist(whose);
  bool source = false;
  for (std::string word; words >> word;) {
    bool other_tuple = source && word.starts_with("src=");
    if (other_tuple || word.starts_with("packets")) break;
    source |= word.starts_with("src=");
    gist += ' ' + word;
  }
  return gist;
}

void compare_listings(Aspect aspect, const Listing& kernel, Listing engine,
                      std::vector<Difference>& out) {
  for (const auto& [key, theirs] : kernel) {
    auto ours = engine.find(key);
    if (ours == engine.end()) {
      out.push_back({aspect, 0, gist_of(key, "kernel's"), shown(key, theirs), "not there"});
      continue;
    }
    const Seconds& range = ours->second;
    if (theirs.most &&
        (*theirs.most > range.most.value_or(0) || *theirs.most < range.least.value_or(0))) {
      out.push_back({aspect, 0, gist_of(key, "both's"), shown(key, theirs), shown(key, range)});
    }
    engine.erase(ours);
  }
  for (const auto& [key, ours] : engine) {
    bool may_be_gone = ours.most && !ours.least;
    if (may_be_gone) continue;
    out.push_back({aspect, 0, gist_of(key, "engine's"), "not there", shown(key, ours)});
  }
}

std::string entries_at(const Conntrack& conntrack, Tick now) {
  std::string text;
  for (const FlowLine& line : list_flows(conntrack, now)) {
    text += list_text(line, {.extended = true}) + '\n';
  }
  return text;
}

std::string expectations_at(const Conntrack& conntrack, Tick now) {
  std::string text;
  conntrack.each_expectation(now, [&](const Expectation& expectation) {
    text += expectation_text(expectation, now) + '\n';
  });
  return text;
}

// "299 proto=6 src=…": the first word is what is left.
std::pair<std::string, Seconds> expectation_of(const std::string& line) {
  size_t space = line.find(' ');
  uint64_t left = number_of(line.substr(0, space));
  return {line.substr(std::min(space + 1, line.size())), {left, left}};
}

// Whether a repeated question renews a permanent one is Linux's secret: any time will do.
Listing expectations_of(std::string_view text) {
  constexpr uint64_t kLongest = 3;
  Listing out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    auto [key, left] = expectation_of(line);
    if (key.contains("PERMANENT")) left = {0, kLongest};
    out.emplace(key, left);
  }
  return out;
}

// Linux keeps one that is over for a while: it says 0 seconds, or its master is not listed.
bool is_left_over(const std::string& line, const std::string& flows) {
  constexpr std::string_view kMaster = "master-", kEnd = " class=";
  if (line.starts_with("0 ")) return true;
  size_t from = line.find(kMaster);
  std::string master = line.substr(from, line.find(kEnd) - from);
  if (size_t permanent = master.find(" PERMANENT"); permanent != std::string::npos) {
    master.resize(permanent);
  }
  for (size_t at; (at = master.find(kMaster)) != std::string::npos;) {
    master.erase(at, kMaster.size());
  }
  return !flows.contains(master);
}

Listing kernel_expectations(const Ending& kernel, const Listing& engine) {
  std::string text;
  std::istringstream lines(kernel.expectations);
  for (std::string line; std::getline(lines, line);) {
    bool over = !engine.contains(expectation_of(line).first) && is_left_over(line, kernel.flows);
    if (!over) text += line + '\n';
  }
  return expectations_of(text);
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

}  // namespace

void compare_endings(const Script& script, const Ending& kernel, Engine& engine,
                     std::vector<Difference>& out) {
  Tick first = tick_of(instant_of(kernel.begin)), last = tick_of(instant_of(kernel.end));
  const Conntrack& conntrack = engine.conntrack();
  compare_listings(
      Aspect::kEntries, flows_of(kernel.flows),
      span_of(flows_of(entries_at(conntrack, first)), flows_of(entries_at(conntrack, last))), out);
  Listing expected = span_of(expectations_of(expectations_at(conntrack, first)),
                             expectations_of(expectations_at(conntrack, last)));
  compare_listings(Aspect::kExpectations, kernel_expectations(kernel, expected), expected, out);
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

}  // namespace sallyport::testing
