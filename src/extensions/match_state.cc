// -m state: the packet's relation to its flow; the older form of `-m conntrack --ctstate`.
#include "extensions/ct_state.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct StateMatch {
  static constexpr Traits kTraits{.name = "state",
                                  .summary = "the connection tracking state",
                                  .depends = depends::kState,
                                  .needs_conntrack = true};

  Arg<StateList> state;

  static constexpr auto options() {
    return std::tuple{
        option("--state", &StateMatch::state)
            .listed("state ", "! state ")
            .negatable()
            .mandatory()
            .help("state,…", "INVALID, NEW, RELATED, ESTABLISHED, UNTRACKED: one of these")};
  }

  MatchResult eval(Context& context) const {
    return yes_if(((state_of(context) & state.value.bits) != 0) != state.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, "--state");
    compile_state(emitter, state.value.bits, state.negated);
  }
};

}  // namespace

constinit const MatchType kStateMatch = match_type<StateMatch>();

}  // namespace sallyport
