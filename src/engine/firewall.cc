// The public Firewall: texts in, an Engine inside, plain structs out.
#include "sallyport/firewall.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/label_names.h"
#include "engine/engine.h"
#include "engine/host_text.h"
#include "packet/parse.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {

struct Firewall::State {
  std::unique_ptr<Engine> engine;
  LabelNames labels;
  std::vector<Packet> packets;
  std::vector<Way> ways;
  std::vector<Outcome> outcomes;
  struct Names {
    InterfaceName in, out;
    BridgePorts ports;
  };
  std::vector<Names> names;     // of each packet
  std::vector<Answer> answers;  // of a burst, if anybody wants them
  std::vector<FirewallReleased> released;

  void prepare(const FirewallPacket& given, size_t i);
  void finish(size_t i, FirewallVerdict& verdict, FirewallAnswer* answer);
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

// Null for an empty text, and where it is wrong.
std::shared_ptr<const Program> compile_text(Engine& engine, Family family, const char* name,
                                            const std::string& text, const LabelNames& labels,
                                            Errors& errors) {
  if (text.empty()) return nullptr;
  std::expected<Ruleset, Diagnostics> rules = parse_rules(text, family, &engine.sets(), &labels);
  if (rules) return compile(*rules);
  errors.add(name, text, rules.error());
  return nullptr;
}

// Both texts or none.
void load_rules(Engine& engine, const std::string& rules, const std::string& rules6,
                const LabelNames& labels, Errors& errors) {
  auto program = compile_text(engine, Family::kIpv4, "rules", rules, labels, errors);
  auto program6 = compile_text(engine, Family::kIpv6, "rules6", rules6, labels, errors);
  if (!errors.text().empty()) return;
  engine.set_program(Family::kIpv4, std::move(program));
  engine.set_program(Family::kIpv6, std::move(program6));
}

// An id as a cookie, and back.
void* cookie_of(uint64_t id) {
  return reinterpret_cast<void*>(id);  // NOLINT: a number in a pointer's place
}
uint64_t id_of(void* cookie) {
  return reinterpret_cast<uint64_t>(cookie);
}

// Zero is an id as any other: what tells a fragment that was lost is its reason.
FirewallReleased released_of(const Released& released) {
  if (released.reason == Reason::kNone) {
    return {.id = id_of(released.cookie), .completed_by = id_of(released.completed_by)};
  }
  return {.id = id_of(released.cookie), .reason = reason_name(released.reason)};
}

Way::Path path_of(FirewallPacket::Path path) {
  switch (path) {
    case FirewallPacket::Path::kInput: return Way::Path::kInput;
    case FirewallPacket::Path::kOutput: return Way::Path::kOutput;
    case FirewallPacket::Path::kForward: return Way::Path::kForward;
    case FirewallPacket::Path::kBridged: return Way::Path::kBridged;
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

  auto sets = std::make_unique<SetStore>(config.hash_key);
  Diagnostics set_errors;
  sets->restore(options.sets, 0, set_errors);
  errors.add("sets", options.sets, set_errors);

  auto state = std::make_unique<State>();
  state->engine = std::make_unique<Engine>(std::move(config), std::move(sets));
  state->labels = LabelNames(options.labels);
  load_rules(*state->engine, options.rules, options.rules6, state->labels, errors);
  Diagnostics flow_errors;
  state->engine->conntrack().load(options.conntrack, 0, flow_errors, &state->labels);
  errors.add("conntrack", options.conntrack, flow_errors);
  if (!errors.text().empty()) return std::unexpected(errors.text());

  const size_t burst = std::max<size_t>(options.burst, 1);
  state->packets.resize(burst);
  state->ways.resize(burst);
  state->outcomes.resize(burst);
  state->names.resize(burst);
  return Firewall(std::move(state));
}

Firewall::Firewall(std::unique_ptr<State> state) : state_(std::move(state)) {}
Firewall::Firewall(Firewall&&) noexcept = default;
Firewall& Firewall::operator=(Firewall&&) noexcept = default;
Firewall::~Firewall() = default;

// The packet at `given` as the engine takes it, in slot `i`.
void Firewall::State::prepare(const FirewallPacket& given, size_t i) {
  Packet& packet = packets[i];
  packet.arrive(given.data, given.length, std::max(given.wire_length, given.length),
                Instant(Duration(given.time_ns)));
  packet.cookie = cookie_of(given.id);
  parse(packet);
  packet.fields[Field::kMark] = given.mark;
  Names& own = names[i];
  own = {.in = InterfaceName(given.in), .out = InterfaceName(given.out), .ports = {}};
  Way& way = ways[i];
  way = {.path = path_of(given.path), .in = &own.in, .out = &own.out};
  if (!given.bridge.empty()) {
    own.ports.in = std::exchange(own.in, InterfaceName(given.bridge));
    way.ports = &own.ports;
  }
  if (way.path == Way::Path::kBridged) {
    own.ports.out = std::exchange(own.out, own.in);
    type_bridged(packet, engine->host());
  }
  if (is_refused(packet, way.path)) way = {.path = Way::Path::kNone, .reason = packet.malformed};
}

void Firewall::State::finish(size_t i, FirewallVerdict& verdict, FirewallAnswer* answer) {
  verdict = verdict_of(outcomes[i], packets[i]);
  if (!answer) return;
  answer->length = 0;
  if (!outcomes[i].reject_with || outcomes[i].unanswered) return;
  answer->length = static_cast<uint32_t>(answers[i].length);
  std::ranges::copy(answers[i].packet(), answer->bytes.begin());
}

void Firewall::process(std::span<const FirewallPacket> packets, std::span<FirewallVerdict> verdicts,
                       std::span<FirewallAnswer> answers) {
  State& state = *state_;
  const bool answering = !answers.empty();
  if (answering) state.answers.resize(state.packets.size());
  state.released.clear();
  size_t total = std::min(packets.size(), verdicts.size());
  if (answering) total = std::min(total, answers.size());
  for (size_t first = 0; first < total; first += state.packets.size()) {
    const size_t count = std::min(state.packets.size(), total - first);
    for (size_t i = 0; i < count; i++) state.prepare(packets[first + i], i);
    state.engine->process(std::span(state.packets).first(count), std::span(state.ways).first(count),
                          std::span(state.outcomes).first(count),
                          std::span(state.answers).first(answering ? count : 0));
    for (size_t i = 0; i < count; i++) {
      state.finish(i, verdicts[first + i], answering ? &answers[first + i] : nullptr);
    }
    for (const Released& released : state.engine->released()) {
      state.released.push_back(released_of(released));
    }
  }
}

std::span<const FirewallReleased> Firewall::released() const {
  return state_->released;
}

std::expected<void, std::string> Firewall::replace_rules(const std::string& rules,
                                                         const std::string& rules6) {
  Errors errors;
  load_rules(*state_->engine, rules, rules6, state_->labels, errors);
  if (!errors.text().empty()) return std::unexpected(errors.text());
  return {};
}

std::string_view Firewall::rule_text(const FirewallVerdict& verdict) const {
  const Program* program = state_->engine->program(verdict.ipv6 ? Family::kIpv6 : Family::kIpv4);
  if (!program || verdict.rule >= program->rules.size()) return {};
  return program->rules[verdict.rule].text;
}

uint64_t Firewall::packets(std::string_view reason) const {
  std::optional<Reason> known = find_reason(reason);
  return known ? state_->engine->count(*known) : 0;
}

size_t Firewall::flows() const {
  return state_->engine->conntrack().count();
}

}  // namespace sallyport
