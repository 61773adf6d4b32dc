// Work in processes of its own, several at a time.
//
// A sandbox belongs to a process and most of a script's time is waiting, so each script is
// a process. What it prints to stdout is its result. Every one dies with its parent, however
// that ends, and takes its namespace along. One pool at a time may have any that run: it waits for
// whichever child ends.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <sys/types.h>

namespace sallyport::testing {

class ProcessPool {
 public:
  struct Result {
    uint64_t id = 0;     // as it was started
    int code = 0;        // its exit code; 128 + N of a signal N
    std::string output;  // what it printed
  };

  explicit ProcessPool(size_t jobs) : jobs_(jobs) {}
  ~ProcessPool();
  ProcessPool(const ProcessPool&) = delete;
  ProcessPool& operator=(const ProcessPool&) = delete;

  bool full() const { return children_.size() >= jobs_; }
  bool empty() const { return children_.empty(); }
  // Runs `work` in a child; what it returns is the exit code.
  void start(uint64_t id, const std::function<int()>& work);
  // Waits for one that has ended. There must be one that runs.
  Result finish_one();

 private:
  struct Child {
    uint64_t id = 0;
    std::FILE* output = nullptr;
  };

  size_t jobs_;
  std::map<pid_t, Child> children_;
};

}  // namespace sallyport::testing
