// A keyed hash for tables whose keys an attacker may choose.
//
// Multiply and fold (the 128-bit product's halves xored) over 64-bit words,
// each xored with secret words. Without the secrets, keys that collide cannot
// be told from others; the secrets are drawn at start and are an argument.
// Not a MAC: its outputs must never leave the process.
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

constexpr uint64_t hash_fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Words in pairs; N is small and even, so this unrolls.
template <size_t N>
constexpr uint64_t keyed_hash(const std::array<uint64_t, N>& words, const HashKey& key) {
  static_assert(N % 2 == 0 && N <= 6);
  uint64_t hash = key.secret[6];
  for (size_t i = 0; i < N; i += 2) {
    hash ^= hash_fold(words[i] ^ key.secret[i], words[i + 1] ^ key.secret[i + 1] ^ hash);
  }
  return hash_fold(hash, key.secret[7]);
}

}  // namespace sallyport
