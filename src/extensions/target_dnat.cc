// -j DNAT: a new destination.
#include "extensions/nat.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct DnatTarget {
  static constexpr Traits kTraits{.name = "DNAT",
                                  .summary = "rewrites the destination",
                                  .tables = kNatTable,
                                  .hooks = hook_bit(Hook::kPrerouting) | hook_bit(Hook::kOutput),
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<NatRange> to;
  Arg<Flag> random, persistent;

  static constexpr auto options() {
    using Self = DnatTarget;
    return std::tuple{
        option("--to-destination", &Self::to)
            .listed("to:")
            .mandatory()
            .help("[address[-address]][:port[-port[/base]]]", "the new destination"),
        option("--random", &Self::random).listed("random").help("", "a port at random"),
        option("--persistent", &Self::persistent)
            .listed("persistent")
            .help("", "the same address for one client")};
  }

  std::string finish(const Placement& place) const {
    return ports_need_protocol(to.value.ports.has_value(), place);
  }

  Verdict eval(Context& context) const { return nat_reached(context); }
};

}  // namespace

constinit const TargetType kDnatTarget = target_type<DnatTarget>();

}  // namespace sallyport
