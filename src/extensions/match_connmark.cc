// -m connmark: the mark of the packet's flow. A packet without a flow matches neither the mark
// nor its negation.
#include "extensions/ct_state.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct ConnmarkMatch {
  static constexpr Traits kTraits{.name = "connmark",
                                  .summary = "the flow's mark",
                                  .depends = depends::kState,
                                  .needs_conntrack = true};

  Arg<MarkMask> mark;

  static constexpr auto options() {
    return std::tuple{option("--mark", &ConnmarkMatch::mark)
                          .listed("connmark match  ", "connmark match ! ")
                          .negatable()
                          .mandatory()
                          .help("value[/mask]", "the mark has this value, under the mask")};
  }

  MatchResult eval(Context& context) const {
    const Fields& fields = context.packet.fields;
    if ((fields[Field::kCtState] & kFlowStates) == 0) return MatchResult::kNo;
    bool is = (fields[Field::kConnmark] & mark.value.mask) == mark.value.value;
    return yes_if(is != mark.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, "--mark");
    compile_has_flow(emitter);
    emitter.test(Field::kConnmark, mark.value.mask, mark.value.value, mark.negated);
  }
};

}  // namespace

constinit const MatchType kConnmarkMatch = match_type<ConnmarkMatch>();

}  // namespace sallyport
