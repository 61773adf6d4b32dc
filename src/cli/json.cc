#include "cli/json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/words.h"

namespace sallyport {
namespace {

// Keys in the order they are written, so that a line reads well and is stable.
using Json = nlohmann::ordered_json;

Json or_null(bool there, Json value) {
  return there ? std::move(value) : Json(nullptr);
}

Json rule_json(const RuleInfo& rule) {
  Json json;
  json["table"] = rule.table;
  json["chain"] = rule.chain;
  json["num"] = rule.number == 0 ? Json("policy") : Json(rule.number);
  json["target"] = or_null(!rule.target.empty(), rule.target);
  json["line"] = rule.span.line;
  return json;
}

std::string decimal_time(Instant time) {
  int64_t ns = time.time_since_epoch().count();
  return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

}  // namespace

std::string json_line(const Judged& judged, const Program* program) {
  const Outcome& outcome = judged.outcome;
  bool hooked = outcome.fate != Outcome::Fate::kNone;
  bool tracked = outcome.info != CtInfo::kNone;
  bool has_flow = tracked && outcome.info != CtInfo::kInvalid && outcome.info != CtInfo::kUntracked;
  bool is_ip = judged.family.has_value();
  Json json;
  json["i"] = judged.index;
  // A number with nine digits: a double would lose the last ones.
  json["t"] = nullptr;
  json["hook"] = or_null(hooked, std::string(hook_name(outcome.hook)));
  json["verdict"] = verdict_word(outcome.fate);
  json["state"] = or_null(tracked, std::string(ct_info_name(outcome.info)));
  json["ctdir"] =
      or_null(has_flow, outcome.direction == Direction::kOriginal ? "ORIGINAL" : "REPLY");
  json["ctstatus"] = has_flow ? Json(status_words(outcome.status)) : Json(nullptr);
  bool ruled = program && outcome.rule != kNoRule;
  json["rule"] = ruled ? rule_json(program->rules[outcome.rule]) : Json(nullptr);
  json["reason"] =
      or_null(outcome.reason != Reason::kNone, std::string(reason_name(outcome.reason)));
  json["certain"] = outcome.certain;
  json["family"] = is_ip ? Json(family_word(*judged.family)) : Json(nullptr);
  json["src"] = is_ip ? Json(judged.source.text(*judged.family)) : Json(nullptr);
  json["dst"] = is_ip ? Json(judged.destination.text(*judged.family)) : Json(nullptr);
  json["proto"] = is_ip ? Json(protocol_word(judged.protocol)) : Json(nullptr);
  json["sport"] = or_null(judged.has_ports, judged.source_port);
  json["dport"] = or_null(judged.has_ports, judged.destination_port);
  if (outcome.fate == Outcome::Fate::kStolen) {
    json["completed_by"] = judged.completed_by ? Json(*judged.completed_by) : Json(nullptr);
  }
  if (outcome.reject_with) json["reject_with"] = outcome.reject_with;
  std::string line = json.dump();
  constexpr std::string_view kPlace = "\"t\":null";
  line.replace(line.find(kPlace), kPlace.size(), "\"t\":" + decimal_time(judged.time));
  return line;
}

}  // namespace sallyport
