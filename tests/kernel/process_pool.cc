#include "kernel/process_pool.h"

#include <cstdlib>
#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sallyport::testing {

ProcessPool::~ProcessPool() {
  for (const auto& [pid, child] : children_) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    std::fclose(child.output);
  }
}

void ProcessPool::start(uint64_t id, const std::function<int()>& work) {
  std::FILE* output = std::tmpfile();
  std::fflush(nullptr);
  pid_t parent = ::getpid();
  pid_t child = output ? ::fork() : -1;
  if (child < 0) {
    fmt::print(stderr, "no process to be had\n");
    std::abort();
  }
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::dup2(::fileno(output), 1);
    int code = work();
    std::fflush(nullptr);
    ::_exit(code);
  }
  children_[child] = {id, output};
}

ProcessPool::Result ProcessPool::finish_one() {
  for (;;) {
    int status = 0;
    pid_t pid = ::waitpid(-1, &status, 0);
    auto found = children_.find(pid);
    if (found == children_.end()) continue;
    Child child = found->second;
    children_.erase(found);
    Result result{.id = child.id,
                  .code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  .output = {}};
    std::rewind(child.output);
    char part[4096];
    while (size_t count = std::fread(part, 1, sizeof part, child.output)) {
      result.output.append(part, count);
    }
    std::fclose(child.output);
    return result;
  }
}

}  // namespace sallyport::testing
