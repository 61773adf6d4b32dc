// What a trial that nobody confirms ends with: done by a process of its own, which outlives us.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <sys/types.h>

namespace sallyport {

class Trial {
 public:
  // Forks: `revert` runs in the child when so much time has passed, whatever has become of this
  // process by then. This process, if it is there, is told to end by SIGTERM first, and has some
  // seconds to do it all itself.
  static std::expected<Trial, std::string> begin(std::chrono::seconds length,
                                                 const std::function<void()>& revert);
  Trial(Trial&& other) noexcept;
  Trial& operator=(Trial&&) = delete;
  ~Trial() = default;  // goes on without us

  // It shall not revert any more. False: too late.
  bool confirm();

 private:
  explicit Trial(pid_t guard) : guard_(guard) {}

  pid_t guard_ = 0;  // 0: over
};

}  // namespace sallyport
