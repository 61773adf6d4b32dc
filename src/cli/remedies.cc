#include "cli/remedies.h"

#include <fmt/format.h>

#include "cli/words.h"

namespace sallyport {
namespace {

struct Candidate {
  Sources sources;
  Remedy remedy;
};

void add_sysctl(Sources& sources, const std::string& knob, const std::string& value) {
  sources.sysctls.push_back({.name = "--sysctl", .text = knob + "=" + value + "\n"});
}

Candidate with_sysctl(const Sources& sources, const std::string& knob, const std::string& value,
                      std::string also) {
  Candidate candidate{sources, {fmt::format("sysctl {}={}", knob, value), std::move(also)}};
  add_sysctl(candidate.sources, knob, value);
  return candidate;
}

// The text with `rule` put before the end of its filter table.
std::string with_rule(const std::string& text, const std::string& rule) {
  size_t table = text.starts_with("*filter") ? 0 : text.find("\n*filter");
  size_t commit = table == std::string::npos ? table : text.find("\nCOMMIT", table);
  if (commit == std::string::npos) return text + "\n*filter\n" + rule + "\nCOMMIT\n";
  return text.substr(0, commit + 1) + rule + text.substr(commit);
}

// A rule for just these two endpoints.
std::string narrow_rule(const Judged& judged, std::string_view chain) {
  std::string rule =
      fmt::format("-I {} -s {} -d {} -p {}", chain, judged.source.text(*judged.family),
                  judged.destination.text(*judged.family), protocol_word(judged.protocol));
  if (judged.has_ports) {
    rule += fmt::format(" --sport {} --dport {}", judged.source_port, judged.destination_port);
  }
  return rule + " -j ACCEPT";
}

std::optional<Candidate> with_rule(const Sources& sources, const Judged& judged,
                                   const std::string& rule, std::string also) {
  Candidate candidate{sources, {"rule " + rule, std::move(also)}};
  std::optional<InputFile>& file =
      *judged.family == Family::kIpv4 ? candidate.sources.rules : candidate.sources.rules6;
  if (!file) return std::nullopt;
  file->text = with_rule(file->text, rule);
  return candidate;
}

bool is_reply_state(CtInfo info) {
  return info == CtInfo::kEstablished || info == CtInfo::kRelated;
}

std::vector<Candidate> candidates(const Judged& judged, const Sources& sources,
                                  const std::vector<NearMiss>& misses) {
  std::vector<Candidate> list;
  auto add = [&](std::optional<Candidate> candidate) {
    if (candidate) list.push_back(std::move(*candidate));
  };
  const Outcome& outcome = judged.outcome;
  if (!outcome.hook) return list;
  std::string_view chain = hook_name(*outcome.hook);
  if (sources.inputs.compat == "linux") {
    Candidate discovery{sources,
                        {"discovery: leave out --compat linux",
                         "answers to questions that this host asks a group or all hosts: from "
                         "on-link, to the asking socket, within the protocol's window"}};
    discovery.sources.inputs.compat.clear();
    add(std::move(discovery));
  }
  for (const NearMiss& miss : misses) {
    if (miss.knob.empty()) continue;
    add(with_sysctl(sources, miss.knob, miss.value,
                    "answers that come that late, of every such flow; each flow stays in the table "
                    "for longer"));
  }
  if (outcome.tracking == Reason::kInvalidChecksum) {
    add(with_sysctl(sources, "net.netfilter.nf_conntrack_checksum", "0",
                    "packets that were damaged on the way, which the host's own stack then drops"));
  }
  if (outcome.tracking == Reason::kInvalidTcpWindow || outcome.tracking == Reason::kInvalidTcpAck ||
      outcome.tracking == Reason::kInvalidTcpRst) {
    add(with_sysctl(sources, "net.netfilter.nf_conntrack_tcp_be_liberal", "1",
                    "segments outside the window, forged ones among them, of every connection"));
  }
  if (is_reply_state(outcome.info)) {
    add(with_rule(
        sources, judged,
        fmt::format("-I {} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", chain),
        "whatever belongs to flows that were accepted: the answers, and errors about them"));
  }
  add(with_rule(
      sources, judged, narrow_rule(judged, chain),
      fmt::format("everything {} to {}, at any time, asked for or not",
                  judged.has_ports ? "from that host and port" : "of that protocol from that host",
                  endpoint(*judged.family, judged.destination, judged.has_ports,
                           judged.destination_port))));
  return list;
}

}  // namespace

std::vector<Remedy> find_remedies(const Judged& judged, const Sources& sources,
                                  const std::vector<NearMiss>& misses, const Trial& trial) {
  std::vector<Remedy> remedies;
  if (!judged.family || judged.outcome.fate != Outcome::Fate::kDrop) return remedies;
  for (Candidate& candidate : candidates(judged, sources, misses)) {
    std::optional<Outcome> outcome = trial(candidate.sources);
    if (!outcome || outcome->fate != Outcome::Fate::kAccept) continue;
    remedies.push_back(std::move(candidate.remedy));
  }
  return remedies;
}

}  // namespace sallyport
