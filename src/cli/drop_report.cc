#include "cli/drop_report.h"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/explanation.h"
#include "cli/json.h"
#include "cli/words.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

std::string time_of_day(Instant time) {
  const int64_t us = time.time_since_epoch().count() / 1000;
  return fmt::format("{:%H:%M:%S}.{:06}", fmt::localtime(static_cast<std::time_t>(us / 1'000'000)),
                     us % 1'000'000);
}

// A drop, and its packet again.
struct Again {
  std::array<uint8_t, Drop::kFront> bytes;
  Packet packet;
  Judged judged;

  Again(const Drop& drop, uint64_t number) : bytes(drop.front) {
    packet.arrive(bytes.data(), drop.held, drop.length, drop.time);
    parse(packet);
    const Way way{.path = drop.path};
    describe({.index = number, .time = drop.time, .wire_length = drop.length}, packet, way, judged);
    judged.length = drop.length;
    judged.outcome = drop.outcome;
  }
};

// Those that it has, in the words of LOG's lines.
std::vector<std::pair<const char*, std::string>> interfaces_of(const Drop& drop) {
  std::vector<std::pair<const char*, std::string>> known;
  auto add = [&known](const char* word, const InterfaceName& name) {
    if (!name.text().empty()) known.emplace_back(word, name.text());
  };
  add("in", drop.in);
  add("out", drop.out);
  add("physin", drop.ports.in);
  add("physout", drop.ports.out);
  return known;
}

std::string json_of(const Drop& drop, const Explanation& explanation) {
  nlohmann::ordered_json interfaces = nlohmann::ordered_json::object();
  for (const auto& [word, name] : interfaces_of(drop)) interfaces[word] = name;
  // One object of both.
  std::string line = explanation_json(explanation);
  line.pop_back();
  return line + ",\"interfaces\":" + json_text(interfaces) + "}\n";
}

std::string text_of(const Drop& drop, uint64_t number, const Judged& judged) {
  const Outcome& outcome = drop.outcome;
  std::string out = fmt::format("{} {} {}", number, time_of_day(drop.time), packet_words(judged));
  for (const auto& [word, name] : interfaces_of(drop)) out += fmt::format(" {} {}", word, name);
  out += fmt::format(" length {}", drop.length);
  if (outcome.info != CtInfo::kNone) out += fmt::format(" {}", ct_info_name(outcome.info));
  if (outcome.rule != kNoRule && drop.program) {
    const RuleInfo& rule = drop.program->rules[outcome.rule];
    out += fmt::format(": {}", rule_place(rule));
    if (rule.number > 0) out += fmt::format(": {}", rule.text);
  }
  const bool said = outcome.reason == Reason::kRule || outcome.reason == Reason::kPolicy;
  const Reason reason = said ? outcome.tracking : outcome.reason;
  if (reason != Reason::kNone)
    out += fmt::format(": {}: {}", reason_name(reason), reason_sentence(reason));
  return out + '\n';
}

}  // namespace

DropReport::DropReport(const Drops& drops, Engine& engine, uint64_t first, Form form)
    : drops_(drops), engine_(engine), next_(first), known_(0), form_(form) {}

void DropReport::tell_one(std::string& out) {
  for (known_ = std::max(known_, drops_.first() - 1); known_ + 1 < next_; known_++) {
    const Drop& earlier = drops_[known_ + 1];
    history_.add(Again(earlier, known_ + 1).judged, earlier.program.get());
  }
  const Drop& drop = drops_[next_];
  Again again(drop, next_);
  Explanation explanation{
      .judged = again.judged, .program = drop.program.get(), .rules = {}, .way = {}};
  if (drop.outcome.info != CtInfo::kNone) {
    TrackedPacket tracked = tracked_packet(again.packet, engine_.conntrack().knobs());
    tracked.zone_known = false;
    explanation.misses = near_misses(again.judged, tracked, engine_, history_, tick_of(drop.time));
  }
  if (form_ == Form::kJson) {
    out += json_of(drop, explanation);
  } else {
    out += text_of(drop, next_, again.judged);
    for (const NearMiss& miss : explanation.misses) out += fmt::format("    {}\n", miss.text);
  }
  next_++;
}

bool DropReport::tell(std::string& out) {
  // Near misses look at all places for flows, and at those that have ended: a ms or two for so
  // many.
  constexpr size_t kAtOnce = 400'000, kEach = 2'000, kEventsAtOnce = 4096;
  const size_t each = engine_.conntrack().places() + history_.ended().size() + kEach;
  size_t looked_at = 0;
  next_ = std::max(next_, drops_.first());
  if (!history_.see(engine_.conntrack(), kEventsAtOnce)) return false;
  while (next_ <= drops_.count() && looked_at < kAtOnce) {
    tell_one(out);
    looked_at += each;
  }
  return next_ > drops_.count();
}

}  // namespace sallyport
