// A chain of nftables ahead of the probe's logs the kernel's own resets and errors, whole, to a
// socket of its own. A TCP checksum is not finished there (the device does it), so it is computed
// anew: src/engine/reject_test.cc holds what was seen on the wire.
#include "kernel/answer_log.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>

#include "kernel/attributes.h"
#include "kernel/log_group.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport::testing {
namespace {

constexpr uint16_t kGroup = 8;

// What this kernel reports to multicast routers, some time after a query, is nobody's traffic.
std::string rules() {
  return fmt::format(
      "table inet answers {{\n chain out {{ type filter hook output priority -460;\n"
      "  meta priority {0} accept\n"
      "  ip protocol igmp drop\n"
      "  icmpv6 type {{ 130, 131, 132, 143 }} drop\n"
      "  tcp flags & rst == rst log group {1} snaplen 65535 queue-threshold 1\n"
      "  icmp type destination-unreachable log group {1} snaplen 65535 queue-threshold 1\n"
      "  icmpv6 type destination-unreachable log group {1} snaplen 65535 queue-threshold 1\n"
      " }}\n}}\n",
      Sandbox::kPriority, kGroup);
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
  Done done = bind_log_group(log.socket_.get(), kGroup, LogCopy::kWhole);
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
