#include "attach/nfqueue.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attach/netlink.h"
#include "base/system_error.h"

namespace sallyport {
namespace {

constexpr size_t kSlot = 0x10000 + 4096;       // a whole packet and what is said of it; aligned
constexpr int kSocketRoom = 32 * 1024 * 1024;  // bytes of packets that we have not read yet
constexpr size_t kMostMessage = 64;            // one verdict, its mark included

// A message to the queue's subsystem, its header filled in.
nlmsghdr* begin_message(void* buffer, uint16_t type, uint16_t flags, uint16_t queue) {
  nlmsghdr* message = mnl_nlmsg_put_header(buffer);
  message->nlmsg_type = static_cast<uint16_t>(NFNL_SUBSYS_QUEUE << 8 | type);
  message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  header->nfgen_family = AF_UNSPEC;
  header->version = NFNETLINK_V0;
  header->res_id = htons(queue);
  return message;
}

// An attribute's content; null where it is missing or shorter than that.
template <typename Content>
const Content* content(const nlattr* attribute) {
  if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(Content)) return nullptr;
  return static_cast<const Content*>(mnl_attr_get_payload(attribute));
}

std::optional<uint32_t> number(const nlattr* attribute) {
  const auto* value = content<uint32_t>(attribute);
  return value ? std::optional(ntohl(*value)) : std::nullopt;
}

// False: no packet, or one that we cannot make sense of.
bool read_packet(nlmsghdr* message, QueuedPacket& packet) {
  if (message->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) return false;
  const auto attributes = netlink::attributes_of<NFQA_MAX>(message, sizeof(nfgenmsg));
  const auto* head = content<nfqnl_msg_packet_hdr>(attributes[NFQA_PACKET_HDR]);
  const nlattr* payload = attributes[NFQA_PAYLOAD];
  if (!head) return false;
  packet = {};
  packet.id = ntohl(head->packet_id);
  packet.hook = static_cast<QueuedPacket::Hook>(head->hook);
  if (payload) {
    packet.bytes = {static_cast<uint8_t*>(mnl_attr_get_payload(payload)),
                    mnl_attr_get_payload_len(payload)};
  }
  packet.length = std::max(number(attributes[NFQA_CAP_LEN]).value_or(0),
                           static_cast<uint32_t>(packet.bytes.size()));
  packet.in = number(attributes[NFQA_IFINDEX_INDEV]).value_or(0);
  packet.out = number(attributes[NFQA_IFINDEX_OUTDEV]).value_or(0);
  packet.port_in = number(attributes[NFQA_IFINDEX_PHYSINDEV]).value_or(0);
  packet.port_out = number(attributes[NFQA_IFINDEX_PHYSOUTDEV]).value_or(0);
  packet.mark = number(attributes[NFQA_MARK]).value_or(0);
  packet.uid = number(attributes[NFQA_UID]);
  packet.gid = number(attributes[NFQA_GID]);
  const auto* address = content<nfqnl_msg_packet_hw>(attributes[NFQA_HWADDR]);
  if (address && ntohs(address->hw_addrlen) == 6) {
    std::memcpy(packet.mac.emplace().data(), address->hw_addr, 6);
  }
  const uint32_t info = number(attributes[NFQA_SKB_INFO]).value_or(0);
  packet.checksum_good =
      (info & NFQA_SKB_CSUMNOTREADY) != 0 || (info & NFQA_SKB_CSUM_NOTVERIFIED) == 0;
  return true;
}

}  // namespace

// Room for one burst, and the kernel's view of it.
struct NfQueue::Buffers {
  netlink::Socket socket{nullptr, mnl_socket_close};
  std::unique_ptr<uint8_t[]> bytes{new uint8_t[kSlot * kBurst]};  // untouched until it is used
  std::array<iovec, kBurst> pieces{};
  std::array<mmsghdr, kBurst> messages{};
  std::array<QueuedPacket, kBurst> packets;

  Buffers() {
    for (size_t i = 0; i < kBurst; i++) {
      pieces[i] = {bytes.get() + i * kSlot, kSlot};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

NfQueue::NfQueue(const Options& options)
    : options_(options), buffers_(std::make_unique<Buffers>()) {
  out_.reserve(kBurst * kMostMessage);
}
NfQueue::NfQueue(NfQueue&&) noexcept = default;
NfQueue& NfQueue::operator=(NfQueue&&) noexcept = default;
NfQueue::~NfQueue() = default;

int NfQueue::fd() const {
  return mnl_socket_get_fd(buffers_->socket.get());
}

std::expected<NfQueue, std::string> NfQueue::open(const Options& options) {
  NfQueue queue(options);
  auto fail = [&](const std::string& why) {
    return std::unexpected(fmt::format("queue {}: {}", options.number, why));
  };
  queue.buffers_->socket = netlink::open_socket(NETLINK_NETFILTER, 0, 0);
  if (!queue.buffers_->socket) return fail(system_error());
  // Beyond net.core.rmem_max; needs CAP_NET_ADMIN, as all here does.
  ::setsockopt(queue.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kSocketRoom, sizeof kSocketRoom);
  if (auto configured = queue.configure(); !configured) return fail(configured.error());
  return queue;
}

namespace {

// Sends one message and waits for what the kernel says to it: 0, or an error's number.
int ask(const mnl_socket* socket, const nlmsghdr* message) {
  if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0) return errno;
  alignas(nlmsghdr) std::array<uint8_t, 8192> answer;
  for (;;) {
    const ssize_t count = mnl_socket_recvfrom(socket, answer.data(), answer.size());
    if (count < 0 && errno == ENOBUFS) continue;
    if (count < 0) return errno;
    const auto* head = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (head->nlmsg_type != NLMSG_ERROR) continue;  // a packet that was quicker: it is lost
    return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(head))->error;
  }
}

}  // namespace

std::expected<void, std::string> NfQueue::configure() {
  alignas(nlmsghdr) std::array<uint8_t, 512> buffer{};
  nlmsghdr* message = begin_message(buffer.data(), NFQNL_MSG_CONFIG, NLM_F_ACK, options_.number);
  const nfqnl_msg_config_cmd command{.command = NFQNL_CFG_CMD_BIND, ._pad = 0, .pf = 0};
  mnl_attr_put(message, NFQA_CFG_CMD, sizeof command, &command);
  const nfqnl_msg_config_params params{.copy_range = htonl(options_.copy),
                                       .copy_mode = NFQNL_COPY_PACKET};
  mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof params, &params);
  mnl_attr_put_u32(message, NFQA_CFG_QUEUE_MAXLEN, htonl(options_.capacity));
  // Large segments come as they are, with whose they are.
  const uint32_t flags = NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID |
                         (options_.fail_open ? uint32_t{NFQA_CFG_F_FAIL_OPEN} : 0);
  mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(flags));
  mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(flags));
  switch (int error = ask(buffers_->socket.get(), message)) {
    case 0: return {};
    case EBUSY:
    case EPERM:  // both of a queue that is another's, and of somebody who may not
      return std::unexpected(::geteuid() == 0 ? "another program listens to it"
                                              : "it needs CAP_NET_ADMIN: run it as root");
    default: return std::unexpected(system_error(error));
  }
}

bool NfQueue::copy_from_now(uint32_t bytes) {
  alignas(nlmsghdr) std::array<uint8_t, 256> buffer{};
  // No answer is waited for: it would come among packets.
  nlmsghdr* message = begin_message(buffer.data(), NFQNL_MSG_CONFIG, 0, options_.number);
  const nfqnl_msg_config_params params{.copy_range = htonl(bytes), .copy_mode = NFQNL_COPY_PACKET};
  mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof params, &params);
  if (mnl_socket_sendto(buffers_->socket.get(), message, message->nlmsg_len) < 0) return false;
  options_.copy = bytes;
  return true;
}

std::span<const QueuedPacket> NfQueue::receive() {
  int count = ::recvmmsg(fd(), buffers_->messages.data(), kBurst, MSG_DONTWAIT, nullptr);
  if (count < 0) {
    if (errno == ENOBUFS) overruns_++;
    return {};
  }
  size_t packets = 0;
  for (int i = 0; i < count; i++) {
    auto* message = static_cast<nlmsghdr*>(buffers_->pieces[i].iov_base);
    if (!mnl_nlmsg_ok(message, static_cast<int>(buffers_->messages[i].msg_len))) continue;
    if (read_packet(message, buffers_->packets[packets])) packets++;
  }
  return std::span(buffers_->packets).first(packets);
}

void NfQueue::rule(uint32_t id, Ruling ruling, std::optional<uint32_t> mark) {
  const bool was_held = held_.erase(id) > 0;
  // A ruling for many is one for all up to its packet: nothing that is on hold may be among them.
  if (run_ && !was_held && held_.empty() && run_->ruling == ruling && run_->mark == mark) {
    run_->id = id;
    run_->many = true;
    return;
  }
  flush_run();
  run_ = Run{.id = id, .ruling = ruling, .mark = mark};
  if (was_held || !held_.empty()) flush_run();
}

void NfQueue::flush_run() {
  if (!run_) return;
  alignas(nlmsghdr) std::array<uint8_t, kMostMessage> buffer{};
  nlmsghdr* message = begin_message(
      buffer.data(), run_->many ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT, 0, options_.number);
  const nfqnl_msg_verdict_hdr verdict{.verdict = htonl(static_cast<uint32_t>(run_->ruling)),
                                      .id = htonl(run_->id)};
  static_assert(static_cast<int>(Ruling::kDrop) == NF_DROP &&
                static_cast<int>(Ruling::kAccept) == NF_ACCEPT);
  mnl_attr_put(message, NFQA_VERDICT_HDR, sizeof verdict, &verdict);
  if (run_->mark) mnl_attr_put_u32(message, NFQA_MARK, htonl(*run_->mark));
  out_.insert(out_.end(), buffer.begin(), buffer.begin() + message->nlmsg_len);
  run_.reset();
}

bool NfQueue::send() {
  flush_run();
  if (out_.empty()) return true;
  const bool sent = mnl_socket_sendto(buffers_->socket.get(), out_.data(), out_.size()) >= 0;
  out_.clear();
  return sent;
}

}  // namespace sallyport
