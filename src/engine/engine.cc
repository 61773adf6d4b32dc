#include "engine/engine.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/journey.h"
#include "engine/membership.h"
#include "engine/routing.h"
#include "packet/parse.h"
#include "sets/set_store.h"

namespace sallyport {

namespace {

// What happens at the hooks, in the order of netfilter's priorities (the numbers of
// enum nf_ip_hook_priorities in linux/netfilter_ipv4.h). Defragmentation, at -400 the first of
// all, has been done by then: a fragment is no packet yet.
struct HookEntry {
  Hook hook;
  int priority;
  Stop::Kind kind;
  TableId table = TableId::kCount;
};

constexpr HookEntry kHookEntries[] = {
    {Hook::kPrerouting, -300, Stop::Kind::kTable, TableId::kRaw},
    {Hook::kPrerouting, -200, Stop::Kind::kTrack},
    {Hook::kPrerouting, -150, Stop::Kind::kTable, TableId::kMangle},
    {Hook::kPrerouting, -100, Stop::Kind::kTable, TableId::kNat},
    {Hook::kInput, -150, Stop::Kind::kTable, TableId::kMangle},
    {Hook::kInput, 0, Stop::Kind::kTable, TableId::kFilter},
    {Hook::kInput, 50, Stop::Kind::kTable, TableId::kSecurity},
    {Hook::kInput, 100, Stop::Kind::kTable, TableId::kNat},
    {Hook::kInput, 0x7fffffff, Stop::Kind::kConfirm},
    {Hook::kForward, -150, Stop::Kind::kTable, TableId::kMangle},
    {Hook::kForward, 0, Stop::Kind::kTable, TableId::kFilter},
    {Hook::kForward, 50, Stop::Kind::kTable, TableId::kSecurity},
    {Hook::kOutput, -300, Stop::Kind::kTable, TableId::kRaw},
    {Hook::kOutput, -200, Stop::Kind::kTrack},
    {Hook::kOutput, -150, Stop::Kind::kTable, TableId::kMangle},
    {Hook::kOutput, -100, Stop::Kind::kTable, TableId::kNat},
    {Hook::kOutput, 0, Stop::Kind::kTable, TableId::kFilter},
    {Hook::kOutput, 50, Stop::Kind::kTable, TableId::kSecurity},
    {Hook::kPostrouting, -150, Stop::Kind::kTable, TableId::kMangle},
    {Hook::kPostrouting, 100, Stop::Kind::kTable, TableId::kNat},
    {Hook::kPostrouting, 0x7fffffff, Stop::Kind::kConfirm},
};

static_assert(std::ranges::is_sorted(kHookEntries, {}, [](const HookEntry& entry) {
  return std::pair(entry.hook, entry.priority);
}));

std::span<const Hook> hooks_of(Way::Path path) {
  static constexpr Hook kInput[] = {Hook::kPrerouting, Hook::kInput};
  static constexpr Hook kOutput[] = {Hook::kOutput, Hook::kPostrouting};
  static constexpr Hook kForward[] = {Hook::kPrerouting, Hook::kForward, Hook::kPostrouting};
  static constexpr Hook kLoopback[] = {Hook::kOutput, Hook::kPostrouting, Hook::kPrerouting,
                                       Hook::kInput};
  switch (path) {
    case Way::Path::kInput: return kInput;
    case Way::Path::kOutput: return kOutput;
    case Way::Path::kForward:
    case Way::Path::kBridged: return kForward;
    case Way::Path::kLoopback: return kLoopback;
    case Way::Path::kLooped: return kInput;
    case Way::Path::kNone: break;
  }
  return {};
}

// Where rules of this program, or conntrack, or routing, meet a packet on its way.
std::vector<Stop> stops_of(Way::Path path, const Program* program) {
  std::vector<Stop> stops;
  for (Hook hook : hooks_of(path)) {
    // In POSTROUTING a routed packet still has its way in, a bridged one has not.
    const bool has_in = hook == Hook::kPrerouting || hook == Hook::kInput ||
                        path == Way::Path::kForward ||
                        (path == Way::Path::kBridged && hook == Hook::kForward);
    const bool has_out = hook != Hook::kPrerouting && hook != Hook::kInput;
    auto add = [&](Stop::Kind kind, TableId table = TableId::kCount, Pc chain = kNoPc) {
      stops.push_back({kind, table, hook, has_in, has_out, chain});
    };
    if (hook == Hook::kPrerouting && path == Way::Path::kLoopback) add(Stop::Kind::kLoopBack);
    for (const HookEntry& entry : kHookEntries) {
      if (entry.hook != hook) continue;
      // Without conntrack its last place is still where a host's own reports of groups are seen.
      if (entry.kind != Stop::Kind::kTable) add(entry.kind);
      if (entry.kind != Stop::Kind::kTable || !program) continue;
      const Pc chain = program->entry[static_cast<size_t>(entry.table)][static_cast<size_t>(hook)];
      if (chain != kNoPc) add(entry.kind, entry.table, chain);
    }
    if (hook == Hook::kPrerouting) add(Stop::Kind::kRoute);
  }
  return stops;
}

// Where fragments on this way are put together for conntrack.
Defragmenter::Point point_of(const Way& way) {
  const bool own = way.path == Way::Path::kOutput || way.path == Way::Path::kLoopback;
  if (own) return Defragmenter::Point::kOut;
  return way.ports ? Defragmenter::Point::kBridge : Defragmenter::Point::kIn;
}

// Tells a trace and a recorder.
class RecordingTrace final : public Trace {
 public:
  RecordingTrace(Trace& trace, Recorder* recorder) : trace_(trace), recorder_(recorder) {}
  void condition(const Program& program, Pc pc, bool held, const Context& context) override {
    trace_.condition(program, pc, held, context);
    if (recorder_) recorder_->condition(program, pc, held, context);
  }
  void action(const Program& program, Pc pc, Verdict verdict, const Context& context) override {
    trace_.action(program, pc, verdict, context);
    if (recorder_) recorder_->action(program, pc, verdict, context);
  }

 private:
  Trace& trace_;
  Recorder* recorder_;  // null: nothing is remembered
};

}  // namespace

Engine::Engine(Config config, std::unique_ptr<SetStore> sets)
    : config_(std::move(config)), sets_(std::move(sets)) {
  if (!config_.descriptors.empty() && config_.knobs.discovery) {
    discovery_ = std::make_unique<Discovery>(config_.descriptors, config_.host, config_.hash_key,
                                             config_.knobs.discovery_announcements
                                                 ? Discovery::Announcements::kLetIn
                                                 : Discovery::Announcements::kIgnored);
  }
  conntrack_ = std::make_unique<Conntrack>(config_.knobs, config_.hash_key, discovery_.get());
  conntrack_->know_host(config_.host);
  defragmenter_ = std::make_unique<Defragmenter>(
      Defragmenter::Limits{.seconds_ipv4 = config_.knobs.ipfrag_time,
                           .seconds_ipv6 = config_.knobs.frag6_timeout,
                           .bytes_ipv4 = config_.knobs.ipfrag_high_thresh,
                           .bytes_ipv6 = config_.knobs.frag6_high_thresh},
      config_.hash_key);
}

Engine::~Engine() = default;

void Engine::change_host(Host host) {
  config_.host = std::move(host);
  decisions_.clear();
  conntrack_->forget_decisions();
}

void Engine::change_descriptors(std::vector<Descriptor> descriptors) {
  if (discovery_) discovery_->change(descriptors);
  config_.descriptors = std::move(descriptors);  // they stay where they are
}

void Engine::set_program(Family family, std::shared_ptr<const Program> program) {
  decisions_.clear();
  conntrack_->forget_decisions();
  if (program && program->needs_flow_extensions) conntrack_->enable_extensions();
  rules(family) = rules_of(std::move(program));
  indexed_ = std::ranges::any_of(rules_, [](const Rules& rules) {
    return std::ranges::any_of(rules.classifier, [](const Classifier* one) { return one; });
  });
}

Engine::Rules Engine::rules_of(std::shared_ptr<const Program> program) {
  Rules rules;
  rules.counters = program ? program->initial_counters : std::vector<RuleCounters>{};
  rules.memory.assign(program ? program->memories : 0, Memory{});
  rules.stack.resize(program ? program->depth : 0);
  for (size_t path = 0; path < Way::kPaths; path++) {
    rules.stops[path] = stops_of(static_cast<Way::Path>(path), program.get());
  }
  for (Way::Path path :
       {Way::Path::kInput, Way::Path::kOutput, Way::Path::kForward, Way::Path::kBridged}) {
    const std::span<const Stop> stops = rules.way(path);
    rules.tracks_first[static_cast<size_t>(path)] =
        program && program->needs_conntrack && stops.front().kind == Stop::Kind::kTrack;
    if (!rules.tracks_first[static_cast<size_t>(path)]) continue;
    const auto filter = std::ranges::find(stops, TableId::kFilter, &Stop::table);
    if (filter == stops.end()) continue;
    rules.classifier[static_cast<size_t>(path)] =
        program->first_classifier(TableId::kFilter, filter->hook);
  }
  rules.program = std::move(program);
  return rules;
}

namespace {

// What a rule remembers, and where its counters stand.
struct Kept {
  RuleCounters counters;
  std::vector<Memory> memory;
};

// By which it is found again; a policy is its chain's.
uint64_t lasting_identity(const RuleInfo& rule) {
  return rule.number > 0 ? rule.identity : std::hash<std::string>()(rule.table + '/' + rule.chain);
}

}  // namespace

void Engine::change_program(Family family, std::shared_ptr<const Program> program,
                            OldCounters old) {
  Rules& rules = this->rules(family);
  std::unordered_map<uint64_t, Kept> kept;
  if (rules.program) {
    for (size_t i = 0; i < rules.program->rules.size(); i++) {
      kept[lasting_identity(rules.program->rules[i])].counters = rules.counters[i];
    }
    for (size_t i = 0; i < rules.memory.size(); i++) {
      const RuleInfo& rule = rules.program->rules[rules.program->memory_rules[i]];
      kept[rule.identity].memory.push_back(rules.memory[i]);
    }
  }
  set_program(family, std::move(program));
  if (!rules.program) return;
  const Program& fresh = *rules.program;
  for (size_t i = 0; i < fresh.rules.size() && old == OldCounters::kKept; i++) {
    auto found = kept.find(lasting_identity(fresh.rules[i]));
    if (found != kept.end()) rules.counters[i] = found->second.counters;
  }
  // A rule's memories come in the order of its conditions, which its identity tells.
  std::unordered_map<uint64_t, size_t> taken;
  for (size_t i = 0; i < fresh.memory_rules.size(); i++) {
    const uint64_t identity = fresh.rules[fresh.memory_rules[i]].identity;
    auto found = kept.find(identity);
    const size_t place = taken[identity]++;
    if (found == kept.end() || place >= found->second.memory.size()) continue;
    rules.memory[i] = found->second.memory[place];
  }
}

const Program* Engine::program(Family family) const {
  return rules(family).program.get();
}

std::span<const RuleCounters> Engine::counters(Family family) const {
  return rules(family).counters;
}

// Everything that may allocate or throw old things away happens here, between bursts.
void Engine::begin_burst(std::span<Packet> packets) {
  released_.clear();
  if (packets.empty()) return;
  move_time(packets.front().time);
  if (!first_) first_ = now_;
  expire(packets.size());
}

void Engine::pass_time(Instant now) {
  released_.clear();
  move_time(now);
  expire(0);
}

void Engine::expire(size_t packets) {
  released_.reserve(defragmenter_->held() + packets);
  defragmenter_->expire(now_, [this](void* cookie) {
    released_.push_back({.cookie = cookie, .reason = Reason::kFragmentTimeout});
  });
  conntrack_->reserve(packets, now());
  sets_->reserve(now());
  decisions_.reserve(packets);
  heard_ = conntrack_->listening();
}

void Engine::take_long_way(Packet& packet, const Way& way, Outcome& outcome, Answer* answer) {
  NoTrace trace;
  judge(packet, way, outcome, answer, trace);
}

// A plain packet is whole, and no rule has been asked.
void Engine::go_on(Packet& packet, const Way& way, Followed followed, Location* ahead,
                   Outcome& outcome, Answer* answer) {
  static constexpr TrackAs kInZone0{};
  Tracked tracked;
  if (followed.flow) {
    conntrack_->tell(packet, followed, tracked);
  } else {
    conntrack_->track(packet, kInZone0, tick_, tracked);
    if (tracked.decision && end_as_recalled(packet, way, tracked, outcome)) return;
  }
  NoTrace trace;
  Journey journey(*this, packet, way, tracked, outcome);
  journey.was_tracked = true;
  journey.context.ahead = ahead;
  complete(journey, journey.rules.way(way.path), answer, trace);
}

Outcome Engine::process_traced(Packet& packet, const Way& way, EngineTrace& trace, Answer* answer) {
  begin_burst({&packet, 1});
  move_time(packet.time);
  datagram_ = nullptr;
  Outcome outcome;
  judge(packet, way, outcome, answer, trace);
  reasons_[static_cast<size_t>(outcome.reason)]++;
  return outcome;
}

// A packet that reaches no hook.
bool Engine::refuse(const Packet& packet, const Way& way, Outcome& outcome) {
  const bool from_wire = way.path == Way::Path::kInput || way.path == Way::Path::kForward;
  if (way.path == Way::Path::kNone) {
    outcome = Outcome{.reason = way.reason};
  } else if (from_wire && is_only_for_loopback(packet) && (!way.in || way.in->text() != "lo")) {
    outcome = Outcome{.reason = Reason::kBadHeader};
  } else if (!rules(packet.family).program) {
    outcome = Outcome{.reason = Reason::kNoRules};
  } else {
    return false;
  }
  return true;
}

template <typename Tracer>
void Engine::judge(Packet& arrived, const Way& way, Outcome& outcome, Answer* answer,
                   Tracer& tracer) {
  if (refuse(arrived, way, outcome)) return;
  const Program& program = *rules(arrived.family).program;
  std::span<const Stop> stops = rules(arrived.family).way(way.path);
  Packet* packet = &arrived;
  Tracked tracked;
  bool is_delivered = way.path == Way::Path::kInput || way.path >= Way::Path::kLoopback;
  if (arrived.is_fragment && !program.needs_conntrack && arrived.family == Family::kIpv4 &&
      is_delivered) {
    // Without conntrack IPv4 puts fragments together on delivery, before INPUT. (IPv6 does after
    // it, when nobody looks any more.)
    Journey journey(*this, arrived, way, tracked, outcome);
    const auto delivery = std::ranges::find(stops, Hook::kInput, &Stop::hook);
    Verdict verdict = travel(journey, {stops.begin(), delivery}, tracer);
    if (verdict != Verdict::kAccept) return conclude(journey, verdict, answer);
    if (defragment(packet, way, Defragmenter::Point::kDelivery, outcome)) return;
    stops = {delivery, stops.end()};
  } else if (arrived.is_fragment && program.needs_conntrack) {
    if (defragment(packet, way, point_of(way), outcome)) return;
  }
  Journey journey(*this, *packet, way, tracked, outcome);
  if (datagram_) journey.context.ports = datagram_ports();
  if (way.path == Way::Path::kLooped && program.needs_conntrack) {
    tracked = conntrack_->recognize(*packet, now());
  }
  complete(journey, stops, answer, tracer);
}

// The journey of a whole packet, from these stops on.
template <typename Tracer>
void Engine::complete(Journey& journey, std::span<const Stop> stops, Answer* answer,
                      Tracer& tracer) {
  const Verdict verdict = travel(journey, stops, tracer);
  if (journey.remembered) return;
  if (journey.way.path == Way::Path::kBridged && verdict != Verdict::kAccept) confirm_copy(journey);
  conclude(journey, verdict, answer);
  if (!journey.recorder) return;
  if constexpr (Tracer::kOn) {
    bool remembered = journey.decision && journey.decision->obstacle == kNoPc;
    tracer.recall(*journey.rules.program, {remembered, journey.recorder->obstacle()});
  }
  learn(journey);
}

// False: `packet` is a whole packet now, which it may not have been before.
bool Engine::defragment(Packet*& packet, const Way& way, Defragmenter::Point point,
                        Outcome& outcome) {
  Defragmenter::Pushed pushed = defragmenter_->push(
      *packet, {.point = point, .in = way.in ? *way.in : InterfaceName(), .ports = way.ports});
  bool complete = pushed.outcome == Defragmenter::Outcome::kComplete;
  for (void* cookie : pushed.held) {
    released_.push_back({.cookie = cookie,
                         .completed_by = complete ? packet->cookie : nullptr,
                         .reason = pushed.reason});
  }
  switch (pushed.outcome) {
    case Defragmenter::Outcome::kWhole: return false;
    case Defragmenter::Outcome::kComplete:
      datagram_ = packet = &defragmenter_->datagram();
      return false;
    case Defragmenter::Outcome::kHeld:
      outcome = Outcome{.fate = Outcome::Fate::kStolen, .reason = Reason::kFragmentHeld};
      return true;
    case Defragmenter::Outcome::kDropped: break;
  }
  outcome = Outcome{.fate = Outcome::Fate::kDrop, .reason = pushed.reason};
  return true;
}

template <typename Tracer>
Verdict Engine::travel(Journey& journey, std::span<const Stop> stops, Tracer& tracer) {
  Context& context = journey.context;
  const std::array ins{static_cast<const InterfaceName*>(nullptr), journey.way.in};
  const std::array outs{static_cast<const InterfaceName*>(nullptr), journey.way.out};
  for (const Stop& stop : stops) {
    context.hook = stop.hook;
    context.packet.in = ins[stop.has_in];
    context.packet.out = outs[stop.has_out];
    Verdict verdict = Verdict::kAccept;
    switch (stop.kind) {
      case Stop::Kind::kTable: verdict = ask(journey, stop, tracer); break;
      case Stop::Kind::kTrack:
        verdict = track(journey, tracer);
        if (!journey.tracked.created && verdict == Verdict::kAccept && !context.what_if) {
          recall(journey, Tracer::kOn);
        }
        break;
      case Stop::Kind::kConfirm: verdict = confirm(journey); break;
      case Stop::Kind::kRoute:
        journey.routing = route(context.packet, journey.way, config_.host);
        if (journey.routing != Reason::kNone) verdict = Verdict::kDrop;
        break;
      case Stop::Kind::kLoopBack: journey.loop_back(); break;
    }
    if (verdict != Verdict::kAccept || journey.remembered) return verdict;
  }
  return Verdict::kAccept;
}

template <typename Tracer>
Verdict Engine::ask(Journey& journey, const Stop& stop, Tracer& tracer) {
  Context& context = journey.context;
  const Program& program = *journey.rules.program;
  const TableId table = stop.table;
  // NAT rules are asked once a flow, by the packet that makes it.
  if (table == TableId::kNat && !journey.tracked.created) return Verdict::kAccept;
  auto walk = [&](auto& listener) {
    return run(program, stop.chain, context, std::span(journey.rules.counters),
               std::span(journey.rules.stack), listener);
  };
  Verdict verdict;
  if constexpr (Tracer::kOn) {
    tracer.table(context.hook, table);
    RecordingTrace both(tracer, journey.recorder ? &*journey.recorder : nullptr);
    verdict = walk(static_cast<Trace&>(both));
  } else {
    verdict = journey.recorder ? walk(*journey.recorder) : walk(tracer);
  }
  if (table == TableId::kFilter) journey.filter_rule = context.rule;
  if (context.nat_reached) {
    if (Flow* flow = context.tracked_flow()) {
      flow->status = static_cast<uint16_t>(flow->status | ct_status::kNatNotDone);
    }
  }
  return verdict;
}

template <typename Tracer>
Verdict Engine::track(Journey& journey, Tracer& tracer) {
  Context& context = journey.context;
  bool seen = journey.tracked.info != CtInfo::kNone;  // NOTRACK, or looped back
  if (!context.conntrack || (seen && !journey.was_tracked)) return Verdict::kAccept;
  context.has_template = false;
  if (context.zone_is_mark) {
    context.zone.id = static_cast<uint16_t>(context.packet.fields[Field::kMark]);
  }
  if (!journey.was_tracked) {
    context.conntrack->track(context.packet, {context.zone, context.helper}, context.now,
                             journey.tracked);
  }
  if constexpr (Tracer::kOn) tracer.tracked(context);
  if (journey.tracked.reason == Reason::kNotInCapture) context.not_captured = true;
  journey.tracking_drop = journey.tracked.reason == Reason::kTableFull;
  return journey.tracking_drop ? Verdict::kDrop : Verdict::kAccept;
}

Verdict Engine::confirm(Journey& journey) {
  Context& context = journey.context;
  if (context.what_if) return Verdict::kAccept;
  if (context.hook == Hook::kPostrouting && journey.way.path == Way::Path::kOutput) {
    observe_membership(context.packet, config_.host);
  }
  if (!context.conntrack || !journey.tracked.flow) return Verdict::kAccept;
  Reason reason = context.conntrack->confirm(context.packet, journey.tracked, context.now);
  bool created = std::exchange(journey.tracked.created, false);
  if (reason == Reason::kNone) return Verdict::kAccept;
  journey.tracked.reason = reason;
  if (reason == Reason::kNotInCapture) {  // what a helper would make of it
    context.not_captured = true;
    return Verdict::kAccept;
  }
  if (created) journey.tracked.flow = {};
  journey.tracking_drop = true;
  return Verdict::kDrop;
}

// Of what goes to many a bridge keeps a copy, and knows the flow by it, whatever becomes of what it
// hands on (tests/flow/bridge-to-many.flow).
void Engine::confirm_copy(Journey& journey) {
  Context& context = journey.context;
  const uint32_t type = context.packet.fields[Field::kPacketType];
  const bool to_many = type == static_cast<uint32_t>(PacketType::kBroadcast) ||
                       type == static_cast<uint32_t>(PacketType::kMulticast);
  if (!to_many || context.hook == Hook::kPrerouting || !journey.tracked.created) return;
  Reason reason = context.conntrack->confirm(context.packet, journey.tracked, context.now);
  journey.tracked.created = false;
  if (reason != Reason::kNone) journey.tracked.flow = {};
}

// What REJECT does beside dropping: its answer, and what a reset does to the flow. Null, or why
// there is no answer.
const char* Engine::reject(const Journey& journey, Answer* answer) {
  const Context& context = journey.context;
  const char* why_not = why_unanswered(context.packet, context.reject_with, config_.host);
  if (answer) answer->length = 0;
  if (why_not) return why_not;
  if (answer) {
    answer->length = build_answer(context.packet, context.reject_with, context.hook, config_.host,
                                  answer->bytes);
  }
  if (context.conntrack && is_reset(context.reject_with)) {
    context.conntrack->close(journey.tracked.flow, context.now);
  }
  return nullptr;
}

inline Reason Engine::rule_reason(const Journey& journey, uint32_t rule) {
  return journey.rules.program->is_policy[rule] ? Reason::kPolicy : Reason::kRule;
}

void Engine::conclude(Journey& journey, Verdict verdict, Answer* answer) {
  Context& context = journey.context;
  const Tracked& tracked = journey.tracked;
  const Flow* flow = context.tracked_flow();
  Outcome& outcome = journey.outcome;
  // Member by member: one that is put together elsewhere, and then copied, is waited for.
  outcome.fate = Outcome::Fate::kNone;
  outcome.hook = context.hook;
  outcome.reason = Reason::kNone;
  outcome.certain = true;
  outcome.rule = kNoRule;
  outcome.reject_with = context.reject_with;
  outcome.unanswered = nullptr;
  outcome.info = tracked.info;
  outcome.direction = tracked.direction;
  outcome.status = flow ? uint32_t{flow->status} : 0;
  outcome.flow = tracked.flow;
  outcome.tracking = tracked.reason;
  if (verdict == Verdict::kAccept) {
    outcome.fate = Outcome::Fate::kAccept;
    outcome.rule = journey.filter_rule;
    if (outcome.rule != kNoRule) outcome.reason = rule_reason(journey, outcome.rule);
  } else if (journey.routing != Reason::kNone) {
    outcome.reason = journey.routing;
  } else {
    outcome.fate = verdict == Verdict::kQueue ? Outcome::Fate::kQueue : Outcome::Fate::kDrop;
    outcome.rule = journey.tracking_drop ? kNoRule : context.rule;
    outcome.reason = drop_reason(journey);
    if (outcome.fate == Outcome::Fate::kDrop && may_predate(journey)) {
      outcome.reason = Reason::kMayPredateCapture;
      outcome.certain = false;
    }
  }
  if (context.reject_with) outcome.unanswered = reject(journey, answer);
  if (tracked.created) {  // and not confirmed
    context.conntrack->release(tracked);
    outcome.flow = {};
  }
  if (context.nat_reached || (outcome.status & ct_status::kNatNotDone)) {
    outcome.reason = Reason::kNatNotDone;
    outcome.certain = false;
  } else if (context.not_captured) {
    outcome.reason = Reason::kNotInCapture;
    outcome.certain = false;
  }
}

// The most telling reason for a drop: why tracking refused the packet its state, rather than
// the rule that every such packet ends at.
Reason Engine::drop_reason(const Journey& journey) {
  if (journey.context.hotdrop) return Reason::kHotdrop;
  if (journey.tracked.reason != Reason::kNone) return journey.tracked.reason;
  return rule_reason(journey, journey.context.rule);
}

namespace {

// For how long after the capture's first packet a flow that began before it can live on, unseen.
uint64_t longest_seconds(const Packet& packet, const Knobs& knobs) {
  switch (packet.protocol()) {
    case protocol::kTcp: return knobs.tcp_timeout_established;
    case protocol::kUdp:
    case protocol::kUdpLite: return std::max(knobs.udp_timeout, knobs.udp_timeout_stream);
    case protocol::kIcmp:
      return packet.is_icmp_error ? knobs.tcp_timeout_established : knobs.icmp_timeout;
    case protocol::kIcmpv6:
      return packet.is_icmp_error ? knobs.tcp_timeout_established : knobs.icmpv6_timeout;
    default: return knobs.generic_timeout;
  }
}

bool begins_a_connection(const Packet& packet) {
  constexpr uint32_t kMask = 0x17;  // SYN without FIN, RST, ACK
  return packet.protocol() == protocol::kTcp && (packet.fields[Field::kTcpFlags] & kMask) == 2;
}

}  // namespace

bool Engine::may_predate(const Journey& journey) {
  const Context& context = journey.context;
  if (!config_.history_unknown || !context.conntrack || context.hotdrop) return false;
  const Tracked& tracked = journey.tracked;
  bool unknown = tracked.info == CtInfo::kNew || tracked.reason == Reason::kInvalidTcpNew ||
                 tracked.reason == Reason::kInvalidIcmpNew ||
                 tracked.reason == Reason::kInvalidIcmpError;
  if (!unknown || begins_a_connection(context.packet)) return false;
  // Discovery has recognised it: the question was seen, and this is no good answer to it.
  if (tracked.info == CtInfo::kNew && tracked.reason != Reason::kNone) return false;
  Duration seen = now_ - *first_;
  if (seen >= std::chrono::seconds(longest_seconds(context.packet, config_.knobs))) return false;
  CtInfo info = context.packet.is_icmp_error ? CtInfo::kRelated : CtInfo::kEstablished;
  return would_accept(context.packet, journey.way, info);
}

bool Engine::would_accept(const Packet& packet, const Way& way, CtInfo info) {
  Tracked tracked;
  tracked.info = info;
  if (info == CtInfo::kEstablished) tracked.direction = Direction::kReply;
  return suppose(packet, way, tracked).accepted;
}

Engine::Supposed Engine::suppose(const Packet& packet, const Way& way, Tracked tracked) {
  if (way.path == Way::Path::kNone || !rules(packet.family).program) return {};
  Packet copy = packet;
  Outcome outcome;
  Journey journey(*this, copy, way, tracked, outcome);
  journey.context.what_if = true;
  const Flow* flow = conntrack_->find(tracked.flow);
  copy.fields[Field::kCtState] = ct_state_bit(tracked.info);
  copy.fields[Field::kCtStatus] =
      flow ? flow->status : ct_status::kConfirmed | ct_status::kSeenReply;
  copy.fields[Field::kCtDirection] = static_cast<uint32_t>(tracked.direction);
  copy.fields[Field::kConnmark] = flow ? flow->connmark : 0;
  NoTrace trace;
  const bool accepted = travel(journey, journey.rules.way(way.path), trace) == Verdict::kAccept;
  return {accepted, accepted ? journey.filter_rule : journey.context.rule};
}

void Engine::imagine(const Programs& programs, SetStore& sets, const std::function<void()>& ask) {
  std::array<Rules, 2> own = std::exchange(rules_, {rules_of(programs[0]), rules_of(programs[1])});
  std::swap(*sets_, sets);
  ask();
  std::swap(*sets_, sets);
  rules_ = std::move(own);
}

}  // namespace sallyport
