#include "control/notify.h"

#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

#include "control/unix_address.h"

namespace sallyport {

void notify_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  std::optional<sockaddr_un> address = path ? unix_address(path) : std::nullopt;
  if (!address) return;
  if (address->sun_path[0] == '@') address->sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  (void)!::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                  reinterpret_cast<sockaddr*>(&*address), length);
  ::close(fd);
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  const char* text = std::getenv("WATCHDOG_USEC");
  const long long us = text ? std::atoll(text) : 0;
  if (us <= 0) return std::nullopt;
  return std::chrono::microseconds(us);
}

}  // namespace sallyport
