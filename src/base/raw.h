// Values as the bytes that they are in memory: for files that the same program reads again.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace sallyport {

template <typename Value>
void put_raw(const Value& value, std::string& out) {
  static_assert(std::is_trivially_copyable_v<Value>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Takes it off the front of `bytes`. False: these are too few.
template <typename Value>
bool take_raw(std::string_view& bytes, Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  if (bytes.size() < sizeof value) return false;
  std::memcpy(static_cast<void*>(&value), bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return true;
}

// A text with its length before it.
inline void put_raw_text(std::string_view text, std::string& out) {
  put_raw(static_cast<uint32_t>(text.size()), out);
  out += text;
}
inline bool take_raw_text(std::string_view& bytes, std::string_view& text) {
  uint32_t size = 0;
  if (!take_raw(bytes, size) || bytes.size() < size) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

}  // namespace sallyport
