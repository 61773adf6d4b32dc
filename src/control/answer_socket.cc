#include "control/answer_socket.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "base/system_error.h"
#include "packet/headers.h"

namespace sallyport {

std::expected<AnswerSocket, std::string> AnswerSocket::open(uint32_t mark) {
  AnswerSocket socket(-1, -1);
  for (const auto& [family, place] :
       {std::pair(AF_INET, &AnswerSocket::four_), {AF_INET6, &AnswerSocket::six_}}) {
    const int fd = ::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    if (fd < 0 && errno == EAFNOSUPPORT) continue;  // a machine without IPv6
    socket.*place = fd;
    if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
      return std::unexpected(system_error("a raw socket for REJECT's answers"));
    }
  }
  return socket;
}

AnswerSocket::AnswerSocket(AnswerSocket&& other) noexcept
    : four_(std::exchange(other.four_, -1)), six_(std::exchange(other.six_, -1)) {}

AnswerSocket::~AnswerSocket() {
  for (int fd : {four_, six_}) {
    if (fd >= 0) ::close(fd);
  }
}

bool AnswerSocket::send(std::span<const uint8_t> packet) const {
  if (packet.size() < sizeof(Ipv4Header)) return false;
  if (packet[0] >> 4 == 4) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, &packet[16], 4);
    return ::sendto(four_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to),
                    sizeof to) >= 0;
  }
  if (packet.size() < sizeof(Ipv6Header)) return false;
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  std::memcpy(&to.sin6_addr, &packet[24], 16);
  return ::sendto(six_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to),
                  sizeof to) >= 0;
}

}  // namespace sallyport
