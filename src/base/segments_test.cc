#include "base/segments.h"

#include <gtest/gtest.h>
#include <utility>

namespace sallyport {
namespace {

TEST(Pages, AreZeroesAtTheStartOfAHugePage) {
  for (bool huge : {false, true}) {
    Pages pages(Pages::kHuge + 1, huge);
    auto* bytes = static_cast<unsigned char*>(pages.data());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % Pages::kHuge, 0u);
    for (size_t i = 0; i <= Pages::kHuge; i += 4096) EXPECT_EQ(std::exchange(bytes[i], 1), 0);
  }
}

TEST(Pages, HaveOneOwner) {
  Pages one(1, false);
  void* data = one.data();
  Pages other(std::move(one));
  EXPECT_EQ(other.data(), data);
  EXPECT_EQ(one.data(), nullptr);
}

TEST(Segments, WhatIsThereStaysWhereItIs) {
  Segments<uint32_t> numbers;
  numbers.grow(1);
  uint32_t* first = &numbers[0];
  *first = 7;
  constexpr size_t kMany = 3 * Segments<uint32_t>::kPerSegment;
  numbers.grow(kMany);
  EXPECT_EQ(&numbers[0], first);
  EXPECT_EQ(numbers[0], 7u);
  EXPECT_EQ(numbers[kMany - 1], 0u);
  numbers.grow(2);  // it never shrinks
  EXPECT_EQ(numbers.size(), kMany);
  EXPECT_EQ(numbers.memory(), kMany * sizeof(uint32_t));
}

}  // namespace
}  // namespace sallyport
