// -j MARK: sets the packet's mark.
#include "extensions/mark.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct MarkTarget {
  static constexpr Traits kTraits{
      .name = "MARK", .summary = "sets the packet's mark", .side_effects = true};

  Arg<Xmark> mark;

  static constexpr auto options() {
    using Self = MarkTarget;
    return std::tuple{option("--set-xmark", &Self::mark)
                          .mandatory()
                          .help("value[/mask]", "clears the mask's bits, then flips the value's"),
                      option("--set-mark", &Self::mark)
                          .read_by(read_xmark<read_set_mark>)
                          .help("value[/mask]", "clears the bits of both, then sets the value's"),
                      option("--and-mark", &Self::mark)
                          .read_by(read_xmark<read_and_mark>)
                          .help("bits", "keeps only these bits"),
                      option("--or-mark", &Self::mark)
                          .read_by(read_xmark<read_or_mark>)
                          .help("bits", "sets them"),
                      option("--xor-mark", &Self::mark)
                          .read_by(read_xmark<read_xor_mark>)
                          .help("bits", "flips them")};
  }

  void list(const Scope& scope, std::string& out) const {
    out += " MARK ";
    list_mark(mark.value, scope, out);
  }

  Verdict eval(Context& context) const {
    uint32_t& have = context.packet.fields[Field::kMark];
    have = apply(mark.value, have);
    return Verdict::kContinue;
  }
};

}  // namespace

constinit const TargetType kMarkTarget = target_type<MarkTarget>();

}  // namespace sallyport
