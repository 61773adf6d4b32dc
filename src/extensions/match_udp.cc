// -m udp: ports.
#include "extensions/ports.h"
#include "extensions/registry.h"
#include "program/header.h"

namespace sallyport {
namespace {

constexpr uint32_t kHeaderLength = sizeof(UdpHeader);

struct UdpMatch : Ports {
  static constexpr Traits kTraits{.name = "udp",
                                  .summary = "ports of UDP",
                                  .listed = "udp",
                                  .protocol = protocol::kUdp,
                                  .implied = true};

  MatchResult eval(Context& context) const {
    MatchResult header = look_at_header(context, kHeaderLength);
    if (header != MatchResult::kYes) return header;
    return yes_if(hold(context.packet.fields));
  }

  void compile(Emitter& emitter) const {
    emitter.condition("-m udp");
    emitter.need_header(kHeaderLength);
    compile_ports(emitter, *this);
  }
};

}  // namespace

constinit const MatchType kUdpMatch = match_type<UdpMatch>();

}  // namespace sallyport
