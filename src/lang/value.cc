#include "lang/value.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "lang/names.h"

namespace sallyport {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<uint64_t> read_in_base(Text text, int base) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

// Edits (insert, delete, replace, swap of neighbours) from one word to the other.
size_t edits(Text a, Text b) {
  std::vector<size_t> two_ago(b.size() + 1), ago(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) ago[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      size_t replace = ago[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
      row[j] = std::min({replace, ago[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_ago[j - 2] + 1);
      }
    }
    std::swap(two_ago, ago);
    std::swap(ago, row);
  }
  return ago[b.size()];
}

// One to four numbers in any base, as iptables reads networks: each is a byte from the left, so
// that "10.1" is 10.1.0.0; one number alone that does not fit a byte is the whole address.
std::optional<uint32_t> read_ipv4(Text text) {
  std::vector<Text> parts = split(text, '.');
  if (parts.size() > 4) return std::nullopt;
  uint32_t result = 0;
  for (size_t i = 0; i < parts.size(); i++) {
    std::optional<uint64_t> part = read_number(parts[i]);
    if (!part) return std::nullopt;
    if (parts.size() == 1 && *part > 255) {
      if (*part > 0xffffffff) return std::nullopt;
      return static_cast<uint32_t>(*part);
    }
    if (*part > 255) return std::nullopt;
    result |= static_cast<uint32_t>(*part) << (24 - 8 * i);
  }
  return result;
}

std::string not_within(Text text, uint64_t low, uint64_t high) {
  return fmt::format("'{}' is not a number from {} to {}", text, low, high);
}

}  // namespace

std::optional<uint64_t> read_number(Text text) {
  if (text.size() > 2 && text[0] == '0' && lower(text[1]) == 'x') {
    return read_in_base(text.substr(2), 16);
  }
  if (text.size() > 1 && text[0] == '0') return read_in_base(text, 8);
  return read_in_base(text, 10);
}

std::optional<uint64_t> read_decimal(Text text) {
  return read_in_base(text, 10);
}

std::vector<Text> split(Text text, char separator) {
  std::vector<Text> parts;
  while (true) {
    size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == Text::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool same_ignoring_case(Text a, Text b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string lower_case(Text text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

std::string read_number_within(Text text, uint64_t low, uint64_t high, uint64_t& out) {
  std::optional<uint64_t> number = read_number(text);
  if (!number || *number < low || *number > high) return not_within(text, low, high);
  out = *number;
  return {};
}

std::string read_number_range(Text text, uint64_t highest, uint64_t& low, uint64_t& high) {
  size_t colon = text.find(':');
  Text first = text.substr(0, colon);
  low = 0;
  high = highest;
  if (colon == Text::npos || !first.empty()) {
    if (std::string wrong = read_number_within(first, 0, highest, low); !wrong.empty())
      return wrong;
  }
  if (colon == Text::npos) {
    high = low;
    return {};
  }
  Text last = text.substr(colon + 1);
  return last.empty() ? std::string() : read_number_within(last, 0, highest, high);
}

std::string read_port(Text text, const Scope& scope, uint16_t& out) {
  if (std::optional<uint64_t> number = read_decimal(text)) {
    if (*number > 65535) return not_within(text, 0, 65535);
    out = static_cast<uint16_t>(*number);
    return {};
  }
  std::optional<uint16_t> port = service_port(text, scope.protocol);
  if (!port) return fmt::format("'{}' is neither a port nor a service of /etc/services", text);
  out = *port;
  return {};
}

std::string read(Text text, const Scope& scope, PortRange& out) {
  size_t colon = text.find(':');
  if (colon == Text::npos) {
    std::string wrong = read_port(text, scope, out.low);
    out.high = out.low;
    return wrong;
  }
  out = {};
  Text low = text.substr(0, colon), high = text.substr(colon + 1);
  if (!low.empty()) {
    if (std::string wrong = read_port(low, scope, out.low); !wrong.empty()) return wrong;
  }
  return high.empty() ? std::string() : read_port(high, scope, out.high);
}

void write(const PortRange& range, const Scope&, std::string& out) {
  out += std::to_string(range.low);
  if (range.low != range.high) out += ":" + std::to_string(range.high);
}

std::string read(Text text, const Scope& scope, PortList& out) {
  constexpr size_t kMost = 15;
  size_t count = 0;
  for (Text part : split(text, ',')) {
    PortRange range;
    size_t colon = part.find(':');
    std::string wrong = read_port(part.substr(0, colon), scope, range.low);
    range.high = range.low;
    if (wrong.empty() && colon != Text::npos) {
      wrong = read_port(part.substr(colon + 1), scope, range.high);
    }
    if (!wrong.empty()) return wrong;
    if (range.low > range.high || (colon != Text::npos && range.low == range.high)) {
      return fmt::format("the range '{}' does not run upwards", part);
    }
    count += colon == Text::npos ? 1 : 2;
    out.ranges.push_back(range);
  }
  if (count > kMost) return "more than 15 ports, of which a range counts as two";
  return {};
}

void write(const PortList& list, const Scope& scope, std::string& out) {
  for (size_t i = 0; i < list.ranges.size(); i++) {
    if (i > 0) out += ',';
    write(list.ranges[i], scope, out);
  }
}

std::string read(Text text, const Scope&, MarkMask& out) {
  size_t slash = text.find('/');
  uint64_t value = 0, mask = 0xffffffff;
  std::string wrong = read_number_within(text.substr(0, slash), 0, 0xffffffff, value);
  if (wrong.empty() && slash != Text::npos) {
    wrong = read_number_within(text.substr(slash + 1), 0, 0xffffffff, mask);
  }
  out = {static_cast<uint32_t>(value), static_cast<uint32_t>(mask)};
  return wrong;
}

void write(const MarkMask& mark, const Scope&, std::string& out) {
  out += fmt::format("0x{:x}", mark.value);
  if (mark.mask != 0xffffffff) out += fmt::format("/0x{:x}", mark.mask);
}

std::string read(Text text, const Scope&, Mask32& out) {
  uint64_t value = 0;
  std::string wrong = read_number_within(text, 0, 0xffffffff, value);
  out.value = static_cast<uint32_t>(value);
  return wrong;
}

void write(const Mask32& mask, const Scope&, std::string& out) {
  out += fmt::format("0x{:x}", mask.value);
}

std::optional<Address> read_address(Family family, Text text) {
  if (family == Family::kIpv6) return Address::parse(family, text);
  std::optional<uint32_t> address = read_ipv4(text);
  if (!address) return std::nullopt;
  return Address::ipv4(*address);
}

std::optional<Address> read_mask(Family family, Text text) {
  if (std::optional<uint64_t> length = read_number(text)) {
    if (*length > static_cast<uint64_t>(bits_of(family))) return std::nullopt;
    return mask_of(family, static_cast<int>(*length));
  }
  return Address::parse(family, text);
}

std::string read(Text text, const Scope& scope, MaskedAddress& out) {
  size_t slash = text.find('/');
  Text address_text = text.substr(0, slash);
  std::optional<Address> address = read_address(scope.family, address_text);
  const char* family = scope.family == Family::kIpv4 ? "IPv4" : "IPv6";
  if (!address) {
    return fmt::format("'{}' is not an {} address (names of hosts are not looked up)", address_text,
                       family);
  }
  out = {*address, mask_of(scope.family, bits_of(scope.family))};
  if (slash == Text::npos) return {};
  std::optional<Address> mask = read_mask(scope.family, text.substr(slash + 1));
  if (!mask) {
    return fmt::format("'{}' is neither a prefix length from 0 to {} nor an {} mask",
                       text.substr(slash + 1), bits_of(scope.family), family);
  }
  out.mask = *mask;
  return {};
}

std::string mask_text(Family family, const Address& mask) {
  std::optional<int> length = length_of(family, mask);
  return length ? fmt::format("/{}", *length) : "/" + mask.text(family);
}

void write(const MaskedAddress& address, const Scope& scope, std::string& out) {
  out += address.address.text(scope.family);
  if (address.mask != mask_of(scope.family, bits_of(scope.family))) {
    out += mask_text(scope.family, address.mask);
  }
}

std::string read(Text text, const Scope& scope, AddressRange& out) {
  return read_address_range(text, scope.family, read_address, out);
}

std::string read_address_range(Text text, Family family,
                               std::optional<Address> (*parse)(Family, Text), AddressRange& out) {
  size_t dash = text.find('-');
  for (Text part : {text.substr(0, dash), dash == Text::npos ? text : text.substr(dash + 1)}) {
    std::optional<Address> address = parse(family, part);
    if (!address) return fmt::format("'{}' is not an address of this family", part);
    out.first = out.last;
    out.last = *address;
  }
  return {};
}

void write(const AddressRange& range, const Scope& scope, std::string& out) {
  out += range.first.text(scope.family) + "-" + range.last.text(scope.family);
}

std::string read(Text text, const Scope&, ProtocolNumber& out) {
  std::optional<uint8_t> number = protocol_number(text);
  if (!number) return fmt::format("unknown protocol '{}'", text);
  out.value = *number;
  return {};
}

void write(const ProtocolNumber& protocol, const Scope&, std::string& out) {
  out += std::to_string(protocol.value);
}

std::string wrong_interface_name(Text name) {
  constexpr size_t kLongest = 15;
  if (name.empty()) return "an empty interface name";
  if (name.size() > kLongest) {
    return fmt::format("interface name '{}' has more than {} bytes", name, kLongest);
  }
  bool odd = std::ranges::any_of(name, [](char c) {
    return static_cast<uint8_t>(c) <= ' ' || c == '"' || c == '\'' || c == '\\' || c == '\x7f';
  });
  return odd ? fmt::format("interface name '{}' has blanks or quotes", name) : "";
}

std::string read_string(Text text, size_t shortest, size_t longest, std::string& out) {
  if (text.size() < shortest) return "empty text";
  if (text.size() > longest) return fmt::format("longer than {} bytes", longest);
  if (text.find('\0') != Text::npos) return "a zero byte";
  out = text;
  return {};
}

std::string read(Text text, const Scope&, MacAddress& out) {
  std::vector<Text> parts = split(text, ':');
  bool good = parts.size() == out.bytes.size();
  for (size_t i = 0; good && i < parts.size(); i++) {
    std::optional<uint64_t> byte = read_in_base(parts[i], 16);
    good = byte && *byte <= 0xff && parts[i].size() <= 2;
    if (good) out.bytes[i] = static_cast<uint8_t>(*byte);
  }
  return good ? std::string()
              : fmt::format("'{}' is not a MAC address like 00:11:22:aa:bb:cc", text);
}

void write(const MacAddress& mac, const Scope&, std::string& out) {
  out += fmt::format("{:02x}", fmt::join(mac.bytes, ":"));
}

const Named* find_named(Text text, std::span<const Named> names, Spelling spelling) {
  for (const Named& named : names) {
    if (spelling == Spelling::kExact ? named.name == text : same_ignoring_case(named.name, text)) {
      return &named;
    }
  }
  if (spelling != Spelling::kAnyCasePrefix || text.empty()) return nullptr;
  for (const Named& named : names) {
    if (same_ignoring_case(named.name.substr(0, text.size()), text)) return &named;
  }
  return nullptr;
}

Text name_of(uint32_t value, std::span<const Named> names) {
  for (const Named& named : names) {
    if (named.value == value) return named.name;
  }
  return {};
}

std::string unknown_name(Text kind, Text text, std::span<const Named> names) {
  std::vector<Text> candidates;
  for (const Named& named : names) candidates.push_back(named.name);
  Text near = nearest(text, candidates);
  std::string what = fmt::format("unknown {} '{}'", kind, text);
  return near.empty() ? what : fmt::format("{}; did you mean '{}'?", what, near);
}

std::string read_bits(Text text, std::span<const Named> names, Spelling spelling, Text kind,
                      uint32_t& out) {
  out = 0;
  for (Text part : split(text, ',')) {
    const Named* named = find_named(part, names, spelling);
    if (named == nullptr) return unknown_name(kind, part, names);
    out |= named->value;
  }
  return {};
}

void write_bits(uint32_t bits, std::span<const Named> names, std::string& out) {
  const char* separator = "";
  for (const Named& named : names) {
    if ((bits & named.value) == 0) continue;
    bits &= ~named.value;
    out += separator;
    out += named.name;
    separator = ",";
  }
}

Text nearest(Text text, std::span<const Text> candidates) {
  constexpr size_t kLongest = 64;  // the work is their product
  if (text.size() > kLongest) return {};
  Text best;
  size_t fewest = text.size() / 3 + 1;
  for (Text candidate : candidates) {
    if (candidate.size() > kLongest) continue;
    size_t count = edits(text, candidate);
    if (count < fewest || (count == fewest && best.empty() && text.size() > 2)) {
      best = candidate;
      fewest = count;
    }
  }
  return best;
}

}  // namespace sallyport
