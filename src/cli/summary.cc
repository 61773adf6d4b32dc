#include "cli/summary.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "cli/words.h"

namespace sallyport {
namespace {

constexpr size_t kRule = 22;        // the column where rules are printed
constexpr size_t kMostGroups = 16;  // that a hint names

std::string_view family_note(Family family) {
  return family == Family::kIpv4 ? "" : " (IPv6)";
}

// A rule's text without the chain, which its place says.
std::string_view without_chain(const RuleInfo& rule) {
  std::string_view text = rule.text;
  size_t chain = text.find(rule.chain);
  return chain == std::string_view::npos
             ? text
             : text.substr(std::min(chain + rule.chain.size() + 1, text.size()));
}

}  // namespace

void Summary::add(const Judged& judged) {
  const Outcome& outcome = judged.outcome;
  if (packets_ == 0) first_ = judged.record.time;
  last_ = std::max(last_, judged.record.time);
  packets_++;
  verdicts_[static_cast<size_t>(outcome.fate)]++;
  if (judged.family && outcome.rule != kNoRule) {
    std::vector<Verdicts>& rules = by_rule_[*judged.family == Family::kIpv6];
    if (rules.size() <= outcome.rule) rules.resize(outcome.rule + 1);
    rules[outcome.rule][static_cast<size_t>(outcome.fate)]++;
  }
  states_[static_cast<size_t>(outcome.info)]++;
  if (!judged.family) return;
  if (!outcome.certain) uncertain_++;
  if (outcome.reason == Reason::kNatNotDone) nat_++;
  if (outcome.fate != Outcome::Fate::kAccept) reasons_[static_cast<size_t>(outcome.reason)]++;
  if (outcome.reason == Reason::kNoRules) without_rules_[*judged.family == Family::kIpv6]++;
  offload_.add(judged);
  if (outcome.reason == Reason::kGroupNotJoined && groups_not_joined_.size() < kMostGroups) {
    groups_not_joined_.insert(judged.destination.text(*judged.family));
  }
}

void Summary::print_verdicts(std::ostream& out, const Style& style, Engine& engine) const {
  out << fmt::format("\n{}\n", style.bold("verdicts, and the rules that gave them"));
  for (size_t fate = 0; fate < verdicts_.size(); fate++) {
    if (verdicts_[fate] == 0) continue;
    out << fmt::format("{:>9}  {}\n", verdicts_[fate],
                       verdict_words(static_cast<Outcome::Fate>(fate)));
    for (Family family : {Family::kIpv4, Family::kIpv6}) {
      const std::vector<Verdicts>& rules = by_rule_[family == Family::kIpv6];
      for (size_t rule = 0; rule < rules.size(); rule++) {
        if (rules[rule][fate] == 0) continue;
        out << fmt::format("{:>11}  {}{}\n", rules[rule][fate],
                           rule_place(engine.program(family)->rules[rule]), family_note(family));
      }
    }
  }
}

void Summary::print_states(std::ostream& out, const Style& style) const {
  if (states_[0] != packets_) out << fmt::format("\n{}\n", style.bold("states"));
  for (size_t i = 1; i < states_.size(); i++) {
    if (states_[i] == 0) continue;
    out << fmt::format("{:>9}  {}\n", states_[i], ct_info_name(static_cast<CtInfo>(i)));
  }
  bool any = std::ranges::any_of(reasons_, [](uint64_t count) { return count != 0; });
  if (any) out << fmt::format("\n{}\n", style.bold("why packets were not accepted"));
  for (size_t i = 1; i < reasons_.size(); i++) {
    if (reasons_[i] == 0) continue;
    Reason reason = static_cast<Reason>(i);
    out << fmt::format("{:>9}  {}:\n{:11}{}\n", reasons_[i], reason_name(reason), "",
                       reason_sentence(reason));
  }
}

void Summary::print_rules(std::ostream& out, const Style& style, Engine& engine,
                          Family family) const {
  const Program* program = engine.program(family);
  if (!program) return;
  std::span<const RuleCounters> counters = engine.counters(family);
  std::vector<const RuleInfo*> never;
  bool any = false;
  for (size_t i = 0; i < program->rules.size(); i++) {
    const RuleInfo& rule = program->rules[i];
    uint64_t packets = counters[i].packets - program->initial_counters[i].packets;
    uint64_t bytes = counters[i].bytes - program->initial_counters[i].bytes;
    if (packets == 0) {
      if (rule.number != 0) never.push_back(&rule);
      continue;
    }
    if (!any) {
      out << fmt::format("\n{}\n", style.bold("rules hit" + std::string(family_note(family))));
      out << fmt::format("{:>9} {:>10}\n", "packets", "bytes");
      any = true;
    }
    std::string words = fmt::format("{}  {}", rule_place(rule), without_chain(rule));
    out << fmt::format("{:>9} {:>10}  {}\n", packets, bytes, wrapped(words, kRule + 2, kRule));
  }
  if (never.empty()) return;
  out << fmt::format("\n{}\n", style.bold("rules never hit" + std::string(family_note(family))));
  for (const RuleInfo* rule : never) {
    std::string words = fmt::format("{}  {}", rule_place(*rule), without_chain(*rule));
    out << fmt::format("{:{}}{}\n", "", kRule, wrapped(words, kRule + 2, kRule));
  }
}

void Summary::print_flows(std::ostream& out, const Style& style, Engine& engine) const {
  struct Count {
    uint64_t flows = 0, unanswered = 0;
  };
  std::map<std::string, Count> by_protocol;
  engine.conntrack().each(engine.now(), [&](FlowId, const Flow& flow) {
    Count& count = by_protocol[protocol_word(flow.protocol())];
    count.flows++;
    if (!(flow.status & ct_status::kSeenReply)) count.unanswered++;
  });
  out << fmt::format("\n{}\n{:>9}  at the end\n", style.bold("flows"), engine.conntrack().count());
  for (const auto& [protocol, count] : by_protocol) {
    out << fmt::format("{:>11}  {}", count.flows, protocol);
    if (count.unanswered != 0) out << fmt::format(", {} without an answer", count.unanswered);
    out << "\n";
  }
  const Discovery* discovery = engine.discovery();
  if (!discovery) return;
  for (Reason reason : {Reason::kDiscoveryOffLink, Reason::kDiscoveryPort, Reason::kDiscoveryLate,
                        Reason::kDiscoveryTooMany, Reason::kDiscoverySelf}) {
    uint64_t count = discovery->refused(reason);
    if (count != 0) out << fmt::format("{:>9}  refused: {}\n", count, reason_sentence(reason));
  }
}

std::vector<std::string> Summary::hints() const {
  std::vector<std::string> hints;
  auto add = [&](std::string hint) {
    if (!hint.empty()) hints.push_back(std::move(hint));
  };
  auto reason = [&](Reason which) { return reasons_[static_cast<size_t>(which)]; };
  add(offload_.hint());
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    bool ipv6 = family == Family::kIpv6;
    if (uint64_t count = without_rules_[ipv6]; count != 0) {
      add(fmt::format("{} not judged, as there are no rules of this family: give {} FILE",
                      counted(count, ipv6 ? "IPv6 packet" : "IPv4 packet"),
                      ipv6 ? "--rules6" : "--rules"));
    }
  }
  if (uint64_t count = reason(Reason::kMayPredateCapture); count != 0) {
    add(fmt::format(
        "{} could be explained by exchanges that began before the capture: give the table of "
        "that moment with --conntrack FILE (`conntrack -L -o extended`), or --conntrack /dev/null "
        "if it was empty",
        counted(count, "drop")));
  }
  if (nat_ != 0) {
    add(
        fmt::format("{} of flows that a NAT rule applies to, which this version does not rewrite: "
                    "what became of them is uncertain",
                    counted(nat_, "packet")));
  }
  if (uint64_t count = reason(Reason::kGroupNotJoined); count != 0) {
    bool all = groups_not_joined_.size() < kMostGroups;
    add(
        fmt::format("{} to groups whose joining is not in the capture; if the host was a member, "
                    "say --group {}{}",
                    counted(count, "packet"), fmt::join(groups_not_joined_, ","), all ? "" : ",…"));
  }
  return hints;
}

void Summary::print_hints(std::ostream& out, const Style& style) const {
  std::vector<std::string> all = hints();
  if (all.empty()) return;
  out << fmt::format("\n{}\n", style.bold("hints"));
  for (const std::string& hint : all) out << fmt::format("  {}\n", wrapped(hint, 4, 2));
}

void Summary::print(std::ostream& out, const Style& style, Engine& engine) const {
  out << fmt::format("{} in {} s\n", counted(packets_, "packet"), seconds_since(first_, last_));
  print_verdicts(out, style, engine);
  print_states(out, style);
  print_rules(out, style, engine, Family::kIpv4);
  print_rules(out, style, engine, Family::kIpv6);
  print_flows(out, style, engine);
  print_hints(out, style);
}

}  // namespace sallyport
