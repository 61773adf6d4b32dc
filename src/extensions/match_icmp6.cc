// -m icmp6: type and code of ICMPv6.
#include "extensions/icmp_type.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

// Numbers: IANA, "ICMPv6 Parameters". Names: what `ip6tables -p icmpv6 -h` lists.
constexpr IcmpName kNames[] = {
    {"destination-unreachable", 1},
    {"no-route", 1, 0},
    {"communication-prohibited", 1, 1},
    {"beyond-scope", 1, 2},
    {"address-unreachable", 1, 3},
    {"port-unreachable", 1, 4},
    {"failed-policy", 1, 5},
    {"reject-route", 1, 6},
    {"packet-too-big", 2},
    {"time-exceeded", 3},
    {"ttl-exceeded", 3},
    {"ttl-zero-during-transit", 3, 0},
    {"ttl-zero-during-reassembly", 3, 1},
    {"parameter-problem", 4},
    {"bad-header", 4, 0},
    {"unknown-header-type", 4, 1},
    {"unknown-option", 4, 2},
    {"echo-request", 128},
    {"ping", 128},
    {"echo-reply", 129},
    {"pong", 129},
    {"router-solicitation", 133},
    {"router-advertisement", 134},
    {"neighbour-solicitation", 135},
    {"neighbor-solicitation", 135},
    {"neighbour-advertisement", 136},
    {"neighbor-advertisement", 136},
    {"redirect", 137},
};

struct Icmpv6Type : IcmpType {};
std::string read(Text text, const Scope&, Icmpv6Type& out) {
  return read_icmp_type(text, kNames, out);
}
void write(const Icmpv6Type& type, const Scope&, std::string& out) {
  write_icmp_type(type, out);
}

struct Icmp6Match {
  static constexpr Traits kTraits{.name = "icmp6",
                                  .also = "icmpv6",
                                  .summary = "type and code of ICMPv6",
                                  .families = kIpv6Only,
                                  .protocol = protocol::kIcmpv6,
                                  .implied = true};

  Arg<Icmpv6Type> type;

  static constexpr auto options() {
    return std::tuple{option("--icmpv6-type", &Icmp6Match::type)
                          .negatable()
                          .mandatory()
                          .help("type[/code]", "by number or name")};
  }

  void list(const Scope&, std::string& out) const {
    list_icmp_type(type.value, type.negated, "ipv6-icmp", out);
  }

  MatchResult eval(Context& context) const {
    MatchResult header = look_at_header(context, kIcmpHeaderLength);
    if (header != MatchResult::kYes) return header;
    return yes_if(is_of_type(context.packet.fields, type.value) != type.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, "--icmpv6-type");
    emitter.need_header(kIcmpHeaderLength);
    compile_icmp_type(emitter, *this);
  }
};

}  // namespace

constinit const MatchType kIcmp6Match = match_type<Icmp6Match>();

}  // namespace sallyport
