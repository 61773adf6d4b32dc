// What a daemon may still ask of the kernel once all is open: a seccomp filter (seccomp(2)).
//
// It reads and writes files, speaks over sockets of the families that it needs, and has a thread;
// it starts no program, follows none, and changes nothing of the machine beside what netlink is
// asked. Anything else fails with EPERM, so that what we did not think of costs an error and not
// the firewall, and the kernel's log names it.
#pragma once

#include <expected>
#include <string>

namespace sallyport {

// For all threads, those that come included, and for good. The error names what this kernel cannot
// do. A build with a sanitizer is let be: such ask for much more.
std::expected<void, std::string> restrict_system_calls();

}  // namespace sallyport
