// -j REDIRECT: this host as the new destination.
#include "extensions/nat.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct RedirectTarget {
  static constexpr Traits kTraits{.name = "REDIRECT",
                                  .summary = "the destination becomes this host",
                                  .tables = kNatTable,
                                  .hooks = hook_bit(Hook::kPrerouting) | hook_bit(Hook::kOutput),
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<NatPorts> ports;
  Arg<Flag> random;

  static constexpr auto options() {
    using Self = RedirectTarget;
    return std::tuple{
        option("--to-ports", &Self::ports)
            .listed("redir ports ")
            .help("port[-port]", "the new port"),
        option("--random", &Self::random).listed("random").help("", "a port at random")};
  }

  std::string finish(const Placement& place) const {
    return ports_need_protocol(ports.given, place);
  }

  Verdict eval(Context& context) const { return nat_reached(context); }
};

}  // namespace

constinit const TargetType kRedirectTarget = target_type<RedirectTarget>();

}  // namespace sallyport
