// The kernel's flows, by ctnetlink (linux/netfilter/nfnetlink_conntrack.h has the attributes).
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <errno.h>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "kernel/attributes.h"
#include "kernel/probe.h"
#include "packet/packet.h"

namespace sallyport::testing {
namespace {

void put_address(nlmsghdr* message, Family family, const Address& address, uint16_t v4,
                 uint16_t v6) {
  std::array<uint8_t, 16> bytes;
  address.to_wire(family, bytes.data());
  bool is_v4 = family == Family::kIpv4;
  mnl_attr_put(message, is_v4 ? v4 : v6, is_v4 ? 4 : 16, bytes.data());
}

void put_tuple(nlmsghdr* message, const Tuple& tuple) {
  nlattr* outer = mnl_attr_nest_start(message, CTA_TUPLE_ORIG);
  nlattr* ip = mnl_attr_nest_start(message, CTA_TUPLE_IP);
  put_address(message, tuple.family, tuple.source, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
  put_address(message, tuple.family, tuple.destination, CTA_IP_V4_DST, CTA_IP_V6_DST);
  mnl_attr_nest_end(message, ip);
  nlattr* transport = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
  mnl_attr_put_u8(message, CTA_PROTO_NUM, tuple.protocol);
  uint16_t first = htons(tuple.source_port), second = htons(tuple.destination_port);
  bool v4 = tuple.protocol == protocol::kIcmp;
  if (v4 || tuple.protocol == protocol::kIcmpv6) {
    mnl_attr_put_u16(message, v4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, first);
    mnl_attr_put_u8(message, v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE,
                    static_cast<uint8_t>(tuple.destination_port >> 8));
    mnl_attr_put_u8(message, v4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE,
                    static_cast<uint8_t>(tuple.destination_port));
  } else if (flows_have_ports(tuple.protocol)) {
    mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, first);
    mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, second);
  }
  mnl_attr_nest_end(message, transport);
  mnl_attr_nest_end(message, outer);
}

void read_protocol(const nlattr* protocol_info, SeenFlow& flow) {
  each_in(protocol_info, [&](int protocol, const nlattr* inner) {
    each_in(inner, [&](int type, const nlattr* value) {
      if (protocol == CTA_PROTOINFO_TCP && type == CTA_PROTOINFO_TCP_STATE) {
        flow.tcp = static_cast<TcpState>(mnl_attr_get_u8(value));
      }
      if (protocol == CTA_PROTOINFO_SCTP && type == CTA_PROTOINFO_SCTP_STATE) {
        flow.sctp = static_cast<SctpState>(mnl_attr_get_u8(value));
      }
    });
  });
}

SeenFlow read_flow(const nlmsghdr* message) {
  SeenFlow flow;
  each_of(message, [&](int type, const nlattr* attribute) {
    if (type == CTA_STATUS) flow.status = ntohl(mnl_attr_get_u32(attribute));
    if (type == CTA_TIMEOUT) flow.timeout = ntohl(mnl_attr_get_u32(attribute));
    if (type == CTA_PROTOINFO) read_protocol(attribute, flow);
  });
  return flow;
}

using Found = std::expected<std::optional<SeenFlow>, std::string>;

Found find_in_zone(int fd, const Tuple& tuple, uint16_t zone) {
  alignas(nlmsghdr) std::array<char, 8192> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  header->nfgen_family = tuple.family == Family::kIpv4 ? AF_INET : AF_INET6;
  header->version = NFNETLINK_V0;
  put_tuple(message, tuple);
  if (zone != 0) mnl_attr_put_u16(message, CTA_ZONE, htons(zone));
  if (::send(fd, message, message->nlmsg_len, 0) < 0) return std::unexpected("ctnetlink");
  std::optional<SeenFlow> found;
  for (;;) {  // the flow, if there is one, then the acknowledgement or an error
    ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count < 0) return std::unexpected("ctnetlink");
    int left = static_cast<int>(count);
    for (auto* answer = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(answer, left);
         answer = mnl_nlmsg_next(answer, &left)) {
      if (answer->nlmsg_type != NLMSG_ERROR) {
        found = read_flow(answer);
        continue;
      }
      int error = static_cast<nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
      // EINVAL: no flow can have such a tuple (an ICMP message that never begins one).
      if (error == 0 || error == -ENOENT || error == -EINVAL) return found;
      return std::unexpected(fmt::format("ctnetlink: {}", std::strerror(-error)));
    }
  }
}

}  // namespace

FlowFinder::FlowFinder()
    : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) {}

std::expected<std::vector<SeenFlow>, std::string> FlowFinder::find(
    const Tuple& tuple, std::span<const uint16_t> zones) const {
  if (!socket_) return std::unexpected("a netlink socket");
  std::vector<SeenFlow> flows;
  for (uint16_t zone : zones) {
    Found found = find_in_zone(socket_.get(), tuple, zone);
    if (!found) return std::unexpected(found.error());
    if (*found) flows.push_back(**found);
  }
  return flows;
}

}  // namespace sallyport::testing
