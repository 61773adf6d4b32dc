// Chance that is the same on every machine: the distributions of <random> may
// differ between libraries, and a seed that was printed once must mean the same
// for ever.
//
// The generator is SplitMix64 (Steele, Lea, Flood: "Fast Splittable
// Pseudorandom Number Generators", 2014): every seed is as good as any other,
// 1, 2, 3 included. The remainder's bias in below() is far too small to be seen
// here.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

namespace sallyport::testing {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // 0 .. count - 1
  uint32_t below(uint32_t count) { return static_cast<uint32_t>(next() % count); }
  // Both ends included.
  uint32_t between(uint32_t low, uint32_t high) { return low + below(high - low + 1); }
  bool chance(uint32_t percent) { return below(100) < percent; }

  template <typename List>
  auto pick(const List& list) -> const decltype(*std::begin(list))& {
    return *std::next(std::begin(list), below(static_cast<uint32_t>(std::size(list))));
  }
  template <typename T>
  T pick(std::initializer_list<T> list) {
    return *std::next(list.begin(), below(static_cast<uint32_t>(list.size())));
  }

  // `text` so many times in a hundred, else nothing.
  std::string maybe(uint32_t percent, std::string_view text) {
    return chance(percent) ? std::string(text) : std::string();
  }

  // A stream of its own, so that what one subject draws does not disturb the
  // others.
  Random fork() { return Random(next()); }

 private:
  uint64_t state_;
};

// The parts as one text. Parts that are drawn are drawn from left to right: of
// braces the language says so, of arguments and operands it leaves it to the
// compiler, and then a seed would mean one script here and another there.
inline std::string joined(std::initializer_list<std::string> parts) {
  std::string text;
  for (const std::string& part : parts) text += part;
  return text;
}

// One of `rows`, each as often as its `weight` says. Some weight must not be 0.
template <typename Rows>
const auto& pick_weighted(Random& random, const Rows& rows) {
  uint32_t all = 0;
  for (const auto& row : rows) all += row.weight;
  uint32_t at = random.below(all);
  const auto* row = std::data(rows);
  for (; at >= row->weight; row++) at -= row->weight;
  return *row;
}

}  // namespace sallyport::testing
