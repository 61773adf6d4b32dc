// The kinds of value that options take: how each is read and how iptables-save
// writes it.
//
// A kind is a type with two functions beside it, found by argument-dependent
// lookup:
//
//   std::string read(Text text, const Scope& scope, T& out);   // what is wrong, or empty
//   void write(const T& value, const Scope& scope, std::string& out);
//
// An error says what is wrong with the value, quoting it; the place is the
// caller's to add. Spellings and limits are those of iptables 1.8.9, by experiment.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "lang/lexer.h"

namespace sallyport {

class LabelNames;

// What a value's meaning depends on.
struct Scope {
  Family family = Family::kIpv4;
  std::string_view protocol;  // of the rule, for services: "tcp"; empty: any
  const LabelNames* labels = nullptr;
};

using Text = std::string_view;

// Decimal, 0x hexadecimal or 0 octal, as iptables reads numbers; nothing else around it.
std::optional<uint64_t> read_number(Text text);
// Decimal digits only, as in ports.
std::optional<uint64_t> read_decimal(Text text);
// Splits at every `separator`; empty parts are kept.
std::vector<Text> split(Text text, char separator);
bool same_ignoring_case(Text a, Text b);
std::string lower_case(Text text);

// A number with limits.
template <uint64_t kLow, uint64_t kHigh>
struct Number {
  uint64_t value = 0;
};
std::string read_number_within(Text text, uint64_t low, uint64_t high, uint64_t& out);
template <uint64_t kLow, uint64_t kHigh>
std::string read(Text text, const Scope&, Number<kLow, kHigh>& out) {
  return read_number_within(text, kLow, kHigh, out.value);
}
template <uint64_t kLow, uint64_t kHigh>
void write(const Number<kLow, kHigh>& number, const Scope&, std::string& out) {
  out += std::to_string(number.value);
}

// N, N:M, :M or N:, as lengths and lifetimes are given. A range that runs backwards matches
// nothing; iptables takes it, so it is kept.
template <uint64_t kHigh>
struct NumberRange {
  uint64_t low = 0;
  uint64_t high = kHigh;
};
std::string read_number_range(Text text, uint64_t highest, uint64_t& low, uint64_t& high);
template <uint64_t kHigh>
std::string read(Text text, const Scope&, NumberRange<kHigh>& out) {
  return read_number_range(text, kHigh, out.low, out.high);
}
template <uint64_t kHigh>
void write(const NumberRange<kHigh>& range, const Scope&, std::string& out) {
  out += std::to_string(range.low);
  if (range.low != range.high) out += ":" + std::to_string(range.high);
}

// A port by number or by the name of its service.
std::string read_port(Text text, const Scope& scope, uint16_t& out);

// PORT, PORT:PORT, :PORT or PORT:.
struct PortRange {
  uint16_t low = 0;
  uint16_t high = 65535;
  bool all() const { return low == 0 && high == 65535; }
};
std::string read(Text text, const Scope& scope, PortRange& out);
void write(const PortRange& range, const Scope& scope, std::string& out);

// At most 15 ports, of which a range counts as two; neither end of a range may be left out.
struct PortList {
  std::vector<PortRange> ranges;
};
std::string read(Text text, const Scope& scope, PortList& out);
void write(const PortList& list, const Scope& scope, std::string& out);

// VALUE[/MASK], in hexadecimal when printed.
struct MarkMask {
  uint32_t value = 0;
  uint32_t mask = 0xffffffff;
};
std::string read(Text text, const Scope& scope, MarkMask& out);
void write(const MarkMask& mark, const Scope& scope, std::string& out);  // no mask if it is full

struct Mask32 {
  uint32_t value = 0xffffffff;
};
std::string read(Text text, const Scope& scope, Mask32& out);
void write(const Mask32& mask, const Scope& scope, std::string& out);  // 0x…

// ADDRESS[/MASK], one only. Printed without a full mask; bits beyond the mask are kept.
struct MaskedAddress {
  Address address;
  Address mask;
};
// One address in any spelling that iptables takes (10.1 is 10.1.0.0), or RFC 4291's.
std::optional<Address> read_address(Family family, Text text);
// A length, or a mask written as an address.
std::optional<Address> read_mask(Family family, Text text);
std::string read(Text text, const Scope& scope, MaskedAddress& out);
void write(const MaskedAddress& address, const Scope& scope, std::string& out);
// "/24", or "/255.0.255.0" where the ones have gaps.
std::string mask_text(Family family, const Address& mask);

// FIRST[-LAST].
struct AddressRange {
  Address first;
  Address last;
};
std::string read(Text text, const Scope& scope, AddressRange& out);
// The same, of addresses that `parse` reads.
std::string read_address_range(Text text, Family family,
                               std::optional<Address> (*parse)(Family, Text), AddressRange& out);
void write(const AddressRange& range, const Scope& scope, std::string& out);

// A protocol by number or name; 0 is all of them.
struct ProtocolNumber {
  uint8_t value = 0;
};
std::string read(Text text, const Scope& scope, ProtocolNumber& out);
void write(const ProtocolNumber& protocol, const Scope& scope, std::string& out);  // by number

// What is wrong with the name of an interface, if anything is. Linux has none with blanks; nor
// could iptables-restore read back what iptables-save prints of one, or of one with quotes.
std::string wrong_interface_name(Text name);

// Text of at most kLongest bytes.
template <size_t kShortest, size_t kLongest>
struct String {
  std::string value;
};
std::string read_string(Text text, size_t shortest, size_t longest, std::string& out);
template <size_t kShortest, size_t kLongest>
std::string read(Text text, const Scope&, String<kShortest, kLongest>& out) {
  return read_string(text, kShortest, kLongest, out.value);
}
template <size_t kShortest, size_t kLongest>
void write(const String<kShortest, kLongest>& string, const Scope&, std::string& out) {
  out += quote(string.value);
}

struct MacAddress {
  std::array<uint8_t, 6> bytes{};
};
std::string read(Text text, const Scope& scope, MacAddress& out);
void write(const MacAddress& mac, const Scope& scope, std::string& out);

// A word for a number. `names` may hold aliases after the canonical name.
struct Named {
  Text name;
  uint32_t value;
};
enum class Spelling : uint8_t { kExact, kAnyCase, kAnyCasePrefix };
// The entry meant by `text`, the first of equals; null if none or (prefixes) the first.
const Named* find_named(Text text, std::span<const Named> names, Spelling spelling);
// The first name of `value`; empty if it has none.
Text name_of(uint32_t value, std::span<const Named> names);
// A comma list of names into the bits that they stand for.
std::string read_bits(Text text, std::span<const Named> names, Spelling spelling, Text kind,
                      uint32_t& out);
// The names of the bits set, in the order of `names`, with commas.
void write_bits(uint32_t bits, std::span<const Named> names, std::string& out);
// "unknown KIND 'TEXT'", and what was meant if something is near.
std::string unknown_name(Text kind, Text text, std::span<const Named> names);

// The candidate nearest to `text`, or empty where none is near (an edit in every three bytes).
Text nearest(Text text, std::span<const Text> candidates);

}  // namespace sallyport
