#include "cli/dump.h"

#include <algorithm>
#include <fmt/format.h>

#include "cli/session.h"
#include "rules/lower.h"
#include "rules/print.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

struct Name {
  std::string_view word;
  Dump::Kind kind;
};
constexpr Name kNames[] = {
    {"conntrack", Dump::Kind::kConntrack}, {"proc", Dump::Kind::kProc},
    {"expect", Dump::Kind::kExpect},       {"ipset", Dump::Kind::kIpset},
    {"iptables", Dump::Kind::kIptables},   {"ip6tables", Dump::Kind::kIp6tables},
};

std::string rules_text(Session& session, Family family) {
  const Ruleset* rules = session.ruleset(family);
  if (!rules) return {};
  Engine& engine = session.engine();
  return print_rules(counted(*rules, engine.counters(family)), {.counters = true});
}

}  // namespace

std::expected<Dump, std::string> parse_dump(std::string_view text) {
  size_t equals = text.find('=');
  std::string_view word = text.substr(0, equals);
  const Name* name = std::ranges::find(kNames, word, &Name::word);
  if (name == std::end(kNames)) {
    std::string known;
    for (const Name& one : kNames)
      known += fmt::format("{}{}", known.empty() ? "" : ", ", one.word);
    return std::unexpected(fmt::format("no such view; there are {}", known));
  }
  Dump dump{.kind = name->kind, .file = {}};
  if (equals == std::string_view::npos) return dump;
  dump.file = text.substr(equals + 1);
  if (dump.file.empty()) return std::unexpected("a file's name is missing after the =");
  if (dump.file == "-") dump.file.clear();
  return dump;
}

std::string dump_text(Dump::Kind kind, Session& session, const FlowForm& form, Tick now) {
  std::string text;
  switch (kind) {
    case Dump::Kind::kConntrack:
      for (const FlowLine& line : list_flows(session.engine().conntrack(), now)) {
        text += list_text(line, form) + '\n';
      }
      break;
    case Dump::Kind::kProc:
      for (const FlowLine& line : list_flows(session.engine().conntrack(), now)) {
        text += proc_text(line) + '\n';
      }
      break;
    case Dump::Kind::kExpect:
      session.engine().conntrack().each_expectation(now, [&](const Expectation& expectation) {
        text += expectation_text(expectation, now) + '\n';
      });
      break;
    case Dump::Kind::kIpset: return session.engine().sets().save(now);
    case Dump::Kind::kIptables: return rules_text(session, Family::kIpv4);
    case Dump::Kind::kIp6tables: return rules_text(session, Family::kIpv6);
  }
  return text;
}

}  // namespace sallyport
