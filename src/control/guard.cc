// Messages go by a pair of sockets: a request each way, in turns. What the child hears of our death
// is that there is nobody at the other end.
#include "control/guard.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "base/system_error.h"
#include "control/privileges.h"

namespace sallyport {

struct Guard::Request {
  enum class What : uint32_t { kRevert, kRevertAfter, kConfirm } what = What::kRevert;
  uint32_t seconds = 0;
};

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kMostText = 4096;

}  // namespace

// The child's life.
class Guard::Life {
 public:
  Life(int socket, pid_t parent, const Revert& revert)
      : socket_(socket), parent_(parent), revert_(revert) {}

  void live() {
    while (socket_ >= 0 || end_) {
      pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
      const int count = ::poll(&waiting, 1, time_left());
      if (count > 0) serve();
      if (count == 0 && end_ && Clock::now() >= *end_) finish();
    }
  }

 private:
  int time_left() const {
    if (!end_) return -1;
    constexpr auto kMost = std::chrono::hours(24);
    const auto left = std::min<Clock::duration>(*end_ - Clock::now(), kMost);
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return ms < 0 ? 0 : static_cast<int>(ms);
  }

  void serve() {
    Request request;
    const ssize_t count = ::recv(socket_, &request, sizeof request, 0);
    if (count < 0 && errno == EINTR) return;
    if (count != sizeof request) {
      ::close(std::exchange(socket_, -1));
      return;
    }
    const std::string text = answer(request);
    ::send(socket_, text.data(), std::min(text.size(), kMostText), MSG_NOSIGNAL);
  }

  // "+", or "-" and the reason.
  std::string answer(const Request& request) {
    using What = Request::What;
    switch (request.what) {
      case What::kConfirm:
        if (!end_ || told_) return "-it is too late";
        end_.reset();
        return "+";
      case What::kRevertAfter:
        end_ = Clock::now() + std::chrono::seconds(request.seconds);
        return "+";
      case What::kRevert: break;
    }
    end_.reset();
    const std::expected<void, std::string> done = revert_();
    return done ? "+" : "-" + done.error();
  }

  // If the parent is there it asks itself, and ends.
  void finish() {
    if (!std::exchange(told_, true) && ::getppid() == parent_ && ::kill(parent_, SIGTERM) == 0) {
      constexpr auto kPatience = std::chrono::seconds(5);
      end_ = Clock::now() + kPatience;
      return;
    }
    end_.reset();
    (void)revert_();
  }

  int socket_;
  const pid_t parent_;
  const Revert& revert_;
  std::optional<Clock::time_point> end_;  // of the trial
  bool told_ = false;                     // to the parent: it is over
};

std::expected<Guard, std::string> Guard::begin(const Revert& revert) {
  const auto failed = [] { return std::unexpected(system_error("a second process is needed")); };
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return failed();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return failed();
  }
  if (child > 0) return Guard(ends[0]);
  // What is open in two processes is open as long as either lives: the parent's end, above all.
  ::close(ends[0]);
  constexpr int kOwn = 3;
  if (ends[1] != kOwn) ::dup3(ends[1], kOwn, O_CLOEXEC);
  ::close_range(kOwn + 1, ~0u, 0);
  // A terminal that hangs up, or a manager that ends us, takes the parent with it, who asks.
  ::setsid();
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)drop_privileges();  // the parent is about to find out whether that can be done
  Life(kOwn, parent, revert).live();
  ::_exit(0);
}

Guard::Guard(Guard&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), on_trial_(std::exchange(other.on_trial_, false)) {}

Guard::~Guard() {
  if (socket_ >= 0) ::close(socket_);
}

std::expected<void, std::string> Guard::ask(const Request& request) {
  std::array<char, kMostText> text;
  const bool sent = ::send(socket_, &request, sizeof request, MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(sizeof request);
  ssize_t count = -1;
  do {
    count = sent ? ::recv(socket_, text.data(), text.size(), 0) : -1;
  } while (count < 0 && sent && errno == EINTR);
  if (count <= 0) return std::unexpected("the process that does so is gone");
  if (text[0] == '+') return {};
  return std::unexpected(std::string(text.data() + 1, static_cast<size_t>(count) - 1));
}

std::expected<void, std::string> Guard::revert() {
  on_trial_ = false;
  return ask({.what = Request::What::kRevert});
}

std::expected<void, std::string> Guard::revert_after(std::chrono::seconds length) {
  std::expected<void, std::string> asked =
      ask({.what = Request::What::kRevertAfter, .seconds = static_cast<uint32_t>(length.count())});
  on_trial_ = asked.has_value();
  return asked;
}

bool Guard::confirm() {
  return std::exchange(on_trial_, false) && ask({.what = Request::What::kConfirm}).has_value();
}

}  // namespace sallyport
