#include "cli/explanation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/words.h"

namespace sallyport {
namespace {

constexpr size_t kWidth = 98;

// A paragraph, its lines but the first one indented by four more.
void print_wrapped(std::ostream& out, size_t indent, std::string_view text) {
  out << fmt::format("{:{}}{}\n", "", indent, wrapped(text, indent + 4, indent, kWidth));
}

// What would make an uncertain verdict certain.
std::string_view advice(Reason reason) {
  switch (reason) {
    case Reason::kMayPredateCapture:
      return "give the flows of that time with --conntrack FILE (conntrack -L -o extended), or "
             "--conntrack /dev/null if there were none";
    case Reason::kNotInCapture: return "capture whole packets: tcpdump -s 0";
    case Reason::kNatNotDone: return "what the rewritten packet would meet is not known";
    default: return "";
  }
}

void print_verdict(std::ostream& out, const Style& style, const Explanation& explanation) {
  const Outcome& outcome = explanation.judged.outcome;
  std::string word = verdict_words(outcome.fate);
  bool good = outcome.fate == Outcome::Fate::kAccept;
  out << (good ? style.good(word) : style.bad(word));
  if (explanation.program && outcome.rule != kNoRule) {
    const RuleInfo& rule = explanation.program->rules[outcome.rule];
    std::string place = fmt::format("{}:{}", explanation.rules, rule.span.line);
    if (rule.number == 0) {
      out << fmt::format(" by the policy of {} in {} ({}): no rule decided", rule.chain, rule.table,
                         place);
    } else {
      out << fmt::format(" by {} ({})\n  {}", rule_place(rule), place, rule.text);
    }
  }
  out << "\n";
  if (outcome.reject_with && outcome.unanswered) {
    out << fmt::format("its sender is not told ({}): {}\n", outcome.reject_with,
                       outcome.unanswered);
  } else if (outcome.reject_with) {
    out << fmt::format("its sender is told: {}\n", outcome.reject_with);
  }
  // The rule has been named.
  bool said = outcome.reason == Reason::kRule || outcome.reason == Reason::kPolicy;
  if (outcome.reason != Reason::kNone && !said) {
    out << fmt::format("reason: {}: {}\n", reason_name(outcome.reason),
                       reason_sentence(outcome.reason));
  }
  if (!explanation.suspicion.empty()) print_wrapped(out, 0, explanation.suspicion);
  if (!outcome.certain) {
    print_wrapped(out, 0, fmt::format("This is uncertain: {}.", advice(outcome.reason)));
  }
  bool held = outcome.fate == Outcome::Fate::kStolen;
  if (held && !explanation.judged.completed_by) {
    out << "No packet that was looked at made it whole.\n";
  } else if (held) {
    out << fmt::format("Packet {} made the datagram whole: explain that one.\n",
                       *explanation.judged.completed_by);
  }
}

// Whether an earlier packet could have made a difference, had there been one.
bool asks_for_a_past(const Judged& judged) {
  const Outcome& outcome = judged.outcome;
  return outcome.fate == Outcome::Fate::kDrop && !judged.from_host &&
         (outcome.info == CtInfo::kNew || outcome.tracking == Reason::kInvalidTcpNew ||
          outcome.tracking == Reason::kInvalidIcmpNew);
}

}  // namespace

Explanation make_explanation(const Judged& judged, const Sources& sources, Engine& engine,
                             const Narrator& narrator, History& history, bool all) {
  Explanation explanation{.judged = judged, .rules = {}, .way = narrator.lines(all)};
  if (judged.family) {
    bool ipv4 = *judged.family == Family::kIpv4;
    explanation.program = engine.program(*judged.family);
    const std::optional<InputFile>& file = ipv4 ? sources.rules : sources.rules6;
    if (file) explanation.rules = file->name;
  }
  if (judged.outcome.fate == Outcome::Fate::kDrop) {
    explanation.misses =
        near_misses(judged, narrator.tracked_packet(), engine, history, engine.now());
  }
  return explanation;
}

std::string deciding_table(const Explanation& explanation) {
  uint32_t rule = explanation.judged.outcome.rule;
  if (!explanation.program || rule == kNoRule) return "filter";
  return explanation.program->rules[rule].table;
}

void print_text(std::ostream& out, const Style& style, const Explanation& explanation,
                Instant start) {
  const Judged& judged = explanation.judged;
  out << fmt::format(
      "{}\n", style.bold(fmt::format("packet {} at {} s: {}, {} bytes", judged.record.index,
                                     seconds_since(start, judged.record.time), packet_words(judged),
                                     judged.length)));
  print_verdict(out, style, explanation);
  if (!explanation.way.empty()) out << fmt::format("\n{}\n", style.bold("its way"));
  for (const std::string& line : explanation.way) out << fmt::format("  {}\n", line);
  if (!explanation.misses.empty()) {
    out << fmt::format("\n{}\n", style.bold("near misses"));
  } else if (asks_for_a_past(judged)) {
    out << fmt::format("\n{}\n  none: nothing was seen that this could belong to\n",
                       style.bold("near misses"));
  }
  for (const NearMiss& miss : explanation.misses) print_wrapped(out, 2, miss.text);
  if (!explanation.remedies.empty()) {
    out << fmt::format("\n{}\n", style.bold("what would let it through (each was tried)"));
  }
  for (const Remedy& remedy : explanation.remedies) {
    out << fmt::format("  {}\n", remedy.change);  // a command may be copied: it stays one line
    print_wrapped(out, 6, "also lets through: " + remedy.also);
  }
}

std::string explanation_json(const Explanation& explanation) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["way"] = explanation.way;
  json["near_misses"] = Json::array();
  for (const NearMiss& miss : explanation.misses) {
    Json entry;
    entry["text"] = miss.text;
    entry["knob"] = miss.knob.empty() ? Json(nullptr) : Json(miss.knob);
    entry["value"] = miss.value.empty() ? Json(nullptr) : Json(miss.value);
    json["near_misses"].push_back(std::move(entry));
  }
  json["remedies"] = Json::array();
  for (const Remedy& remedy : explanation.remedies) {
    Json entry;
    entry["change"] = remedy.change;
    entry["also_lets_in"] = remedy.also;
    json["remedies"].push_back(std::move(entry));
  }
  // One object of both: the packet's keys first.
  std::string line = json_line(explanation.judged, explanation.program);
  line.pop_back();
  return line + "," + json_text(json).substr(1);
}

}  // namespace sallyport
