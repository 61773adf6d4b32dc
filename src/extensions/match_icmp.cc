// -m icmp: type and code.
#include "extensions/icmp_type.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

// Numbers: IANA, "ICMP Parameters". Names: what `iptables -p icmp -h` lists.
constexpr IcmpName kNames[] = {
    {"any", 255},
    {"echo-reply", 0},
    {"pong", 0},
    {"destination-unreachable", 3},
    {"network-unreachable", 3, 0},
    {"host-unreachable", 3, 1},
    {"protocol-unreachable", 3, 2},
    {"port-unreachable", 3, 3},
    {"fragmentation-needed", 3, 4},
    {"source-route-failed", 3, 5},
    {"network-unknown", 3, 6},
    {"host-unknown", 3, 7},
    {"network-prohibited", 3, 9},
    {"host-prohibited", 3, 10},
    {"TOS-network-unreachable", 3, 11},
    {"TOS-host-unreachable", 3, 12},
    {"communication-prohibited", 3, 13},
    {"host-precedence-violation", 3, 14},
    {"precedence-cutoff", 3, 15},
    {"source-quench", 4},
    {"redirect", 5},
    {"network-redirect", 5, 0},
    {"host-redirect", 5, 1},
    {"TOS-network-redirect", 5, 2},
    {"TOS-host-redirect", 5, 3},
    {"echo-request", 8},
    {"ping", 8},
    {"router-advertisement", 9},
    {"router-solicitation", 10},
    {"time-exceeded", 11},
    {"ttl-exceeded", 11},
    {"ttl-zero-during-transit", 11, 0},
    {"ttl-zero-during-reassembly", 11, 1},
    {"parameter-problem", 12},
    {"ip-header-bad", 12, 0},
    {"required-option-missing", 12, 1},
    {"timestamp-request", 13},
    {"timestamp-reply", 14},
    {"address-mask-request", 17},
    {"address-mask-reply", 18},
};

// 255, however written, is every type.
struct Icmpv4Type : IcmpType {
  bool any() const { return type == 255; }
};
std::string read(Text text, const Scope&, Icmpv4Type& out) {
  return read_icmp_type(text, kNames, out);
}
void write(const Icmpv4Type& type, const Scope&, std::string& out) {
  if (type.any()) {
    out += "any";
  } else {
    write_icmp_type(type, out);
  }
}

struct IcmpMatch {
  static constexpr Traits kTraits{.name = "icmp",
                                  .summary = "type and code of ICMP",
                                  .families = kIpv4Only,
                                  .protocol = protocol::kIcmp,
                                  .implied = true};

  Arg<Icmpv4Type> type;

  static constexpr auto options() {
    return std::tuple{option("--icmp-type", &IcmpMatch::type)
                          .negatable()
                          .mandatory()
                          .help("type[/code]", "by number or name")};
  }

  void list(const Scope&, std::string& out) const {
    list_icmp_type(type.value, type.negated, "icmp", out);
  }

  MatchResult eval(Context& context) const {
    MatchResult header = look_at_header(context, kIcmpHeaderLength);
    if (header != MatchResult::kYes) return header;
    bool is = type.value.any() || is_of_type(context.packet.fields, type.value);
    return yes_if(is != type.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, "--icmp-type");
    emitter.need_header(kIcmpHeaderLength);
    if (!type.value.any()) return compile_icmp_type(emitter, *this);
    if (type.negated) emitter.test(Field::kProtocol, 0, 1);  // never
  }
};

}  // namespace

constinit const MatchType kIcmpMatch = match_type<IcmpMatch>();

}  // namespace sallyport
