// -j MASQUERADE: the address of the interface that the packet leaves by as its new source.
#include "extensions/nat.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct MasqueradeTarget {
  static constexpr Traits kTraits{.name = "MASQUERADE",
                                  .summary = "the source becomes the address of the interface",
                                  .tables = kNatTable,
                                  .hooks = hook_bit(Hook::kPostrouting),
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<NatPorts> ports;
  Arg<Flag> random, random_fully;

  static constexpr auto options() {
    using Self = MasqueradeTarget;
    return std::tuple{
        option("--to-ports", &Self::ports)
            .listed(" masq ports: ")
            .help("port[-port]", "the new source port"),
        option("--random", &Self::random).listed("random").help("", "a port at random"),
        option("--random-fully", &Self::random_fully)
            .listed("random-fully")
            .help("", "a port entirely at random")};
  }

  std::string finish(const Placement& place) const {
    return ports_need_protocol(ports.given, place);
  }

  Verdict eval(Context& context) const { return nat_reached(context); }
};

}  // namespace

constinit const TargetType kMasqueradeTarget = target_type<MasqueradeTarget>();

}  // namespace sallyport
