// The public Firewall: texts in, an Engine inside, plain structs out.
#include "sallyport/firewall.h"

#include <algorithm>
#include <fmt/format.h>

#include "engine/engine.h"
#include "engine/host_text.h"
#include "packet/parse.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {

struct Firewall::State {
  std::unique_ptr<Engine> engine;
  std::vector<Packet> packets;
  std::vector<Way> ways;
  std::vector<Outcome> outcomes;
  std::vector<InterfaceName> names;  // of each packet: in, out
};

namespace {

// Collects the errors of all texts.
class Errors {
 public:
  void add(const char* name, const std::string& text, const Diagnostics& diagnostics) {
    text_ += diagnostics.render(name, text);
  }
  void add(const char* name, const Diag& diag) {
    text_ += fmt::format("{}:{}: error: {}\n", name, diag.span.column, diag.what);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void load_rules(Engine& engine, Family family, const char* name, const std::string& text,
                Errors& errors) {
  if (text.empty()) return;
  std::expected<Ruleset, Diagnostics> rules = parse_rules(text, family, &engine.sets());
  if (rules) {
    engine.set_program(family, compile(*rules));
  } else {
    errors.add(name, text, rules.error());
  }
}

Way::Path path_of(FirewallPacket::Path path) {
  switch (path) {
    case FirewallPacket::Path::kInput: return Way::Path::kInput;
    case FirewallPacket::Path::kOutput: return Way::Path::kOutput;
    case FirewallPacket::Path::kForward: return Way::Path::kForward;
  }
  return Way::Path::kNone;
}

FirewallVerdict verdict_of(const Outcome& outcome, const Packet& packet) {
  static_assert(static_cast<int>(FirewallVerdict::Verdict::kStolen) ==
                static_cast<int>(Outcome::Fate::kStolen));
  static_assert(static_cast<int>(FirewallVerdict::State::kUntracked) ==
                static_cast<int>(CtInfo::kUntracked));
  return {.verdict = static_cast<FirewallVerdict::Verdict>(outcome.fate),
          .state = static_cast<FirewallVerdict::State>(outcome.info),
          .ipv6 = packet.family == Family::kIpv6,
          .reply = outcome.direction == Direction::kReply,
          .certain = outcome.certain,
          .rule = outcome.rule,
          .reason = reason_name(outcome.reason)};
}

}  // namespace

std::expected<Firewall, std::string> Firewall::create(const FirewallOptions& options) {
  Errors errors;
  Engine::Config config;
  for (const auto& [name, value] : options.sysctls) {
    if (Result<void> set = config.knobs.set(name, value); !set) errors.add("sysctls", set.error());
  }
  if (!options.host.empty()) {
    Result<void> added = add_host_text(options.host, config.host);
    if (!added) errors.add("host", added.error());
  }
  if (options.discovery) config.descriptors = builtin_descriptors();
  config.hash_key = make_hash_key(options.seed);
  config.burst = std::max<size_t>(options.burst, 1);

  auto sets = std::make_unique<SetStore>(config.hash_key);
  Diagnostics set_errors;
  sets->restore(options.sets, 0, set_errors);
  errors.add("sets", options.sets, set_errors);

  auto state = std::make_unique<State>();
  size_t burst = config.burst;
  state->engine = std::make_unique<Engine>(std::move(config), std::move(sets));
  load_rules(*state->engine, Family::kIpv4, "rules", options.rules, errors);
  load_rules(*state->engine, Family::kIpv6, "rules6", options.rules6, errors);
  Diagnostics flow_errors;
  state->engine->conntrack().load(options.conntrack, 0, flow_errors);
  errors.add("conntrack", options.conntrack, flow_errors);
  if (!errors.text().empty()) return std::unexpected(errors.text());

  state->packets.resize(burst);
  state->ways.resize(burst);
  state->outcomes.resize(burst);
  state->names.resize(2 * burst);
  return Firewall(std::move(state));
}

Firewall::Firewall(std::unique_ptr<State> state) : state_(std::move(state)) {}
Firewall::Firewall(Firewall&&) noexcept = default;
Firewall& Firewall::operator=(Firewall&&) noexcept = default;
Firewall::~Firewall() = default;

void Firewall::process(std::span<const FirewallPacket> packets,
                       std::span<FirewallVerdict> verdicts) {
  State& state = *state_;
  size_t total = std::min(packets.size(), verdicts.size());
  for (size_t first = 0; first < total; first += state.packets.size()) {
    size_t count = std::min(state.packets.size(), total - first);
    for (size_t i = 0; i < count; i++) {
      const FirewallPacket& given = packets[first + i];
      Packet& packet = state.packets[i];
      packet = Packet{};
      packet.data = given.data;
      packet.captured = given.length;
      packet.wire_length = std::max(given.wire_length, given.length);
      packet.time = Instant(Duration(given.time_ns));
      parse(packet);
      packet.fields[Field::kMark] = given.mark;
      InterfaceName* names = &state.names[2 * i];
      names[0] = InterfaceName(given.in);
      names[1] = InterfaceName(given.out);
      state.ways[i] = packet.malformed == Reason::kNone
                          ? Way{.path = path_of(given.path), .in = &names[0], .out = &names[1]}
                          : Way{.path = Way::Path::kNone, .reason = packet.malformed};
    }
    state.engine->process(std::span(state.packets).first(count), std::span(state.ways).first(count),
                          std::span(state.outcomes).first(count));
    for (size_t i = 0; i < count; i++) {
      verdicts[first + i] = verdict_of(state.outcomes[i], state.packets[i]);
    }
  }
}

std::string_view Firewall::rule_text(const FirewallVerdict& verdict) const {
  const Program* program = state_->engine->program(verdict.ipv6 ? Family::kIpv6 : Family::kIpv4);
  if (!program || verdict.rule >= program->rules.size()) return {};
  return program->rules[verdict.rule].text;
}

size_t Firewall::flows() const {
  return state_->engine->conntrack().count();
}

}  // namespace sallyport
