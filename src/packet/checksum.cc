#include "packet/checksum.h"

#include <array>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

// Wider code where the machine has it, chosen when the program is loaded. Not under
// sanitizers, whose run time is not up yet when that choice is made.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SALLYPORT_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SALLYPORT_CLONES
#endif

namespace sallyport {
namespace {

// Four lanes of two 32-bit words each; the halves are added apart, so that the
// carries collect in the upper halves. AVX2 makes this one register, SSE2 two.
using Lanes = uint64_t __attribute__((vector_size(32)));

SALLYPORT_CLONES Sum sum_blocks(const uint8_t* at, size_t blocks) {
  Lanes low = {}, high = {};
  for (; blocks > 0; blocks--, at += sizeof(Lanes)) {
    Lanes words;
    std::memcpy(&words, at, sizeof words);
    low += words & 0xffffffff;
    high += words >> 32;
  }
  low += high;
  return low[0] + low[1] + low[2] + low[3];
}

}  // namespace

Sum sum_many(std::span<const uint8_t> bytes) {
  const size_t blocks = bytes.size() / sizeof(Lanes);
  const Sum sum = sum_blocks(bytes.data(), blocks);
  // What is left is less than a block: no further call comes back here.
  return sum + sum_bytes(bytes.subspan(blocks * sizeof(Lanes)));
}

Sum sum_few(const uint8_t* at, size_t count) {
  Sum sum = 0;
  for (; count >= 2; count -= 2, at += 2) {
    uint16_t half;
    std::memcpy(&half, at, sizeof half);
    sum += half;
  }
  if (count) sum += *at * (std::endian::native == std::endian::little ? 1u : 256u);
  return sum;
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
