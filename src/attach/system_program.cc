// All three pipes at once: a program may answer before it has read all.
#include "attach/system_program.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "base/system_error.h"

namespace sallyport {
namespace {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }  // -1: closed, which poll() passes over
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor reads, writes;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    reads = Descriptor(ends[0]);
    writes = Descriptor(ends[1]);
    return true;
  }
};

void feed(Descriptor& to, std::string_view& input) {
  const ssize_t count = ::write(to.get(), input.data(), input.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count > 0) input.remove_prefix(static_cast<size_t>(count));
  // A reader that is gone is its exit code's to tell.
  if (count <= 0 || input.empty()) to.close();
}

void take(Descriptor& from, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count > 0) {
    text.append(buffer.data(), static_cast<size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    from.close();
  }
}

void converse(Pipe& in, Pipe& out, Pipe& err, std::string_view input, Ran& ran) {
  ::fcntl(in.writes.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.writes.close();
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  while (in.writes.get() >= 0 || out.reads.get() >= 0 || err.reads.get() >= 0) {
    std::array<pollfd, 3> waiting{{{.fd = in.writes.get(), .events = POLLOUT, .revents = 0},
                                   {.fd = out.reads.get(), .events = POLLIN, .revents = 0},
                                   {.fd = err.reads.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[0].revents) feed(in.writes, input);
    if (waiting[1].revents) take(out.reads, ran.out);
    if (waiting[2].revents) take(err.reads, ran.errors);
  }
  std::signal(SIGPIPE, before);
}

}  // namespace

Ran run_program(std::vector<std::string> command, std::string_view input) {
  Ran ran;
  Pipe in, out, err;
  if (!in.open() || !out.open() || !err.open()) {
    ran.errors = system_error();
    return ran;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.reads.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.writes.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.writes.get(), 2);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {path, nullptr};
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, command[0].c_str(), &actions, nullptr, arguments.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    ran.errors = system_error(error);
    return ran;
  }
  in.reads.close();
  out.writes.close();
  err.writes.close();
  converse(in, out, err, input, ran);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  while (ran.errors.ends_with('\n')) ran.errors.pop_back();
  return ran;
}

}  // namespace sallyport
