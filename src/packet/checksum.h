// Checksums: the Internet's (RFC 1071) and SCTP's CRC-32c (RFC 9260, appendix A).
//
// A `Sum` is the one's complement sum before folding. It is kept in 64 bits, so
// a whole datagram adds without a carry to look after, and is folded once at
// the end. Sums are in memory order: the one's complement sum of 16-bit words
// does not care which byte of a word comes first, as long as the result is
// stored as it came (RFC 1071, 2(B)). That spares the swaps.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sallyport {

using Sum = uint64_t;

// 64 bits more, the carry put in again at the low end: the same, modulo 0xffff.
inline Sum add_words(Sum sum, uint64_t words) {
  const bool carry = __builtin_add_overflow(sum, words, &sum);
  return sum + carry;
}
inline Sum add_8(Sum sum, const uint8_t* at) {
  uint64_t words;
  std::memcpy(&words, at, sizeof words);
  return add_words(sum, words);
}

// Of many bytes, and of less than 8: sum_bytes() knows which to take.
Sum sum_many(std::span<const uint8_t> bytes);
Sum sum_few(const uint8_t* at, size_t count);

// The sum of `size` bytes, an odd last one padded with a zero. For data that begins
// at an even offset of what is summed. Below 2^34: there is room to add to it.
inline Sum sum_of_8_or_more(const uint8_t* at, size_t size) {
  constexpr size_t kWorthACall = 128;
  if (size >= kWorthACall) [[unlikely]]
    return sum_many({at, size});
  const uint8_t* const end = at + size;
  Sum sum = 0;
  for (; end - at >= 32; at += 32) {
    sum = add_8(add_8(add_8(add_8(sum, at), at + 8), at + 16), at + 24);
  }
  for (; end - at >= 8; at += 8) sum = add_8(sum, at);
  if (at != end) {  // the last 8 bytes, of which the first have been added already
    const auto added = static_cast<unsigned>(8 - (end - at));
    uint64_t last;
    std::memcpy(&last, end - 8, sizeof last);
    constexpr bool kLittle = std::endian::native == std::endian::little;
    sum = add_words(sum, kLittle ? last >> (8 * added) : last << (8 * added));
  }
  return (sum & 0xffffffff) + (sum >> 32);
}

inline Sum sum_bytes(std::span<const uint8_t> bytes) {
  return bytes.size() < 8 ? sum_few(bytes.data(), bytes.size())
                          : sum_of_8_or_more(bytes.data(), bytes.size());
}

// The same for a few words, inline: headers and pseudo-headers.
inline Sum sum_words(const void* words, size_t count_of_32_bits) {
  Sum sum = 0;
  const uint8_t* at = static_cast<const uint8_t*>(words);
  for (size_t i = 0; i < count_of_32_bits; i++, at += 4) {
    uint32_t word;
    std::memcpy(&word, at, sizeof word);
    sum += word;
  }
  return sum;
}

// The same of 20 bytes, which nearly every IPv4 header has.
inline Sum sum_of_20(const uint8_t* at) {
  uint64_t one, two;
  uint32_t three;
  std::memcpy(&one, at, sizeof one);
  std::memcpy(&two, at + 8, sizeof two);
  std::memcpy(&three, at + 16, sizeof three);
  return (one & 0xffffffff) + (one >> 32) + (two & 0xffffffff) + (two >> 32) + three;
}

// 16 bits in memory order. A correct header or segment folds to 0xffff.
constexpr uint16_t fold(Sum sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// Whether 0xffff divides it: only then its product with the inverse modulo 2^64 is a quotient. A
// compiler that thinks the place cold would divide.
constexpr bool is_multiple_of_all_ones(Sum sum) {
  constexpr uint64_t kInverse = 0xfffefffefffeffff;
  static_assert(uint64_t{0xffff} * kInverse == 1);
  return sum * kInverse <= UINT64_MAX / 0xffff;
}

// Whether it folds to 0xffff, with a multiplication instead of the folding.
constexpr bool is_all_ones(Sum sum) {
  return sum != 0 && is_multiple_of_all_ones(sum);
}

// The checksum (as stored, in memory order) after the bytes it covers changed
// from those of sum `before` to those of sum `after`: RFC 1624, equation 3.
constexpr uint16_t replace_in_checksum(uint16_t checksum, Sum before, Sum after) {
  return static_cast<uint16_t>(~fold(Sum{static_cast<uint16_t>(~checksum)} +
                                     static_cast<uint16_t>(~fold(before)) + fold(after)));
}

// CRC-32c of `bytes`; `crc` continues an earlier run. Finished value: the
// complement is taken on the way in and out.
uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t crc = 0);

}  // namespace sallyport
