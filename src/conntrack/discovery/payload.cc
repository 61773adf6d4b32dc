#include "conntrack/discovery/payload.h"

#include <algorithm>

namespace sallyport {
namespace {

// What a "no" is worth that was found in the bytes held: the bytes cut off could
// say otherwise.
Holds not_here(const Payload& payload, size_t needed) {
  return payload.held.size() < std::min(payload.length, needed) ? Holds::kUnknown : Holds::kNo;
}

Holds begins(const PayloadTest& test, const Payload& payload) {
  Holds result = Holds::kNo;
  std::string_view text = payload.text();
  for (const std::string& wanted : test.texts) {
    if (text.starts_with(wanted)) return Holds::kYes;
    bool agrees_so_far = wanted.starts_with(text) && wanted.size() <= payload.length;
    if (agrees_so_far && !payload.is_whole()) result = Holds::kUnknown;
  }
  return result;
}

Holds contains(const PayloadTest& test, const Payload& payload) {
  std::string_view text = payload.text().substr(0, kSearched);
  for (const std::string& wanted : test.texts) {
    if (text.find(wanted) != std::string_view::npos) return Holds::kYes;
  }
  return not_here(payload, kSearched);
}

Holds byte(const PayloadTest& test, const Payload& payload) {
  if (test.offset >= payload.length) return Holds::kNo;
  if (test.offset >= payload.held.size()) return Holds::kUnknown;
  uint8_t found = payload.held[test.offset] & test.mask;
  return std::ranges::find(test.values, found) != test.values.end() ? Holds::kYes : Holds::kNo;
}

// Walks the question section: a name, a type, a class each (RFC 1035, 4.1.2). Ends
// at the first byte that makes no sense; every step goes forward.
Holds dns_unicast(const Payload& payload) {
  constexpr size_t kHeader = 12, kTypeAndClass = 4;
  std::span<const uint8_t> bytes = payload.held.first(std::min(payload.held.size(), kSearched));
  if (bytes.size() < kHeader) return not_here(payload, kHeader);
  unsigned questions = bytes[4] << 8 | bytes[5];
  size_t at = kHeader;
  for (; questions > 0; questions--) {
    while (at < bytes.size() && bytes[at] != 0 && bytes[at] < 0x40) at += 1 + bytes[at];
    if (at >= bytes.size()) break;
    uint8_t last = bytes[at];
    if (last != 0 && last < 0xc0) return Holds::kNo;  // 0x40 and 0x80: no kind of label
    at += last == 0 ? 1 : 2;                          // the root, or a pointer (RFC 1035, 4.1.4)
    if (at + kTypeAndClass > bytes.size()) break;
    if (bytes[at + 2] & 0x80) return Holds::kYes;  // the class field's top bit
    at += kTypeAndClass;
  }
  return questions > 0 ? not_here(payload, kSearched) : Holds::kNo;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<uint32_t> number(std::string_view text) {
  constexpr uint32_t kMost = 65535;
  if (text.empty()) return std::nullopt;
  uint32_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min(kMost, value * 10 + static_cast<uint32_t>(c - '0'));
  }
  return value;
}

}  // namespace

Holds holds(const PayloadTest& test, const Payload& payload) {
  switch (test.kind) {
    case PayloadTest::Kind::kBegins: return begins(test, payload);
    case PayloadTest::Kind::kContains: return contains(test, payload);
    case PayloadTest::Kind::kByte: return byte(test, payload);
    case PayloadTest::Kind::kDnsUnicast: return dns_unicast(payload);
  }
  return Holds::kNo;
}

Holds all_hold(const std::vector<PayloadTest>& tests, const Payload& payload) {
  Holds result = Holds::kYes;
  for (const PayloadTest& test : tests) result = std::min(result, holds(test, payload));
  return result;
}

std::optional<uint32_t> header_number(std::string_view text, std::string_view name) {
  text = text.substr(0, kSearched);
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trimmed(line).empty()) return std::nullopt;  // the headers end at an empty line
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || !same_name(trimmed(line.substr(0, colon)), name))
      continue;
    return number(trimmed(line.substr(colon + 1)));
  }
  return std::nullopt;
}

}  // namespace sallyport
