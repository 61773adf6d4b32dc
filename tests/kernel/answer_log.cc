// A chain of nftables ahead of the probe's logs the kernel's own resets and errors, whole, to a
// socket of its own. A TCP checksum is not finished there (the device does it), so it is computed
// anew: src/engine/reject_test.cc holds what was seen on the wire.
#include "kernel/answer_log.h"

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>

#include "kernel/attributes.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport::testing {
namespace {

constexpr uint16_t kGroup = 8;

std::string rules() {
  return fmt::format(
      "table inet answers {{\n chain out {{ type filter hook output priority -460;\n"
      "  meta priority {0} accept\n"
      "  tcp flags & rst == rst log group {1} snaplen 65535 queue-threshold 1\n"
      "  icmp type destination-unreachable log group {1} snaplen 65535 queue-threshold 1\n"
      "  icmpv6 type destination-unreachable log group {1} snaplen 65535 queue-threshold 1\n"
      " }}\n}}\n",
      Sandbox::kPriority, kGroup);
}

Done bind(int fd) {
  std::array<char, 256> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  header->nfgen_family = AF_UNSPEC;
  header->version = NFNETLINK_V0;
  header->res_id = htons(kGroup);
  nfulnl_msg_config_cmd command{NFULNL_CFG_CMD_BIND};
  mnl_attr_put(message, NFULA_CFG_CMD, sizeof command, &command);
  nfulnl_msg_config_mode mode{
      .copy_range = htonl(0xffff), .copy_mode = NFULNL_COPY_PACKET, ._pad = 0};
  mnl_attr_put(message, NFULA_CFG_MODE, sizeof mode, &mode);
  mnl_attr_put_u32(message, NFULA_CFG_QTHRESH, htonl(1));
  if (::send(fd, message, message->nlmsg_len, 0) < 0) return std::unexpected("nfnetlink_log");
  const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
  auto* answer = reinterpret_cast<nlmsghdr*>(buffer.data());
  const bool good = count > 0 && answer->nlmsg_type == NLMSG_ERROR &&
                    static_cast<nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error == 0;
  return good ? Done{} : std::unexpected("nfnetlink_log refuses a group");
}

int store_payload(const nlmsghdr* message, void* data) {
  auto* packet = static_cast<std::vector<uint8_t>*>(data);
  each_of(message, [&](int type, const nlattr* attribute) {
    if (type != NFULA_PAYLOAD) return;
    const auto* bytes = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
    packet->assign(bytes, bytes + mnl_attr_get_payload_len(attribute));
  });
  return MNL_CB_OK;
}

// Without the kernel's choices, and with what the device would have finished.
void normalize(std::vector<uint8_t>& bytes) {
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  parse(packet);
  if (packet.family == Family::kIpv4) {
    auto& ip = *reinterpret_cast<Ipv4Header*>(bytes.data());
    ip.id = 0;
    ip.checksum = 0;
    const auto sum = static_cast<uint16_t>(~fold(sum_words(&ip, sizeof ip / 4)));
    std::memcpy(bytes.data() + offsetof(Ipv4Header, checksum), &sum, sizeof sum);
  } else {
    auto& ip = *reinterpret_cast<Ipv6Header*>(bytes.data());
    ip.version_class_flow = ip.version_class_flow & ~0xfffffu;
  }
  if (packet.protocol() != protocol::kTcp) return;
  auto& tcp = *reinterpret_cast<TcpHeader*>(bytes.data() + packet.transport);
  tcp.checksum = 0;
  const uint32_t length = packet.length - packet.transport;
  const auto sum = static_cast<uint16_t>(
      ~fold(pseudo_header(packet, length) + sum_bytes({bytes.data() + packet.transport, length})));
  std::memcpy(reinterpret_cast<uint8_t*>(&tcp) + offsetof(TcpHeader, checksum), &sum, sizeof sum);
}

}  // namespace

std::expected<AnswerLog, std::string> AnswerLog::open() {
  AnswerLog log;
  log.socket_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!log.socket_) return std::unexpected("a netlink socket");
  Done done = bind(log.socket_.get());
  if (done) done = run_program({"nft", "-f", "-"}, rules());
  if (!done) return std::unexpected(done.error());
  return log;
}

std::vector<uint8_t> AnswerLog::take() {
  std::vector<uint8_t> packet;
  std::array<char, 65536> buffer;
  for (ssize_t count;
       (count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
    mnl_cb_run(buffer.data(), static_cast<size_t>(count), 0, 0, store_payload, &packet);
  }
  if (!packet.empty()) normalize(packet);
  return packet;
}

}  // namespace sallyport::testing
