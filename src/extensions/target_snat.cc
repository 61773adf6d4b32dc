// -j SNAT: a new source.
#include "extensions/nat.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct SnatTarget {
  static constexpr Traits kTraits{.name = "SNAT",
                                  .summary = "rewrites the source",
                                  .tables = kNatTable,
                                  .hooks = hook_bit(Hook::kPostrouting) | hook_bit(Hook::kInput),
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<NatRange> to;
  Arg<Flag> random, random_fully, persistent;

  static constexpr auto options() {
    using Self = SnatTarget;
    return std::tuple{
        option("--to-source", &Self::to)
            .listed("to:")
            .mandatory()
            .help("[address[-address]][:port[-port]]", "the new source"),
        option("--random", &Self::random).listed("random").help("", "a port at random"),
        option("--random-fully", &Self::random_fully)
            .listed("random-fully")
            .help("", "a port entirely at random"),
        option("--persistent", &Self::persistent)
            .listed("persistent")
            .help("", "the same address for one client")};
  }

  std::string finish(const Placement& place) const {
    if (to.value.base) return "a base port (/PORT) is for DNAT";
    return ports_need_protocol(to.value.ports.has_value(), place);
  }

  Verdict eval(Context& context) const { return nat_reached(context); }
};

}  // namespace

constinit const TargetType kSnatTarget = target_type<SnatTarget>();

}  // namespace sallyport
