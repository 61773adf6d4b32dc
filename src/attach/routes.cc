#include "attach/routes.h"

#include <algorithm>
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "attach/netlink.h"

namespace sallyport {

struct Routes::Socket {
  netlink::Socket socket = netlink::open_socket(NETLINK_ROUTE, 0, 0);
  uint32_t sequence = 0;
};

Routes::Routes() : socket_(std::make_unique<Socket>()) {}
Routes::~Routes() = default;

const InterfaceName* Routes::toward(Family family, const Address& address) {
  auto [found, is_new] = known_.try_emplace({family, address.words}, nullptr);
  if (is_new) found->second = ask(family, address);
  return found->second;
}

const InterfaceName* Routes::ask(Family family, const Address& address) {
  if (!socket_->socket) return nullptr;
  alignas(nlmsghdr) std::array<uint8_t, 8192> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = RTM_GETROUTE;
  message->nlmsg_flags = NLM_F_REQUEST;
  message->nlmsg_seq = ++socket_->sequence;
  auto* head = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
  head->rtm_family = family == Family::kIpv4 ? AF_INET : AF_INET6;
  head->rtm_dst_len = static_cast<uint8_t>(bits_of(family));
  std::array<uint8_t, 16> bytes{};
  const std::string text = address.text(family);
  inet_pton(head->rtm_family, text.c_str(), bytes.data());
  mnl_attr_put(message, RTA_DST, static_cast<size_t>(bits_of(family)) / 8, bytes.data());
  if (mnl_socket_sendto(socket_->socket.get(), message, message->nlmsg_len) < 0) return nullptr;
  const ssize_t count = mnl_socket_recvfrom(socket_->socket.get(), buffer.data(), buffer.size());
  if (count <= 0) return nullptr;
  uint32_t index = 0;
  auto read = [](const nlmsghdr* answer, void* data) {
    const nlattr* out = netlink::attributes_of<RTA_MAX>(answer, sizeof(rtmsg))[RTA_OIF];
    if (out && mnl_attr_get_payload_len(out) == sizeof(uint32_t)) {
      *static_cast<uint32_t*>(data) = mnl_attr_get_u32(out);
    }
    return MNL_CB_STOP;
  };
  mnl_cb_run(buffer.data(), static_cast<size_t>(count), socket_->sequence, 0, read, &index);
  if (index == 0) return nullptr;
  auto [named, is_new] = names_.try_emplace(index);
  std::array<char, IF_NAMESIZE> name{};
  if (is_new && if_indextoname(index, name.data())) named->second = InterfaceName(name.data());
  return &named->second;
}

}  // namespace sallyport
