#include "kernel/log_group.h"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>

namespace sallyport::testing {

Done bind_log_group(int fd, uint16_t group, LogCopy copy) {
  std::array<char, 256> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  header->nfgen_family = AF_UNSPEC;
  header->version = NFNETLINK_V0;
  header->res_id = htons(group);
  nfulnl_msg_config_cmd command{NFULNL_CFG_CMD_BIND};
  mnl_attr_put(message, NFULA_CFG_CMD, sizeof command, &command);
  nfulnl_msg_config_mode mode{};
  mode.copy_mode = NFULNL_COPY_META;
  if (copy == LogCopy::kWhole) {
    mode.copy_mode = NFULNL_COPY_PACKET;
    mode.copy_range = htonl(0xffff);
  }
  mnl_attr_put(message, NFULA_CFG_MODE, sizeof mode, &mode);
  mnl_attr_put_u32(message, NFULA_CFG_QTHRESH, htonl(1));
  if (::send(fd, message, message->nlmsg_len, 0) < 0) return std::unexpected("nfnetlink_log");
  ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
  auto* answer = reinterpret_cast<nlmsghdr*>(buffer.data());
  if (count < 0 || answer->nlmsg_type != NLMSG_ERROR) return std::unexpected("nfnetlink_log");
  int error = static_cast<nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
  if (error != 0) {
    return std::unexpected(fmt::format("nfnetlink_log: {}", std::strerror(-error)));
  }
  return {};
}

}  // namespace sallyport::testing
