// Progress of long work, on a terminal only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sallyport {

// A percentage on standard error, where that is a terminal and the work is long.
class Progress {
 public:
  explicit Progress(size_t total);
  void at(size_t position);
  void done();  // wipes the line

 private:
  static constexpr size_t kLong = 32 << 20;  // bytes of a capture that take a while
  size_t total_;
  bool on_;
  int percent_ = -1;
};

}  // namespace sallyport
