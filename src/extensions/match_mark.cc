// -m mark: the packet's mark, under a mask.
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct MarkMatch {
  static constexpr Traits kTraits{.name = "mark", .summary = "the packet's mark"};

  Arg<MarkMask> mark;

  static constexpr auto options() {
    return std::tuple{option("--mark", &MarkMatch::mark)
                          .listed("mark match ", "mark match ! ")
                          .negatable()
                          .mandatory()
                          .help("value[/mask]", "the mark has this value, under the mask")};
  }

  MatchResult eval(Context& context) const {
    uint32_t have = context.packet.fields[Field::kMark];
    return yes_if(((have & mark.value.mask) == mark.value.value) != mark.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, "--mark");
    emitter.test(Field::kMark, mark.value.mask, mark.value.value, mark.negated);
  }
};

}  // namespace

constinit const MatchType kMarkMatch = match_type<MarkMatch>();

}  // namespace sallyport
