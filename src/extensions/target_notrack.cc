// -j NOTRACK: conntrack leaves the packet alone. After a CT that came before, nothing happens.
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct NotrackTarget {
  static constexpr Traits kTraits{.name = "NOTRACK",
                                  .summary = "keeps the packet from being tracked",
                                  .listed = "NOTRACK",
                                  .listed_as = "CT",
                                  .tables = table_bit(TableId::kRaw),
                                  .side_effects = true};

  static constexpr auto options() { return std::tuple<>(); }

  Verdict eval(Context& context) const {
    if (context.is_untouched() && context.conntrack && context.tracked) {
      *context.tracked = context.conntrack->untrack(context.packet);
    }
    context.zone_given = true;
    return Verdict::kContinue;
  }
};

}  // namespace

constinit const TargetType kNotrackTarget = target_type<NotrackTarget>();

}  // namespace sallyport
