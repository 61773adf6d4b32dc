// Integers as they lie on the wire: big-endian, alignment 1.
//
// A header is a struct of these, so a pointer to any byte may be read as a
// header, and forgetting a conversion does not compile.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace sallyport {

template <typename T>
class BigEndian {
 public:
  BigEndian() = default;
  constexpr BigEndian(T value) { *this = value; }  // NOLINT: as natural as an integer's

  constexpr BigEndian& operator=(T value) { return *this = std::bit_cast<BigEndian>(swap(value)); }

  constexpr T value() const { return swap(std::bit_cast<T>(*this)); }

  constexpr operator T() const { return value(); }  // NOLINT: as natural as an integer's

 private:
  static constexpr T swap(T value) {
    return std::endian::native == std::endian::little ? std::byteswap(value) : value;
  }

  uint8_t bytes_[sizeof(T)];
};

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;

static_assert(sizeof(be16) == 2 && alignof(be16) == 1);
static_assert(sizeof(be32) == 4 && alignof(be32) == 1);

}  // namespace sallyport
