// Integers as they lie on the wire: big-endian, alignment 1.
//
// A header is a struct of these, so a pointer to any byte may be read as a
// header, and forgetting a conversion does not compile.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sallyport {

template <typename T>
class BigEndian {
 public:
  BigEndian() = default;
  constexpr BigEndian(T value) { *this = value; }  // NOLINT: as natural as an integer's

  constexpr BigEndian& operator=(T value) {
    for (size_t i = 0; i < sizeof(T); i++) {
      bytes_[i] = static_cast<uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
    }
    return *this;
  }

  constexpr T value() const {
    T result = 0;
    for (size_t i = 0; i < sizeof(T); i++) result = static_cast<T>((result << 8) | bytes_[i]);
    return result;
  }

  constexpr operator T() const { return value(); }  // NOLINT: as natural as an integer's

 private:
  uint8_t bytes_[sizeof(T)];
};

// GCC sees through the loops: a load and a byte swap.
template <>
constexpr uint16_t BigEndian<uint16_t>::value() const {
  return static_cast<uint16_t>(bytes_[0] << 8 | bytes_[1]);
}

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;

static_assert(sizeof(be16) == 2 && alignof(be16) == 1);
static_assert(sizeof(be32) == 4 && alignof(be32) == 1);

}  // namespace sallyport
