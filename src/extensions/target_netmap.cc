// -j NETMAP: a network mapped onto another, host by host.
#include "extensions/nat.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

// ADDRESS[/MASK], printed with its length and without the host's bits.
struct Network : MaskedAddress {};
std::string read(Text text, const Scope& scope, Network& out) {
  std::string wrong = read(text, scope, static_cast<MaskedAddress&>(out));
  out.address = out.address & out.mask;
  if (wrong.empty() && !length_of(scope.family, out.mask)) return "a mask without gaps is needed";
  return wrong;
}
void write(const Network& network, const Scope& scope, std::string& out) {
  out += network.address.text(scope.family) + mask_text(scope.family, network.mask);
}

struct NetmapTarget {
  static constexpr Traits kTraits{.name = "NETMAP",
                                  .summary = "maps a network onto another",
                                  .tables = kNatTable,
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<Network> to;

  static constexpr auto options() {
    return std::tuple{option("--to", &NetmapTarget::to)
                          .listed("to:")
                          .mandatory()
                          .help("address[/mask]", "the new network")};
  }

  Verdict eval(Context& context) const { return nat_reached(context); }
};

}  // namespace

constinit const TargetType kNetmapTarget = target_type<NetmapTarget>();

}  // namespace sallyport
