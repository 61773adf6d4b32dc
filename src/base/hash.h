// A keyed hash for tables whose keys an attacker may choose.
//
// First UMAC's NH (J. Black et al., "UMAC: Fast and Secure Message Authentication", 1999): words in
// pairs, each plus a secret word, multiplied, and the products added up to 128 bits. Two different
// keys have one sum for at most one in 2^64 of the secrets, whichever keys they are: so nobody who
// does not know the secrets can choose keys that collide there. One more multiplication, with its
// halves folded together and secrets again, spreads the sum over 64 bits, of which a table may
// take any. Two multiplications for a pair of words, some 3 ns, and a burst overlaps them.
//
// Not a MAC: its outputs, and which keys are neighbours, must never leave the process. The
// secrets are drawn at start and are an argument.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport {

struct HashKey {
  std::array<uint64_t, 8> secret{};
};

// A key from a seed; the seed should come from getrandom() outside of tests.
constexpr HashKey make_hash_key(uint64_t seed) {
  HashKey key;
  for (uint64_t& word : key.secret) {  // splitmix64, public domain (S. Vigna)
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = (z ^ (z >> 31)) | 1;
  }
  return key;
}

// Words in pairs; N is small and even, so this unrolls.
template <size_t N>
constexpr uint64_t keyed_hash(const std::array<uint64_t, N>& words, const HashKey& key) {
  static_assert(N % 2 == 0 && N <= 6);
  __extension__ using Wide = unsigned __int128;
  Wide sum = 0;
  for (size_t i = 0; i < N; i += 2) {
    sum += static_cast<Wide>(words[i] + key.secret[i]) * (words[i + 1] + key.secret[i + 1]);
  }
  Wide product = static_cast<Wide>(static_cast<uint64_t>(sum) ^ key.secret[6]) *
                 (static_cast<uint64_t>(sum >> 64) ^ key.secret[7]);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace sallyport
