#include "control/system_calls.h"

#include <cerrno>
#include <memory>
#include <seccomp.h>
#include <sys/socket.h>

#include "base/system_error.h"

namespace sallyport {
namespace {

// Those of newer architectures, and the older ones that C libraries still use where there are both.
// A name that this architecture does not have is passed over.
constexpr const char* kAllowed[] = {
    // Files: rules that are read again, state, logs, what the kernel tells in /proc.
    "access", "chdir", "close", "close_range", "creat", "dup", "dup2", "dup3", "faccessat",
    "faccessat2", "fadvise64", "fallocate", "fchmod", "fchmodat", "fchown", "fchownat", "fcntl",
    "fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents64", "ioctl",
    "lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "pipe2", "pread64",
    "preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat", "readv", "rename",
    "renameat", "renameat2", "stat", "statfs", "statx", "sync_file_range", "umask", "unlink",
    "unlinkat", "write", "writev",
    // Sockets, but for their families.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recvfrom", "recvmmsg", "recvmsg", "sendfile", "sendmmsg", "sendmsg", "sendto", "setsockopt",
    "shutdown", "socketpair",
    // Waiting, and what time it is.
    "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create1", "epoll_ctl", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "eventfd2", "gettimeofday", "nanosleep", "poll", "ppoll",
    "pselect6", "restart_syscall", "select", "signalfd4", "time", "timerfd_create",
    "timerfd_settime",
    // Memory, threads and signals of its own.
    "arch_prctl", "brk", "clone", "clone3", "exit", "exit_group", "futex", "futex_waitv",
    "get_robust_list", "getegid", "geteuid", "getgid", "getgroups", "getpid", "getppid",
    "getrandom", "getrusage", "gettid", "getuid", "madvise", "membarrier", "mmap", "mprotect",
    "mremap", "msync", "munmap", "prctl", "prlimit64", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_yield",
    "set_robust_list", "set_tid_address", "sigaltstack", "sysinfo", "tgkill", "uname"};

// netlink, the control socket and the manager's, metrics, answers of REJECT.
constexpr int kFamilies[] = {AF_UNIX, AF_NETLINK, AF_INET, AF_INET6};

#ifdef SALLYPORT_SANITIZED  // cmake/flags.cmake
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace

std::expected<void, std::string> restrict_system_calls() {
  if (kSanitized) return {};
  const auto failed = [](int error) {
    return std::unexpected(system_error("a seccomp filter", -error));
  };
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(
      seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!filter) return failed(-ENOMEM);
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  // What is refused shall not be so in silence; an old kernel cannot tell.
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  for (const char* name : kAllowed) {
    const int number = seccomp_syscall_resolve_name(name);
    if (error == 0 && number >= 0) {
      error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0);
    }
  }
  for (const int family : kFamilies) {
    if (error == 0) {
      error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                               SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
    }
  }
  if (error == 0) error = seccomp_load(filter.get());
  if (error != 0) return failed(error);
  return {};
}

}  // namespace sallyport
