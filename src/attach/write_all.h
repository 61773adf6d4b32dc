// Writing all of some bytes to a file, however often the system interrupts it.
#pragma once

#include <cerrno>
#include <string_view>
#include <unistd.h>

namespace sallyport {

// False: not all was written, and errno says why.
inline bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace sallyport
