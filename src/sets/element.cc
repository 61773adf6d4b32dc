#include "sets/element.h"

#include <bit>
#include <charconv>
#include <fmt/format.h>
#include <optional>

#include "lang/names.h"
#include "lang/value.h"
#include "packet/packet.h"
#include "sets/icmp_names.h"

namespace sallyport {
namespace {

std::unexpected<Diag> error_at(size_t offset, std::string_view text, std::string what,
                               std::string hint = {}) {
  return std::unexpected(
      Diag{{0, static_cast<uint32_t>(offset), static_cast<uint32_t>(text.size())},
           std::move(what),
           std::move(hint)});
}

bool has_ports(uint8_t protocol) {
  return protocol == protocol::kTcp || protocol == protocol::kUdp || protocol == protocol::kSctp ||
         protocol == protocol::kUdpLite;
}

std::optional<Address> parse_address(Family family, std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return Address::parse(family, text);
}

std::unexpected<Diag> not_an_address(Family family, std::string_view text) {
  Family other = family == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4;
  if (parse_address(other, text)) {
    return error_at(0, text,
                    fmt::format("'{}' is not an address of this set's family, {}", shown(text),
                                family == Family::kIpv4 ? "inet" : "inet6"));
  }
  return error_at(0, text, fmt::format("cannot parse '{}' as an address", shown(text)),
                  family == Family::kIpv4
                      ? "four decimal numbers with dots; host names are not looked up here"
                      : "an IPv6 address; host names are not looked up here");
}

// The address part as written: "A", "A/LEN", "A-B".
struct AddressPart {
  Address start;
  std::optional<Address> end;
  int length = 0;
};

Result<AddressPart> read_address_part(const SetOptions& options, std::string_view text) {
  Family family = options.family;
  AddressPart part;
  part.length = bits_of(family);
  auto moved = [](Diag diag, size_t by) {
    diag.span.column += static_cast<uint32_t>(by);
    return std::unexpected(std::move(diag));
  };
  std::string_view address = text;
  if (size_t slash = text.find('/'); slash != std::string_view::npos) {
    address = text.substr(0, slash);
    Result<uint64_t> length = parse_number(text.substr(slash + 1), 0, bits_of(family));
    if (!length) return moved(length.error(), slash + 1);
    part.length = static_cast<int>(*length);
    if (part.length == 0) {
      return error_at(
          0, text, "a prefix length of 0 cannot be stored",
          family == Family::kIpv4 ? "add 0.0.0.0/1 and 128.0.0.0/1" : "add ::/1 and 8000::/1");
    }
    bool network = part.length != bits_of(family);
    if (!options.info().has_prefix && family == Family::kIpv6 && network) {
      return error_at(0, text,
                      fmt::format("{} takes single IPv6 addresses only", options.info().name),
                      "use hash:net or hash:net,port");
    }
  } else if (size_t dash = text.find('-'); dash != std::string_view::npos) {
    if (family == Family::kIpv6) return error_at(0, text, "IPv6 has no ranges of addresses");
    address = text.substr(0, dash);
    std::string_view second = text.substr(dash + 1);
    part.end = parse_address(family, second);
    if (!part.end) return moved(not_an_address(family, second).error(), dash + 1);
  }
  std::optional<Address> start = parse_address(family, address);
  if (!start) return not_an_address(family, address);
  part.start = *start;
  return part;
}

// The addresses of an element, or what is wrong with them.
std::optional<Diag> parse_addresses(const SetOptions& options, std::string_view text,
                                    ElementRange& range) {
  Result<AddressPart> part = read_address_part(options, text);
  if (!part) return part.error();
  Family family = options.family;
  bool prefixes = options.info().has_prefix;
  int bits = bits_of(family);
  int length = part->length;
  Address low = part->start;
  Address high = part->end.value_or(low);
  if (low > high) std::swap(low, high);  // as ipset does
  if (prefixes) {
    low = low & mask_of(family, length);
    high = high & mask_of(family, length);
    range.split = part->end.has_value();
    if (range.split && low.is_zero() && high.words[0] == ~0u) {
      return error_at(0, text, "the range covers all addresses").error();
    }
  } else if (length != bits) {
    low = low & mask_of(family, length);
    high.words[0] = low.words[0] | ~mask_of(family, length).words[0];
  }
  if (options.netmask != 0) {
    low = low & mask_of(family, options.netmask);
    high = high & mask_of(family, options.netmask);
    if (family == Family::kIpv4) range.step = 1u << (32 - options.netmask);
  }
  if (!prefixes && low.is_zero()) {
    return error_at(0, text, "the address of only zeroes cannot be stored in a set of this type")
        .error();
  }
  range.first.address = low;
  range.last.address = high;
  range.first.length = range.last.length = static_cast<uint8_t>(prefixes ? length : bits);
  return std::nullopt;
}

Result<uint16_t> parse_port(std::string_view text, uint8_t protocol) {
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    Result<uint64_t> number = parse_number(text, 0, 65535);
    if (!number) return std::unexpected(number.error());
    return static_cast<uint16_t>(*number);
  }
  if (std::optional<uint16_t> port = service_port(text, protocol_name(protocol))) return *port;
  return error_at(
      0, text, fmt::format("cannot parse '{}' as a {} port", shown(text), protocol_name(protocol)),
      "a number up to 65535 or a name from /etc/services");
}

// What stands behind "PROTO:" of a protocol without ports.
Result<SetPorts> parse_pseudo_port(std::string_view text, uint8_t protocol) {
  bool icmp = protocol == protocol::kIcmp;
  if (icmp || protocol == protocol::kIcmpv6) {
    std::optional<uint16_t> port = icmp_port(icmp ? Family::kIpv4 : Family::kIpv6, text);
    if (port) return SetPorts{*port, *port, protocol};
    return error_at(0, text,
                    fmt::format("cannot parse '{}' as an {} type and code", shown(text),
                                icmp ? "ICMP" : "ICMPv6"),
                    "TYPE/CODE, or a name such as echo-request");
  }
  if (text == "0") return SetPorts{0, 0, protocol};
  return error_at(0, text, fmt::format("protocol {} has no ports", protocol_name(protocol)),
                  fmt::format("write {}:0", protocol_name(protocol)));
}

}  // namespace

std::string shown(std::string_view word) {
  std::string out(word.substr(0, 64));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

Result<uint64_t> parse_number(std::string_view text, uint64_t least, uint64_t most) {
  std::optional<uint64_t> value = read_number(text);
  if (!value) return error_at(0, text, fmt::format("'{}' is not a number", shown(text)));
  if (*value < least || *value > most) {
    return error_at(0, text, fmt::format("{} is out of the range {}-{}", shown(text), least, most));
  }
  return *value;
}

Result<SetPorts> parse_ports(std::string_view text) {
  uint8_t protocol = protocol::kTcp;
  size_t offset = 0;
  if (size_t colon = text.find(':'); colon != std::string_view::npos) {
    std::string_view name = text.substr(0, colon);
    std::optional<uint8_t> number = protocol_number(name);
    if (name == "icmpv6") number = protocol::kIcmpv6;  // ipset's own
    if (name == "all") number.reset();                 // iptables' own
    if (!number)
      return error_at(0, name, fmt::format("cannot parse '{}' as a protocol", shown(name)));
    protocol = *number;
    offset = colon + 1;
  }
  std::string_view ports = text.substr(offset);
  auto moved = [&](Diag diag, size_t by) {
    diag.span.column += static_cast<uint32_t>(offset + by);
    return std::unexpected(std::move(diag));
  };
  if (!has_ports(protocol)) {
    Result<SetPorts> pseudo = parse_pseudo_port(ports, protocol);
    if (!pseudo) return moved(pseudo.error(), 0);
    return pseudo;
  }
  // A dash in a service's name needs brackets, as in ipset: tcp:[ftp-data].
  size_t dash = ports.find('-');
  if (ports.starts_with('[') && ports.ends_with(']')) {
    ports = ports.substr(1, ports.size() - 2);
    offset++;
    dash = std::string_view::npos;
  }
  Result<uint16_t> first = parse_port(ports.substr(0, dash), protocol);
  if (!first) return moved(first.error(), 0);
  SetPorts range{*first, *first, protocol};
  if (dash != std::string_view::npos) {
    Result<uint16_t> last = parse_port(ports.substr(dash + 1), protocol);
    if (!last) return moved(last.error(), dash + 1);
    range.last = *last;
    if (range.first > range.last) std::swap(range.first, range.last);  // as ipset does
  }
  return range;
}

Result<ElementRange> parse_element(const SetOptions& options, std::string_view text) {
  const SetTypeInfo& info = options.info();
  std::string_view address = text;
  std::string_view ports = text;
  size_t port_offset = 0;
  size_t comma = text.find(',');
  if (info.has_address && info.has_port) {
    if (comma == std::string_view::npos || comma + 1 == text.size()) {
      return error_at(0, text, fmt::format("{} needs ADDRESS,PORT", info.name));
    }
    address = text.substr(0, comma);
    port_offset = comma + 1;
    ports = text.substr(port_offset);
    comma = ports.find(',');
    if (comma != std::string_view::npos) comma += port_offset;
  }
  if (comma != std::string_view::npos) {
    return error_at(comma, text.substr(comma),
                    fmt::format("too many parts for an element of {}", info.name));
  }
  ElementRange range;
  if (info.has_address) {
    if (std::optional<Diag> diag = parse_addresses(options, address, range))
      return std::unexpected(*diag);
  }
  if (info.has_port) {
    Result<SetPorts> parsed = parse_ports(ports);
    if (!parsed) {
      parsed.error().span.column += static_cast<uint32_t>(port_offset);
      return std::unexpected(parsed.error());
    }
    uint8_t foreign = options.family == Family::kIpv4 ? protocol::kIcmpv6 : protocol::kIcmp;
    if (info.has_address && parsed->protocol == foreign) {
      return error_at(
          port_offset, ports,
          fmt::format("{} is not a protocol of this set's family", protocol_name(foreign)));
    }
    range.first.port = parsed->first;
    range.last.port = parsed->last;
    if (!info.has_address) {
      if (parsed->first < options.first_port || parsed->last > options.last_port) {
        return error_at(0, text,
                        fmt::format("'{}' is out of the set's range {}-{}", shown(text),
                                    options.first_port, options.last_port));
      }
    } else {
      range.first.protocol = range.last.protocol = parsed->protocol;
    }
  }
  return range;
}

// The widest prefix that starts at `address` and ends within the range.
Element ElementRange::next_prefix(uint32_t address) const {
  uint64_t left = uint64_t{last.address.words[0]} - address + 1;
  int free_bits = std::min(std::countr_zero(address), 63 - std::countl_zero(left));
  Element element = first;
  element.address.words[0] = address;
  element.length = static_cast<uint8_t>(32 - free_bits);
  return element;
}

std::string element_text(const SetOptions& options, const Element& element) {
  const SetTypeInfo& info = options.info();
  std::string out;
  if (info.has_address) {
    out = element.address.text(options.family);
    if (element.length != bits_of(options.family)) out += fmt::format("/{}", element.length);
    if (!info.has_port) return out;
    out += "," + protocol_name(element.protocol) + ":";
    if (element.protocol == protocol::kIcmp) return out + icmp_text(Family::kIpv4, element.port);
    if (element.protocol == protocol::kIcmpv6) return out + icmp_text(Family::kIpv6, element.port);
  }
  return out + std::to_string(element.port);
}

}  // namespace sallyport
