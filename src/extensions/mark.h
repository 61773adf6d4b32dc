// Arithmetic on marks, which MARK and CONNMARK share.
//
// iptables knows five ways to say it and the kernel one: new = (old & ~mask) ^ value.
// The identities are in iptables-extensions(8), and what iptables-save prints agrees.
#pragma once

#include <string>

#include "lang/option.h"

namespace sallyport {

// --set-mark: bits in value or mask are cleared, then value is set by or; so value/(value|mask).
inline std::string read_set_mark(Text text, const Scope& scope, MarkMask& out) {
  std::string wrong = read(text, scope, out);
  out.mask |= out.value;
  return wrong;
}
inline std::string read_and_mark(Text text, const Scope& scope, MarkMask& out) {
  Mask32 bits;
  std::string wrong = read(text, scope, bits);
  out = {0, ~bits.value};
  return wrong;
}
inline std::string read_or_mark(Text text, const Scope& scope, MarkMask& out) {
  Mask32 bits;
  std::string wrong = read(text, scope, bits);
  out = {bits.value, bits.value};
  return wrong;
}
inline std::string read_xor_mark(Text text, const Scope& scope, MarkMask& out) {
  Mask32 bits;
  std::string wrong = read(text, scope, bits);
  out = {bits.value, 0};
  return wrong;
}

// --set-xmark: printed with its mask, however full.
struct Xmark : MarkMask {};
inline void write(const Xmark& mark, const Scope& scope, std::string& out) {
  write(Mask32{mark.value}, scope, out);
  out += '/';
  write(Mask32{mark.mask}, scope, out);
}
template <std::string (*kRead)(Text, const Scope&, MarkMask&)>
std::string read_xmark(Text text, const Scope& scope, Xmark& out) {
  return kRead(text, scope, out);
}

// As `iptables -L` says it: "set 0x7", "xset 0x7/0xff", "or 0x8".
inline void list_mark(const MarkMask& mark, const Scope& scope, std::string& out) {
  constexpr uint32_t kAll = ~0u;
  if (mark.value == 0) {
    out += "and ";
    return write(Mask32{~mark.mask}, scope, out);
  }
  const bool whole = mark.value == mark.mask || mark.mask == 0 || mark.mask == kAll;
  out += mark.value == mark.mask ? "or " : mark.mask == 0 ? "xor " : whole ? "set " : "xset ";
  write(Mask32{mark.value}, scope, out);
  if (whole) return;
  out += '/';
  write(Mask32{mark.mask}, scope, out);
}

constexpr uint32_t apply(const MarkMask& mark, uint32_t old) {
  return (old & ~mark.mask) ^ mark.value;
}

}  // namespace sallyport
