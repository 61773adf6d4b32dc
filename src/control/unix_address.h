// The address of a Unix socket (unix(7)).
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace sallyport {

constexpr size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;

// Nothing: the path is longer than that.
inline std::optional<sockaddr_un> unix_address(std::string_view path) {
  if (path.size() > kLongestSocketPath) return std::nullopt;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  return address;
}

}  // namespace sallyport
