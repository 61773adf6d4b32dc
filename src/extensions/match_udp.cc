// -m udp: ports.
#include "extensions/header.h"
#include "extensions/registry.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

constexpr uint32_t kHeaderLength = sizeof(UdpHeader);

struct UdpMatch {
  static constexpr Traits kTraits{
      .name = "udp", .summary = "ports of UDP", .protocol = protocol::kUdp, .implied = true};

  Arg<PortRange> sport, dport;

  static constexpr auto options() {
    return std::tuple{option("--sport", &UdpMatch::sport)
                          .alias("--source-port")
                          .negatable()
                          .help("port[:port]", "the source port"),
                      option("--dport", &UdpMatch::dport)
                          .alias("--destination-port")
                          .negatable()
                          .help("port[:port]", "the destination port")};
  }

  std::string finish(const Placement&) {
    std::string wrong = drop_full_range(sport, "--sport");
    return wrong.empty() ? drop_full_range(dport, "--dport") : wrong;
  }

  MatchResult eval(Context& context) const {
    MatchResult header = look_at_header(context, kHeaderLength);
    if (header != MatchResult::kYes) return header;
    const Fields& fields = context.packet.fields;
    return yes_if((!sport.given || holds(sport, fields[Field::kSourcePort])) &&
                  (!dport.given || holds(dport, fields[Field::kDestinationPort])));
  }

  void compile(Emitter& emitter) const {
    emitter.condition("-m udp");
    emitter.need_header(kHeaderLength);
    compile_ports(emitter, *this, sport, "--sport", Field::kSourcePort);
    compile_ports(emitter, *this, dport, "--dport", Field::kDestinationPort);
  }
};

}  // namespace

constinit const MatchType kUdpMatch = match_type<UdpMatch>();

}  // namespace sallyport
