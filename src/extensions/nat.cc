#include "extensions/nat.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace sallyport {

std::string read(Text text, const Scope& scope, NatPorts& out) {
  size_t dash = text.find('-');
  std::string wrong;
  // A service's name may hold a dash; a range is of numbers.
  if (dash == Text::npos || !read_decimal(text.substr(0, dash))) {
    wrong = read_port(text, scope, out.low);
    out.high = out.low;
    return wrong;
  }
  wrong = read_port(text.substr(0, dash), scope, out.low);
  if (wrong.empty()) wrong = read_port(text.substr(dash + 1), scope, out.high);
  if (wrong.empty() && out.high < out.low)
    wrong = fmt::format("the range '{}' runs backwards", text);
  return wrong;
}

void write(const NatPorts& ports, const Scope&, std::string& out) {
  out += std::to_string(ports.low);
  if (ports.high != ports.low) out += fmt::format("-{}", ports.high);
}

namespace {

std::string read_ports_and_base(Text text, const Scope& scope, NatRange& out) {
  size_t slash = text.find('/');
  std::string wrong = read(text.substr(0, slash), scope, out.ports.emplace());
  if (wrong.empty() && slash != Text::npos) {
    wrong = read_port(text.substr(slash + 1), scope, out.base.emplace());
  }
  return wrong;
}

}  // namespace

std::string read(Text text, const Scope& scope, NatRange& out) {
  Text addresses = text, ports;
  bool has_ports = false;
  if (scope.family == Family::kIpv6 && text.starts_with('[')) {
    size_t close = text.find(']');
    if (close == Text::npos) return fmt::format("'{}' lacks a ]", text);
    addresses = text.substr(1, close - 1);
    Text rest = text.substr(close + 1);
    has_ports = rest.starts_with(':');
    if (!rest.empty() && !has_ports) return fmt::format("':' is missing before '{}'", rest);
    if (has_ports) ports = rest.substr(1);
  } else if (scope.family == Family::kIpv4 || text.starts_with(':')) {
    // In IPv6 without brackets, a single colon in front is all that can be no address.
    bool only_ports = text.size() > 1 && text[0] == ':' && text[1] != ':';
    size_t colon = scope.family == Family::kIpv4 ? text.find(':') : only_ports ? 0 : Text::npos;
    has_ports = colon != Text::npos;
    addresses = text.substr(0, colon);
    if (has_ports) ports = text.substr(colon + 1);
  }
  if (!addresses.empty()) {
    // Not as -s is read: 10.1 is no address here.
    std::string wrong =
        read_address_range(addresses, scope.family, Address::parse, out.addresses.emplace());
    if (!wrong.empty()) return wrong;
  }
  if (has_ports) return read_ports_and_base(ports, scope, out);
  return addresses.empty() ? "neither an address nor a port" : std::string();
}

void write(const NatRange& range, const Scope& scope, std::string& out) {
  bool brackets = range.addresses && range.ports && scope.family == Family::kIpv6;
  if (brackets) out += '[';
  if (range.addresses) {
    out += range.addresses->first.text(scope.family);
    if (range.addresses->first != range.addresses->last) {
      out += "-" + range.addresses->last.text(scope.family);
    }
  }
  if (brackets) out += ']';
  if (!range.ports) return;
  out += ':';
  write(*range.ports, scope, out);
  if (range.base) out += fmt::format("/{}", *range.base);
}

std::string ports_need_protocol(bool ports, const Placement& place) {
  constexpr std::array kWithPorts{protocol::kTcp, protocol::kUdp, protocol::kSctp, protocol::kDccp,
                                  protocol::kIcmp};
  bool good = std::ranges::find(kWithPorts, place.protocol) != kWithPorts.end();
  return !ports || good ? "" : "ports need -p tcp, udp, sctp or dccp";
}

}  // namespace sallyport
