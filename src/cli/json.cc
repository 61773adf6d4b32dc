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

Json verdict_rule(const Outcome& outcome, const Program* program) {
  return program && outcome.rule != kNoRule ? rule_json(program->rules[outcome.rule])
                                            : Json(nullptr);
}

Json reason_or_null(const Outcome& outcome) {
  return or_null(outcome.reason != Reason::kNone, std::string(reason_name(outcome.reason)));
}

Json packet_json(const Judged& judged, const Program* program) {
  const Outcome& outcome = judged.outcome;
  bool tracked = outcome.info != CtInfo::kNone;
  bool has_flow = tracked && outcome.info != CtInfo::kInvalid && outcome.info != CtInfo::kUntracked;
  bool is_ip = judged.family.has_value();
  Json json;
  json["i"] = judged.record.index;
  json["t"] = nullptr;  // its place: finish_line()
  json["hook"] = outcome.hook ? Json(hook_name(*outcome.hook)) : Json(nullptr);
  json["verdict"] = verdict_word(outcome.fate);
  json["state"] = or_null(tracked, std::string(ct_info_name(outcome.info)));
  json["ctdir"] =
      or_null(has_flow, outcome.direction == Direction::kOriginal ? "ORIGINAL" : "REPLY");
  json["ctstatus"] = has_flow ? Json(status_words(outcome.status)) : Json(nullptr);
  json["rule"] = verdict_rule(outcome, program);
  json["reason"] = reason_or_null(outcome);
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
  if (outcome.reject_with) {
    json["reject_with"] = outcome.reject_with;
    json["answered"] = !outcome.unanswered;
  }
  return json;
}

// The time is a number of nine digits, more than a double holds: put in as text.
std::string finish_line(const Json& json, Instant time) {
  std::string line = json_text(json);
  constexpr std::string_view kPlace = "\"t\":null";
  line.replace(line.find(kPlace), kPlace.size(), "\"t\":" + decimal_time(time));
  return line;
}

}  // namespace

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_line(const Judged& judged, const Program* program) {
  return finish_line(packet_json(judged, program), judged.record.time);
}

std::string json_line(const Judged& judged, const Program* program, const Judged& against,
                      const Program* against_program) {
  Json json = packet_json(judged, program);
  Json& other = json["against"];
  other["verdict"] = verdict_word(against.outcome.fate);
  other["rule"] = verdict_rule(against.outcome, against_program);
  other["reason"] = reason_or_null(against.outcome);
  return finish_line(json, judged.record.time);
}

}  // namespace sallyport
