// What our two uses of netlink share: a socket that closes itself, and a message's attributes.
#pragma once

#include <array>
#include <cstdint>
#include <libmnl/libmnl.h>
#include <memory>

namespace sallyport::netlink {

using Socket = std::unique_ptr<mnl_socket, int (*)(mnl_socket*)>;

// Null inside, with errno, where it cannot be had. It does not outlive the program by an exec.
inline Socket open_socket(int bus, int flags, unsigned groups) {
  Socket socket(mnl_socket_open2(bus, flags | SOCK_CLOEXEC), mnl_socket_close);
  if (socket && mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) < 0) socket.reset();
  return socket;
}

// By type, up to kMost; null where the message has none.
template <size_t kMost>
using Attributes = std::array<const nlattr*, kMost + 1>;

// Those behind a header of `size` bytes. Never reads beyond the message.
template <size_t kMost>
Attributes<kMost> attributes_of(const nlmsghdr* message, unsigned size) {
  Attributes<kMost> found{};
  auto keep = [](const nlattr* attribute, void* data) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type <= kMost) (*static_cast<Attributes<kMost>*>(data))[type] = attribute;
    return MNL_CB_OK;
  };
  if (mnl_nlmsg_get_payload_len(message) >= size) mnl_attr_parse(message, size, keep, &found);
  return found;
}

}  // namespace sallyport::netlink
