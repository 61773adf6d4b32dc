// A process beside ours that can undo what we did to the kernel: when we ask it, so that we need
// not be able to start programs ourselves, and when a trial's time is over, even if we have died by
// then. Without a trial it ends with us.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <string>

namespace sallyport {

class Guard {
 public:
  // Forks: `revert` runs in the child, with the rights of privileges.h, as often as it is asked
  // for; its error is handed on. Before there are threads, and much memory that both would hold.
  using Revert = std::function<std::expected<void, std::string>()>;
  static std::expected<Guard, std::string> begin(const Revert& revert);
  Guard(Guard&& other) noexcept;
  Guard& operator=(Guard&&) = delete;
  ~Guard();

  // Does it now. The error is the child's, or that it is gone.
  std::expected<void, std::string> revert();
  // Does it so much later, whatever has become of us by then, but for a confirm(). If we are there
  // we are told to end by a SIGTERM first, and have some seconds to ask for it ourselves.
  std::expected<void, std::string> revert_after(std::chrono::seconds length);
  // There is nothing to revert any more. False: there is no trial, or it is too late.
  bool confirm();
  bool on_trial() const { return on_trial_; }

 private:
  struct Request;
  class Life;
  explicit Guard(int socket) : socket_(socket) {}
  std::expected<void, std::string> ask(const Request& request);

  int socket_ = -1;  // to the child
  bool on_trial_ = false;
};

}  // namespace sallyport
