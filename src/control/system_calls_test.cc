#include "control/system_calls.h"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace sallyport {
namespace {

// In a child, behind the filter: errno of what it does, 0 where it does it, 200 without a filter.
int errno_of(const std::function<bool()>& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!restrict_system_calls()) ::_exit(200);
    errno = 0;
    ::_exit(what() ? 0 : errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#ifndef SALLYPORT_SANITIZED
TEST(SystemCalls, NoProgramIsStarted) {
  EXPECT_EQ(errno_of([] { return ::execl("/bin/true", "true", nullptr) == 0; }), EPERM);
}

TEST(SystemCalls, NothingOfTheMachineIsChanged) {
  EXPECT_EQ(errno_of([] { return ::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0; }), EPERM);
  EXPECT_EQ(errno_of([] { return ::unshare(CLONE_NEWNET) == 0; }), EPERM);
  EXPECT_EQ(errno_of([] { return ::ptrace(PTRACE_TRACEME) == 0; }), EPERM);
  EXPECT_EQ(errno_of([] { return ::kill(1, 0) == 0; }), EPERM);
}

TEST(SystemCalls, OnlySomeFamiliesHaveSockets) {
  EXPECT_EQ(errno_of([] { return ::socket(AF_PACKET, SOCK_RAW, 0) >= 0; }), EPERM);
  EXPECT_EQ(errno_of([] { return ::socket(AF_VSOCK, SOCK_STREAM, 0) >= 0; }), EPERM);
}
#endif

TEST(SystemCalls, FilesSocketsAndThreadsAreThere) {
  EXPECT_EQ(errno_of([] { return ::open("/proc/self/net/igmp", O_RDONLY) >= 0; }), 0);
  for (const int family : {AF_UNIX, AF_INET, AF_NETLINK}) {
    EXPECT_EQ(errno_of([family] { return ::socket(family, SOCK_DGRAM, 0) >= 0; }), 0);
  }
  EXPECT_EQ(errno_of([] {
              bool ran = false;
              std::thread([&ran] { ran = true; }).join();
              return ran;
            }),
            0);
}

}  // namespace
}  // namespace sallyport
