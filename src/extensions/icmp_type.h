// ICMP types by name and number, which icmp and icmp6 share.
//
// TYPE, TYPE/CODE, or a name of either; a name may be cut short as long as one meaning is left.
#pragma once

#include <fmt/format.h>
#include <string>
#include <vector>

#include "extensions/extension.h"
#include "packet/headers.h"
#include "program/header.h"

namespace sallyport {

struct IcmpName {
  Text name;
  uint8_t type;
  int code = -1;  // -1: any
};

struct IcmpType {
  uint8_t type = 0;
  uint8_t low = 0;  // of the code
  uint8_t high = 255;
};

inline std::string read_icmp_type(Text text, std::span<const IcmpName> names, IcmpType& out) {
  auto take = [&](uint64_t type, int code) {
    out = {static_cast<uint8_t>(type), static_cast<uint8_t>(code < 0 ? 0 : code),
           static_cast<uint8_t>(code < 0 ? 255 : code)};
    return std::string();
  };
  const IcmpName* found = nullptr;
  std::vector<Text> candidates;
  for (const IcmpName& name : names) {
    candidates.push_back(name.name);
    if (same_ignoring_case(name.name, text)) return take(name.type, name.code);
    if (text.empty() || !same_ignoring_case(name.name.substr(0, text.size()), text)) continue;
    if (found != nullptr) {
      return fmt::format("'{}' may be '{}' or '{}'", text, found->name, name.name);
    }
    found = &name;
  }
  if (found != nullptr) return take(found->type, found->code);
  size_t slash = text.find('/');
  std::optional<uint64_t> type = read_number(text.substr(0, slash));
  if (!type || *type > 255) {
    Text near = nearest(text, candidates);
    return fmt::format("unknown ICMP type '{}'{}", text,
                       near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  if (slash == Text::npos) return take(*type, -1);
  std::optional<uint64_t> code = read_number(text.substr(slash + 1));
  if (!code || *code > 255) return fmt::format("'{}' is not an ICMP code", text.substr(slash + 1));
  return take(*type, static_cast<int>(*code));
}

inline void write_icmp_type(const IcmpType& type, std::string& out) {
  out += std::to_string(type.type);
  if (type.low == type.high) out += "/" + std::to_string(type.low);
}

// "icmptype 5 code 1", "icmp !type 5"; `name` is the match's.
inline void list_icmp_type(const IcmpType& type, bool negated, std::string_view name,
                           std::string& out) {
  out += ' ';
  out += name;
  out += negated ? " !type " : "type ";
  out += std::to_string(type.type);
  if (type.low == type.high) out += " code " + std::to_string(type.low);
}

// The whole 8 bytes must be there, though only two are looked at (kernel-facts 8).
constexpr uint32_t kIcmpHeaderLength = sizeof(IcmpHeader);

inline bool is_of_type(const Fields& fields, const IcmpType& type) {
  uint32_t code = fields[Field::kIcmpCode];
  return fields[Field::kIcmpType] == type.type && code >= type.low && code <= type.high;
}

// The tests for `self.type`, after those for the header.
template <typename T>
void compile_icmp_type(Emitter& emitter, const T& self) {
  const IcmpType& type = self.type.value;
  if (type.low != type.high) {
    emitter.test(Field::kIcmpType, 0xff, type.type, self.type.negated);
  } else if (!self.type.negated) {
    emitter.test(Field::kIcmpType, 0xff, type.type);
    emitter.test(Field::kIcmpCode, 0xff, type.low);
  } else {
    compile_call(emitter, self, depends::kPacket);  // not both, which no row of tests can say
  }
}

}  // namespace sallyport
