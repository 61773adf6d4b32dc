#include "control/trial.h"

#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sallyport {

std::expected<Trial, std::string> Trial::begin(std::chrono::seconds length,
                                               const std::function<void()>& revert) {
  const pid_t parent = ::getpid();
  const pid_t guard = ::fork();
  if (guard < 0) {
    return std::unexpected(
        fmt::format("a trial needs a second process: {}", std::generic_category().message(errno)));
  }
  if (guard == 0) {
    // A queue that is open in two processes has a reader as long as either lives.
    ::close_range(3, ~0u, 0);
    ::setsid();  // a terminal that hangs up takes us with it, and not the guard
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    std::this_thread::sleep_for(length);
    // If it is there it does so itself, and ends us.
    constexpr auto kPatience = std::chrono::seconds(5);
    if (::getppid() == parent && ::kill(parent, SIGTERM) == 0) {
      std::this_thread::sleep_for(kPatience);
    }
    revert();
    ::_exit(0);
  }
  return Trial(guard);
}

Trial::Trial(Trial&& other) noexcept : guard_(std::exchange(other.guard_, 0)) {}

bool Trial::confirm() {
  if (guard_ == 0) return false;
  const bool in_time = ::kill(guard_, SIGKILL) == 0;
  int status = 0;
  const bool ended = ::waitpid(guard_, &status, 0) == guard_;
  guard_ = 0;
  return in_time && ended && WIFSIGNALED(status);
}

}  // namespace sallyport
