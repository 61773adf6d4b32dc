// -m mac: the source address of the Ethernet frame. Without a frame neither it nor its negation.
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct MacMatch {
  static constexpr Traits kTraits{
      .name = "mac",
      .summary = "the frame's source address",
      .hooks = hook_bit(Hook::kPrerouting) | hook_bit(Hook::kInput) | hook_bit(Hook::kForward)};

  Arg<MacAddress> source;

  static constexpr auto options() {
    return std::tuple{option("--mac-source", &MacMatch::source)
                          .listed("MAC ", "MAC ! ")
                          .negatable()
                          .mandatory()
                          .help("address", "like 00:11:22:aa:bb:cc")};
  }

  MatchResult eval(Context& context) const {
    const Packet& packet = context.packet;
    return yes_if(packet.has_mac && (packet.mac_source == source.value.bytes) != source.negated);
  }
};

}  // namespace

constinit const MatchType kMacMatch = match_type<MacMatch>();

}  // namespace sallyport
