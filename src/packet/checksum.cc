#include "packet/checksum.h"

#include <array>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace sallyport {

Sum sum_bytes(std::span<const uint8_t> bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  Sum sum = sum_words(at, left / 4);
  at += left & ~size_t{3};
  left &= 3;
  uint32_t tail = 0;
  if (left) std::memcpy(&tail, at, left);
  return sum + tail;
}

#ifdef __SSE4_2__

uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t crc) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t state = ~crc;
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    state = _mm_crc32_u64(state, word);
  }
  uint32_t last = static_cast<uint32_t>(state);
  for (; left > 0; at++, left--) last = _mm_crc32_u8(last, *at);
  return ~last;
}

#else

namespace {

constexpr uint32_t kReflectedPolynomial = 0x82f63b78;  // RFC 9260, appendix A

constexpr auto kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? kReflectedPolynomial : 0);
    table[i] = crc;
  }
  return table;
}();

}  // namespace

uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t crc) {
  crc = ~crc;
  for (uint8_t byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
  return ~crc;
}

#endif

}  // namespace sallyport
