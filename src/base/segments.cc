#include "base/segments.h"

#include <new>
#include <sys/mman.h>
#include <utility>

namespace sallyport {

// Asks for more than it needs and gives back what lies before and behind the aligned part.
Pages::Pages(size_t bytes, bool begins_huge) : bytes_((bytes + kHuge - 1) / kHuge * kHuge) {
  void* got =
      mmap(nullptr, bytes_ + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(got);
  size_t before = (kHuge - reinterpret_cast<uintptr_t>(got) % kHuge) % kHuge;
  data_ = begin + before;
  if (before) munmap(begin, before);
  munmap(begin + before + bytes_, kHuge - before);
#ifdef MADV_HUGEPAGE
  const size_t small = begins_huge ? 0 : kHuge;
  madvise(static_cast<std::byte*>(data_) + small, bytes_ - small, MADV_HUGEPAGE);  // may fail
#endif
}

Pages::~Pages() {
  if (data_) munmap(data_, bytes_);
}

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Pages& Pages::operator=(Pages&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace sallyport
