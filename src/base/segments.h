// Memory for tables that grow while packets wait: nothing that is there ever moves, so growing
// costs what is new, and an address that was prefetched stays right.
//
// A segment is 2 MB of zeroes from the kernel, which gives a page when it is first touched. A small
// table stays small: only what comes after the first 2 MB asks for huge pages, with which a million
// flows need a few dozen entries of the TLB instead of tens of thousands. Where the kernel has none
// to give, everything works as before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace sallyport {

// Zeroed memory, aligned to a huge page, that wishes for huge pages; at its beginning only if that
// is said. Throws std::bad_alloc.
class Pages {
 public:
  static constexpr size_t kHuge = size_t{2} << 20;

  Pages() = default;
  Pages(size_t bytes, bool begins_huge);
  ~Pages();
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// An array that grows at its end. Its elements begin as zeroes, and are not destroyed.
template <typename Element>
class Segments {
  static_assert(std::is_trivially_destructible_v<Element>);

 public:
  static constexpr size_t kPerSegment = Pages::kHuge / sizeof(Element);
  static_assert((kPerSegment & (kPerSegment - 1)) == 0);

  Element& operator[](size_t index) const {
    return starts_[index / kPerSegment][index % kPerSegment];
  }
  size_t size() const { return size_; }
  void grow(size_t size) {
    for (; pages_.size() * kPerSegment < size; starts_.push_back(start_of_last())) {
      pages_.emplace_back(Pages::kHuge, !pages_.empty());
    }
    size_ = size > size_ ? size : size_;
  }
  // Pages of a segment that have not been touched are not held.
  size_t memory() const { return size_ * sizeof(Element); }

 private:
  Element* start_of_last() const { return static_cast<Element*>(pages_.back().data()); }

  std::vector<Element*> starts_;
  std::vector<Pages> pages_;
  size_t size_ = 0;
};

}  // namespace sallyport
