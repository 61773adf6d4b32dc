#include "kernel/engine_run.h"

#include <algorithm>
#include <tuple>

#include "attach/script_run.h"
#include "cli/narrator.h"
#include "kernel/bytes_out.h"

namespace sallyport::testing {
namespace {

// Counters of all rules of a family, and which of them a packet moved.
class Meter {
 public:
  Meter(const Engine& engine, Family family) : engine_(engine), family_(family) {
    std::ranges::transform(engine.counters(family), std::back_inserter(packets_),
                           &RuleCounters::packets);
  }

  std::vector<ExpectedOutcome::Rule> moved() {
    std::vector<ExpectedOutcome::Rule> rules;
    std::span<const RuleCounters> now = engine_.counters(family_);
    for (size_t i = 0; i < now.size(); i++) {
      const RuleInfo& info = engine_.program(family_)->rules[i];
      for (; packets_[i] < now[i].packets; packets_[i]++) {
        rules.push_back({info.table, info.chain, info.number});
      }
    }
    std::ranges::sort(rules, {}, [](const ExpectedOutcome::Rule& rule) {
      return std::tie(rule.table, rule.chain, rule.number);
    });
    return rules;
  }

 private:
  const Engine& engine_;
  Family family_;
  std::vector<uint64_t> packets_;
};

Outcome judge(ScriptFirewall& firewall, const ScriptPacket& text, Packet& packet, Telling telling,
              std::vector<std::string>& story) {
  Way way = way_of(text, packet, firewall.viewpoint());
  if (telling == Telling::kYes) {
    Narrator narrator;
    Outcome outcome = firewall.engine().process_traced(packet, way, narrator);
    story = narrator.lines(false);
    if (outcome.reason != Reason::kNone) story.emplace_back(reason_sentence(outcome.reason));
    return outcome;
  }
  Outcome outcome;
  firewall.engine().process({&packet, 1}, {&way, 1}, {&outcome, 1});
  return outcome;
}

}  // namespace

std::expected<EngineRun, std::string> run_on_engine(const Script& script,
                                                    std::span<const std::optional<Tick>> ticks,
                                                    Telling telling) {
  std::expected<ScriptFirewall, std::string> firewall = ScriptFirewall::open(script);
  if (!firewall) return std::unexpected(firewall.error());
  EngineRun run{.steps = {}, .firewall = std::move(*firewall)};
  Engine& engine = run.firewall.engine();
  Meter meters[] = {Meter(engine, Family::kIpv4), Meter(engine, Family::kIpv6)};
  std::vector<std::vector<uint8_t>> bytes;  // held fragments stay where they are
  for (const ScriptPacket& packet : script.packets) bytes.push_back(packet.packet.bytes);
  for (size_t i = 0; i < script.packets.size(); i++) {
    const ScriptPacket& text = script.packets[i];
    if (!ticks[i]) {
      run.steps.emplace_back();
      continue;
    }
    Packet packet = ScriptFirewall::packet(text, bytes[i]);
    packet.time = instant_of(*ticks[i]);
    EngineStep step;
    Outcome outcome = judge(run.firewall, text, packet, telling, step.story);
    step.reason = outcome.tracking;
    if (outcome.fate == Outcome::Fate::kAccept) {
      const Packet* whole = engine.datagram();
      step.bytes = bytes_out(text, whole ? *whole : packet);
      const bool bridged = text.path == ScriptPacket::Path::kBridged;
      if (bridged) step.port = whole ? engine.datagram_ports()->out : text.ports.out;
      if (whole) step.largest_fragment = engine.largest_fragment();
    }
    step.seen = observe(text, outcome, engine);
    step.passed = meters[text.packet.spec.family == Family::kIpv6].moved();
    run.steps.push_back(std::move(step));
  }
  return run;
}

}  // namespace sallyport::testing
