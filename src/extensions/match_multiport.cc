// -m multiport: up to 15 ports, of any protocol that has them.
#include <algorithm>
#include <array>

#include "extensions/registry.h"
#include "program/header.h"

namespace sallyport {
namespace {

constexpr uint32_t kPortsLength = 4;  // both ports; the rest of the header may be missing

struct MultiportMatch {
  static constexpr Traits kTraits{
      .name = "multiport", .summary = "several ports", .listed = "multiport"};

  Arg<PortList> sports, dports, ports;

  static constexpr auto options() {
    using Self = MultiportMatch;
    return std::tuple{option("--sports", &Self::sports)
                          .listed("sports ", "sports  !")
                          .alias("--source-ports")
                          .negatable()
                          .group(1)
                          .help("port[:port],…", "the source port is one of these"),
                      option("--dports", &Self::dports)
                          .listed("dports ", "dports  !")
                          .alias("--destination-ports")
                          .negatable()
                          .group(1)
                          .help("port[:port],…", "the destination port is one of these"),
                      option("--ports", &Self::ports)
                          .listed("ports ", "ports  !")
                          .negatable()
                          .group(1)
                          .help("port[:port],…", "one of the two ports is one of these")};
  }

  std::string finish(const Placement& place) const {
    constexpr std::array kWithPorts{protocol::kTcp, protocol::kUdp, protocol::kUdpLite,
                                    protocol::kSctp, protocol::kDccp};
    bool has_ports = std::ranges::find(kWithPorts, place.protocol) != kWithPorts.end();
    if (!has_ports || place.protocol_negated) {
      return "-p tcp, udp, udplite, sctp or dccp is needed";
    }
    return sports.given || dports.given || ports.given ? "" : "no ports are given";
  }

  static bool among(const PortList& list, uint32_t port) {
    return std::ranges::any_of(list.ranges, [port](const PortRange& range) {
      return port >= range.low && port <= range.high;
    });
  }

  MatchResult eval(Context& context) const {
    MatchResult header = look_at_header(context, kPortsLength);
    if (header != MatchResult::kYes) return header;
    uint32_t source = context.packet.fields[Field::kSourcePort];
    uint32_t destination = context.packet.fields[Field::kDestinationPort];
    if (sports.given) return yes_if(among(sports.value, source) != sports.negated);
    if (dports.given) return yes_if(among(dports.value, destination) != dports.negated);
    bool is = among(ports.value, source) || among(ports.value, destination);
    return yes_if(is != ports.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, sports.given ? "--sports" : dports.given ? "--dports" : "--ports");
    if (ports.given) return compile_call(emitter, *this, depends::kFlow);
    const Arg<PortList>& list = sports.given ? sports : dports;
    std::vector<ValueRange> ranges;
    ranges.reserve(list.value.ranges.size());
    for (const PortRange& range : list.value.ranges) ranges.push_back({range.low, range.high});
    emitter.need_header(kPortsLength);
    emitter.test_ranges(sports.given ? Field::kSourcePort : Field::kDestinationPort, ranges,
                        list.negated);
  }
};

}  // namespace

constinit const MatchType kMultiportMatch = match_type<MultiportMatch>();

}  // namespace sallyport
