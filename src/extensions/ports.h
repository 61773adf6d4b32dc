// --sport and --dport, which tcp and udp share.
#pragma once

#include "extensions/extension.h"

namespace sallyport {

struct Ports {
  Arg<PortRange> sport, dport;

  static constexpr auto options() {
    return std::tuple{option("--sport", &Ports::sport)
                          .listed("spt:", {}, "spts:")
                          .alias("--source-port")
                          .negatable()
                          .help("port[:port]", "the source port"),
                      option("--dport", &Ports::dport)
                          .listed("dpt:", {}, "dpts:")
                          .alias("--destination-port")
                          .negatable()
                          .help("port[:port]", "the destination port")};
  }

  std::string finish(const Placement&) {
    std::string wrong = drop_full_range(sport, "--sport");
    return wrong.empty() ? drop_full_range(dport, "--dport") : wrong;
  }

  bool hold(const Fields& fields) const {
    return holds(sport, fields[Field::kSourcePort]) &&
           holds(dport, fields[Field::kDestinationPort]);
  }

 private:
  static bool holds(const Arg<PortRange>& ports, uint32_t port) {
    bool inside = port >= ports.value.low && port <= ports.value.high;
    return !ports.given || inside != ports.negated;
  }

  // A range of all ports is no condition, and iptables-save prints none. With a ! it can never
  // hold, which iptables takes silently and forgets when saving: refused here.
  static std::string drop_full_range(Arg<PortRange>& ports, std::string_view option) {
    if (!ports.given || !ports.value.all()) return {};
    if (ports.negated) return "! " + std::string(option) + " 0:65535 can never match";
    ports.given = false;
    return {};
  }
};

// `self` is a match that is also its Ports.
template <typename T>
void compile_ports(Emitter& emitter, const T& self) {
  if (self.sport.given) {
    describe(emitter, self, "--sport");
    const PortRange& range = self.sport.value;
    emitter.test_range(Field::kSourcePort, range.low, range.high, self.sport.negated);
  }
  if (self.dport.given) {
    describe(emitter, self, "--dport");
    const PortRange& range = self.dport.value;
    emitter.test_range(Field::kDestinationPort, range.low, range.high, self.dport.negated);
  }
}

}  // namespace sallyport
