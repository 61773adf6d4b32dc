// A big array for benchmarks, on huge pages where the kernel has them (madvise): what is measured
// is the caches, not the page tables. It is zero at first, and knows no layer of ours, so that the
// yardsticks use it too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/mman.h>
#include <type_traits>
#include <utility>

namespace sallyport {

template <typename T>
class HugeArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit HugeArray(size_t size) : size_(size) {
    // A huge page more, so that the array begins at one.
    map_ = mmap(nullptr, map_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map_ == MAP_FAILED) __builtin_trap();
    auto address = reinterpret_cast<uintptr_t>(map_);
    items_ = reinterpret_cast<T*>((address + kHugePage - 1) / kHugePage * kHugePage);
    madvise(items_, size_ * sizeof(T), MADV_HUGEPAGE);
  }
  ~HugeArray() {
    if (map_) munmap(map_, map_bytes());
  }
  HugeArray(HugeArray&& other) noexcept
      : size_(other.size_), map_(std::exchange(other.map_, nullptr)), items_(other.items_) {}
  HugeArray& operator=(HugeArray&&) = delete;

  T* data() { return items_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  std::span<const T> span() const { return {items_, size_}; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;
  size_t map_bytes() const { return size_ * sizeof(T) + kHugePage; }

  size_t size_;
  void* map_;
  T* items_;
};

}  // namespace sallyport
