// -m conntrack: everything a rule may ask of the packet's flow.
//
// A packet without a flow (INVALID, UNTRACKED, or not tracked yet) matches by its
// state alone if --ctstate is given, and not at all otherwise, ! or no !; the other
// options then count for nothing (seen on the kernel with an unsolicited echo reply).
// A flow that is not confirmed yet has a lifetime of 0.
#include <array>

#include "extensions/ct_state.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct CtStateList : StateList {};
std::string read(Text text, const Scope&, CtStateList& out) {
  return read_bits(text, kStates, Spelling::kAnyCasePrefix, "state", out.bits);
}

constexpr Named kStatuses[] = {{"EXPECTED", ct_status::kExpected},
                               {"SEEN_REPLY", ct_status::kSeenReply},
                               {"ASSURED", ct_status::kAssured},
                               {"CONFIRMED", ct_status::kConfirmed},
                               {"NONE", 0}};
struct StatusList {
  uint32_t bits = 0;
};
std::string read(Text text, const Scope&, StatusList& out) {
  return read_bits(text, kStatuses, Spelling::kAnyCasePrefix, "status", out.bits);
}
void write(const StatusList& statuses, const Scope&, std::string& out) {
  if (statuses.bits == 0) out += "NONE";
  write_bits(statuses.bits, kStatuses, out);
}

constexpr Named kDirections[] = {{"ORIGINAL", 0}, {"REPLY", 1}};
struct FlowDirection {
  uint32_t value = 0;
};
std::string read(Text text, const Scope&, FlowDirection& out) {
  const Named* named = find_named(text, kDirections, Spelling::kAnyCase);
  if (named == nullptr) return unknown_name("direction", text, kDirections);
  out.value = named->value;
  return {};
}
void write(const FlowDirection& direction, const Scope&, std::string& out) {
  out += name_of(direction.value, kDirections);
}

struct ConntrackMatch {
  static constexpr Traits kTraits{.name = "conntrack",
                                  .summary = "what connection tracking knows of the packet's flow",
                                  .depends = depends::kFlow | depends::kState | depends::kTime,
                                  .needs_conntrack = true};

  Arg<CtStateList> state;
  Arg<ProtocolNumber> proto;
  Arg<MaskedAddress> orig_src, orig_dst, repl_src, repl_dst;
  Arg<PortRange> orig_sport, orig_dport, repl_sport, repl_dport;
  Arg<StatusList> status;
  Arg<NumberRange<0xffffffff>> expire;
  Arg<FlowDirection> direction;

  static constexpr auto options() {
    using Self = ConntrackMatch;
    return std::tuple{
        option("--ctstate", &Self::state)
            .listed("ctstate ", "! ctstate ")
            .negatable()
            .help("state,…",
                  "INVALID, NEW, RELATED, ESTABLISHED, UNTRACKED, SNAT, DNAT: one of these"),
        option("--ctproto", &Self::proto)
            .listed("ctproto ", "! ctproto ")
            .negatable()
            .help("protocol", "the flow's protocol"),
        option("--ctorigsrc", &Self::orig_src)
            .listed("ctorigsrc ", "! ctorigsrc ")
            .negatable()
            .help("address[/mask]", "source of the original direction"),
        option("--ctorigdst", &Self::orig_dst)
            .listed("ctorigdst ", "! ctorigdst ")
            .negatable()
            .help("address[/mask]", "destination of the original direction"),
        option("--ctreplsrc", &Self::repl_src)
            .listed("ctreplsrc ", "! ctreplsrc ")
            .negatable()
            .help("address[/mask]", "source of the reply direction"),
        option("--ctrepldst", &Self::repl_dst)
            .listed("ctrepldst ", "! ctrepldst ")
            .negatable()
            .help("address[/mask]", "destination of the reply direction"),
        option("--ctorigsrcport", &Self::orig_sport)
            .listed("ctorigsrcport ", "! ctorigsrcport ")
            .negatable()
            .help("port[:port]", "source port of the original direction"),
        option("--ctorigdstport", &Self::orig_dport)
            .listed("ctorigdstport ", "! ctorigdstport ")
            .negatable()
            .help("port[:port]", "destination port of the original direction"),
        option("--ctreplsrcport", &Self::repl_sport)
            .listed("ctreplsrcport ", "! ctreplsrcport ")
            .negatable()
            .help("port[:port]", "source port of the reply direction"),
        option("--ctrepldstport", &Self::repl_dport)
            .listed("ctrepldstport ", "! ctrepldstport ")
            .negatable()
            .help("port[:port]", "destination port of the reply direction"),
        option("--ctstatus", &Self::status)
            .listed("ctstatus ", "! ctstatus ")
            .negatable()
            .help("status,…", "NONE, EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED: one of these"),
        option("--ctexpire", &Self::expire)
            .listed("ctexpire ", "! ctexpire ")
            .negatable()
            .help("seconds[:seconds]", "the lifetime that is left"),
        option("--ctdir", &Self::direction)
            .listed("ctdir ", "! ctdir ")
            .help("ORIGINAL|REPLY", "the packet's direction")};
  }

  std::string finish(const Placement& place) {
    for (const Arg<MaskedAddress>* each : {&orig_src, &orig_dst, &repl_src, &repl_dst}) {
      bool has_gaps = each->given && !length_of(place.scope.family, each->value.mask);
      if (has_gaps && place.scope.family == Family::kIpv6) {
        return "a mask with gaps (ip6tables forgets it, and takes the address alone)";
      }
    }
    for (const OptionSpec& spec : specs_of<ConntrackMatch>()) {
      if (spec.given(spec, this)) return {};
    }
    return "at least one option is needed";
  }

  // Each condition by itself; nothing that was not given is asked. `flow` is never null but for
  // the state.
  bool state_holds(const Context& context, const Flow* flow) const {
    uint32_t have = state_of(context);
    if (flow != nullptr && (flow->status & ct_status::kSourceNat)) have |= kStateSnat;
    if (flow != nullptr && (flow->status & ct_status::kDestinationNat)) have |= kStateDnat;
    return ((have & state.value.bits) != 0) != state.negated;
  }
  static bool is(const Arg<MaskedAddress>& wanted, const Address& have) {
    const MaskedAddress& a = wanted.value;
    return ((have & a.mask) == (a.address & a.mask)) != wanted.negated;
  }
  static bool is(const Arg<PortRange>& wanted, uint16_t have) {
    return (have >= wanted.value.low && have <= wanted.value.high) != wanted.negated;
  }
  bool expire_holds(const Context& context, const Flow& flow) const {
    bool fresh = context.tracked->created || flow.expires() <= context.now;
    uint64_t left = fresh ? 0 : (flow.expires() - context.now) / kTicksPerSecond;
    return (left >= expire.value.low && left <= expire.value.high) != expire.negated;
  }

  using Condition = bool (*)(const ConntrackMatch&, const Context&, const Flow&);
  struct Row {
    std::string_view option;
    Condition holds;
    uint8_t depends = depends::kFlow;
  };
  static std::span<const Row> rows();

  static bool given(const ConntrackMatch& self, std::string_view option) {
    for (const OptionSpec& spec : specs_of<ConntrackMatch>()) {
      if (spec.name == option) return spec.given(spec, &self);
    }
    return false;
  }

  MatchResult eval(Context& context) const {
    const Flow* flow = context.flow();
    if (flow == nullptr) return yes_if(state.given && state_holds(context, nullptr));
    if (state.given && !state_holds(context, flow)) return MatchResult::kNo;
    for (const Row& row : rows()) {
      if (given(*this, row.option) && !row.holds(*this, context, *flow)) return MatchResult::kNo;
    }
    return MatchResult::kYes;
  }

  void compile_state_option(Emitter& emitter) const;
  void compile(Emitter& emitter) const;
};

std::span<const ConntrackMatch::Row> ConntrackMatch::rows() {
  using Self = ConntrackMatch;
  static constexpr Row kRows[] = {
      {"--ctproto",
       [](const Self& s, const Context&, const Flow& f) {
         return (f.protocol() == s.proto.value.value) != s.proto.negated;
       }},
      {"--ctorigsrc", [](const Self& s, const Context&,
                         const Flow& f) { return is(s.orig_src, f.tuple().source); }},
      {"--ctorigdst", [](const Self& s, const Context&,
                         const Flow& f) { return is(s.orig_dst, f.tuple().destination); }},
      {"--ctreplsrc", [](const Self& s, const Context&,
                         const Flow& f) { return is(s.repl_src, invert(f.tuple()).source); }},
      {"--ctrepldst", [](const Self& s, const Context&,
                         const Flow& f) { return is(s.repl_dst, invert(f.tuple()).destination); }},
      {"--ctorigsrcport", [](const Self& s, const Context&,
                             const Flow& f) { return is(s.orig_sport, f.tuple().source_port); }},
      {"--ctorigdstport",
       [](const Self& s, const Context&, const Flow& f) {
         return is(s.orig_dport, f.tuple().destination_port);
       }},
      {"--ctreplsrcport",
       [](const Self& s, const Context&, const Flow& f) {
         return is(s.repl_sport, invert(f.tuple()).source_port);
       }},
      {"--ctrepldstport",
       [](const Self& s, const Context&, const Flow& f) {
         return is(s.repl_dport, invert(f.tuple()).destination_port);
       }},
      {"--ctstatus",
       [](const Self& s, const Context&, const Flow& f) {
         return ((f.status & s.status.value.bits) != 0) != s.status.negated;
       },
       depends::kState},
      {"--ctexpire",
       [](const Self& s, const Context& c, const Flow& f) { return s.expire_holds(c, f); },
       depends::kTime},
      {"--ctdir",
       [](const Self& s, const Context& c, const Flow&) {
         return c.packet.fields[Field::kCtDirection] == s.direction.value.value;
       }},
  };
  return kRows;
}

// One condition in the compiled program. Where --ctstate is among the options, a packet without a
// flow has passed it already, and nothing else is asked of it.
struct FlowCondition {
  ConntrackMatch match;
  ConntrackMatch::Condition holds;

  MatchResult eval(Context& context) const {
    const Flow* flow = context.flow();
    if (flow == nullptr) return yes_if(match.state.given);
    return yes_if(holds(match, context, *flow));
  }
};

void ConntrackMatch::compile_state_option(Emitter& emitter) const {
  describe(emitter, *this, "--ctstate");
  if ((state.value.bits & (kStateSnat | kStateDnat)) == 0) {
    return compile_state(emitter, state.value.bits, state.negated);
  }
  emitter.test_call(
      [](const void* self, Context& context) {
        return yes_if(
            static_cast<const ConntrackMatch*>(self)->state_holds(context, context.flow()));
      },
      std::make_shared<const ConntrackMatch>(*this), depends::kState);
}

void ConntrackMatch::compile(Emitter& emitter) const {
  emitter.needs_conntrack();
  if (state.given) compile_state_option(emitter);
  for (const Row& row : rows()) {
    if (!given(*this, row.option)) continue;
    describe(emitter, *this, row.option);
    compile_call(emitter, FlowCondition{*this, row.holds}, row.depends);
  }
}

}  // namespace

constinit const MatchType kConntrackMatch = match_type<ConntrackMatch>();

}  // namespace sallyport
