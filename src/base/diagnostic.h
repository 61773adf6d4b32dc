// What is wrong with a text, where, and what to do about it.
//
// Parsers collect all the errors of a text and hand back nothing unless there
// is none. `Result` is for the single step that can fail.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace sallyport {

// Lines and columns count from 1, columns in bytes; length is in bytes, 0 for "here".
struct Span {
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t length = 0;
};

struct Diag {
  Span span;
  std::string what;  // "--dport needs -p tcp or udp": no capital, no full stop
  std::string hint;  // what to write instead; may be empty
};

template <typename T>
using Result = std::expected<T, Diag>;

// The errors of one text, in the order found. Past kMost they are only counted:
// a hundred-megabyte file of nonsense must not cost gigabytes.
class Diagnostics {
 public:
  static constexpr size_t kMost = 100;

  void add(Diag diag) {
    if (list_.size() < kMost) list_.push_back(std::move(diag));
    count_++;
  }
  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  const std::vector<Diag>& list() const { return list_; }

  // "FILE:LINE:COL: error: …", the line, a caret, a hint, for each.
  std::string render(const std::string& file, std::string_view text) const;

 private:
  std::vector<Diag> list_;
  size_t count_ = 0;
};

}  // namespace sallyport
