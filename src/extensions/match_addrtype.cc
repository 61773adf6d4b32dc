// -m addrtype: what the addresses are to this host.
//
// The kernel asks its routing table; a capture has none, so `Host` stands in: what is
// neither local, broadcast nor multicast counts as reachable unicast. By experiment:
// in IPv4 an address has one type; 0.0.0.0 is BROADCAST. In IPv6 the host's own
// addresses are LOCAL and UNICAST, the subnet's first is ANYCAST and UNICAST, :: is
// UNSPEC. Of the other types no address is known to be one. Where several types are given, an
// IPv4 address is one of them; an IPv6 address is all of UNSPEC, UNICAST and MULTICAST that are
// given, and one of the others (tests/flow/addrtype-ipv6.flow).
#include "extensions/registry.h"

namespace sallyport {
namespace {

constexpr uint32_t kUnspec = 1, kUnicast = 2, kLocal = 4, kBroadcast = 8, kAnycast = 16,
                   kMulticast = 32, kBlackhole = 64, kUnreachable = 128, kProhibit = 256,
                   kThrow = 512, kNat = 1024, kXresolve = 2048;
// In the order in which they are printed.
constexpr Named kTypes[] = {
    {"UNSPEC", kUnspec},
    {"UNICAST", kUnicast},
    {"LOCAL", kLocal},
    {"BROADCAST", kBroadcast},
    {"ANYCAST", kAnycast},
    {"MULTICAST", kMulticast},
    {"BLACKHOLE", kBlackhole},
    {"UNREACHABLE", kUnreachable},
    {"PROHIBIT", kProhibit},
    {"THROW", kThrow},
    {"NAT", kNat},
    {"XRESOLVE", kXresolve},
};

struct AddressTypes {
  uint32_t bits = 0;
};
std::string read(Text text, const Scope& scope, AddressTypes& out) {
  std::string wrong = read_bits(text, kTypes, Spelling::kAnyCasePrefix, "address type", out.bits);
  constexpr uint32_t kNotInIpv6 = kBroadcast | kBlackhole | kProhibit | kThrow | kNat | kXresolve;
  if (wrong.empty() && scope.family == Family::kIpv6 && (out.bits & kNotInIpv6)) {
    return "IPv6 has only UNSPEC, UNICAST, LOCAL, ANYCAST, MULTICAST and UNREACHABLE";
  }
  return wrong;
}
void write(const AddressTypes& types, const Scope&, std::string& out) {
  write_bits(types.bits, kTypes, out);
}

// `interface` null: the host as a whole.
bool is_local(const Host& host, Family family, const Address& address,
              const InterfaceName* interface) {
  if (interface == nullptr) return host.is_local(family, address);
  for (const Host::Interface& each : host.interfaces()) {
    if (each.name != *interface) continue;
    for (const Prefix& prefix : each.addresses) {
      if (prefix.family == family && prefix.address == address) return true;
    }
  }
  return false;
}

bool is_subnet_anycast(const Host& host, const Address& address) {
  for (const Host::Interface& each : host.interfaces()) {
    for (const Prefix& prefix : each.addresses) {
      bool first = prefix.family == Family::kIpv6 && prefix.length < 127 &&
                   (prefix.address & mask_of(Family::kIpv6, prefix.length)) == address;
      if (first) return true;
    }
  }
  return false;
}

uint32_t types_of(const Host& host, Family family, const Address& address,
                  const InterfaceName* interface) {
  if (address.is_multicast(family)) return kMulticast;
  bool local = is_local(host, family, address, interface);
  if (family == Family::kIpv4) {
    if (address.is_zero() || host.is_broadcast(address)) return kBroadcast;
    return local ? kLocal : kUnicast;
  }
  if (address.is_zero()) return kUnspec;
  return kUnicast | (local ? kLocal : 0) | (is_subnet_anycast(host, address) ? kAnycast : 0);
}

bool is_among(uint32_t have, uint32_t wanted, Family family) {
  if (family == Family::kIpv4) return (have & wanted) != 0;
  constexpr uint32_t kAllOf = kUnspec | kUnicast | kMulticast;
  uint32_t one_of = wanted & ~kAllOf;
  return (wanted & kAllOf & ~have) == 0 && (one_of == 0 || (have & one_of) != 0);
}

struct AddrtypeMatch {
  static constexpr Traits kTraits{.name = "addrtype",
                                  .summary = "what the addresses are to this host",
                                  .listed = "ADDRTYPE match"};

  Arg<AddressTypes> source, destination;
  Arg<Flag> limit_in, limit_out;

  static constexpr auto options() {
    using Self = AddrtypeMatch;
    return std::tuple{option("--src-type", &Self::source)
                          .listed("src-type ")
                          .negatable()
                          .help("type,…", "the source is UNICAST, LOCAL, BROADCAST, MULTICAST …"),
                      option("--dst-type", &Self::destination)
                          .listed("dst-type ")
                          .negatable()
                          .help("type,…", "the destination is"),
                      option("--limit-iface-in", &Self::limit_in)
                          .listed("limit-in")
                          .group(1)
                          .help("", "LOCAL is asked of the interface that the packet came in by"),
                      option("--limit-iface-out", &Self::limit_out)
                          .listed("limit-out")
                          .group(1)
                          .help("", "LOCAL is asked of the interface that the packet leaves by")};
  }

  uint8_t hooks() const {
    uint8_t arriving = hook_bit(Hook::kPrerouting) | hook_bit(Hook::kInput);
    uint8_t leaving = hook_bit(Hook::kOutput) | hook_bit(Hook::kPostrouting);
    if (limit_in.given) return static_cast<uint8_t>(~leaving);
    return limit_out.given ? static_cast<uint8_t>(~arriving) : kAnyHook;
  }

  std::string finish(const Placement&) const {
    return source.given || destination.given ? "" : "--src-type or --dst-type is needed";
  }

  MatchResult eval(Context& context) const {
    static const Host kNobody;
    const Packet& packet = context.packet;
    const Host& host = context.host ? *context.host : kNobody;
    const InterfaceName* interface = limit_in.given    ? packet.in
                                     : limit_out.given ? packet.out
                                                       : nullptr;
    auto is = [&](const Arg<AddressTypes>& wanted, const Address& address) {
      uint32_t have = types_of(host, packet.family, address, interface);
      return !wanted.given || is_among(have, wanted.value.bits, packet.family) != wanted.negated;
    };
    return yes_if(is(source, packet.source()) && is(destination, packet.destination()));
  }
};

}  // namespace

constinit const MatchType kAddrtypeMatch = match_type<AddrtypeMatch>();

}  // namespace sallyport
