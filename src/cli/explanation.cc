#include "cli/explanation.h"

#include <fmt/ostream.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/words.h"

namespace sallyport {
namespace {

void print_verdict(std::ostream& out, const Style& style, const Explanation& explanation) {
  const Outcome& outcome = explanation.judged.outcome;
  std::string word(verdict_word(outcome.fate));
  bool good = outcome.fate == Outcome::Fate::kAccept;
  fmt::print(out, "{}", good ? style.good(word) : style.bad(word));
  if (explanation.program && outcome.rule != kNoRule) {
    const RuleInfo& rule = explanation.program->rules[outcome.rule];
    fmt::print(out, " by {}, line {} of the rules: {}", rule_place(rule), rule.span.line,
               rule.text);
  }
  if (outcome.reject_with) fmt::print(out, " ({})", outcome.reject_with);
  fmt::print(out, "\n");
  if (outcome.reason != Reason::kNone) {
    fmt::print(out, "reason: {}: {}\n", reason_name(outcome.reason),
               reason_sentence(outcome.reason));
  }
  if (!outcome.certain) fmt::print(out, "This is uncertain.\n");
}

}  // namespace

void print_text(std::ostream& out, const Style& style, const Explanation& explanation,
                Instant start) {
  const Judged& judged = explanation.judged;
  fmt::print(out, "{}\n",
             style.bold(fmt::format("packet {} at {} s: {}, {} bytes", judged.record.index,
                                    seconds_since(start, judged.record.time), flow_words(judged),
                                    judged.length)));
  print_verdict(out, style, explanation);
  if (!explanation.way.empty()) fmt::print(out, "\n{}\n", style.bold("its way"));
  for (const std::string& line : explanation.way) fmt::print(out, "  {}\n", line);
  if (!explanation.misses.empty()) fmt::print(out, "\n{}\n", style.bold("near misses"));
  for (const NearMiss& miss : explanation.misses) fmt::print(out, "  {}\n", miss.text);
  if (!explanation.remedies.empty()) {
    fmt::print(out, "\n{}\n", style.bold("what would let it in (each was tried)"));
  }
  for (const Remedy& remedy : explanation.remedies) {
    fmt::print(out, "  {}\n      would also let in: {}\n", remedy.change, remedy.also);
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
