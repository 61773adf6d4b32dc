#include "control/log_text.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <span>

#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

class Writer {
 public:
  Writer(const LogWish& wish, std::string& out) : wish_(wish), out_(out) {}

  // From the IP header on. What an ICMP error quotes is told by the same, once.
  void packet(const Packet& packet, bool quoted);

 private:
  template <typename... Values>
  void say(fmt::format_string<Values...> form, Values&&... values) {
    fmt::format_to(std::back_inserter(out_), form, std::forward<Values>(values)...);
  }
  // "OPT (0103030A) "
  void hex(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    out_ += "OPT (";
    for (const uint8_t byte : bytes) say("{:02X}", byte);
    out_ += ") ";
  }
  static std::span<const uint8_t> held(const Packet& packet, uint32_t from, uint32_t to) {
    to = std::min<uint32_t>({to, packet.captured, packet.length});
    return from < to ? std::span(packet.data + from, to - from) : std::span<const uint8_t>();
  }
  void incomplete(const Packet& packet) {
    say("INCOMPLETE [{} bytes] ",
        std::max<uint32_t>(packet.length, packet.transport) - packet.transport);
  }
  void ipv4(const Packet& packet, const Ipv4Header& ip);
  void ipv6(const Packet& packet, const Ipv6Header& ip);
  void tcp(const Packet& packet);
  void udp(const Packet& packet);
  void icmp(const Packet& packet, bool quoted);
  void spi(const Packet& packet, uint32_t offset);
  void transport(const Packet& packet, bool quoted);
  void quote(const Packet& packet);

  const LogWish& wish_;
  std::string& out_;
};

void Writer::packet(const Packet& packet, bool quoted) {
  const bool ipv4 = packet.family == Family::kIpv4;
  if (const auto* ip = packet.header<Ipv4Header>(0); ipv4 && ip) {
    this->ipv4(packet, *ip);
  } else if (const auto* ip6 = packet.header<Ipv6Header>(0); !ipv4 && ip6) {
    this->ipv6(packet, *ip6);
  } else {
    out_ += "TRUNCATED";
    return;
  }
  transport(packet, quoted);
}

void Writer::ipv4(const Packet& packet, const Ipv4Header& ip) {
  const uint16_t fragment = ip.fragment;
  say("SRC={} DST={} LEN={} TOS=0x{:02X} PREC=0x{:02X} TTL={} ID={} ",
      packet.source().text(packet.family), packet.destination().text(packet.family),
      static_cast<uint16_t>(ip.total_length), ip.tos & 0x1e, ip.tos & 0xe0, ip.ttl,
      static_cast<uint16_t>(ip.id));
  if (fragment & 0x8000) out_ += "CE ";
  if (fragment & Ipv4Header::kDontFragment) out_ += "DF ";
  if (fragment & Ipv4Header::kMoreFragments) out_ += "MF ";
  if (fragment & Ipv4Header::kOffsetMask) say("FRAG:{} ", fragment & Ipv4Header::kOffsetMask);
  if (wish_.ip_options) hex(held(packet, sizeof ip, ip.header_length()));
}

void Writer::ipv6(const Packet& packet, const Ipv6Header& ip) {
  const uint32_t word = ip.version_class_flow;
  // All eight groups, four digits each.
  auto address = [this](const char* name, const std::array<uint8_t, 16>& bytes) {
    say("{}=", name);
    for (size_t i = 0; i < bytes.size(); i += 2) {
      say("{}{:02x}{:02x}", i == 0 ? "" : ":", bytes[i], bytes[i + 1]);
    }
    out_ += ' ';
  };
  address("SRC", ip.source);
  address("DST", ip.destination);
  say("LEN={} TC={} HOPLIMIT={} FLOWLBL={} ", ip.payload_length + 40u, word >> 20 & 0xff,
      ip.hop_limit, word & 0xfffff);
  if (packet.is_fragment) {
    say("FRAG:{} ", packet.fragment_offset);
    if (packet.more_fragments) out_ += "INCOMPLETE ";
    say("ID:{:08x} ", packet.fragment_id);
  }
}

void Writer::tcp(const Packet& packet) {
  out_ += "PROTO=TCP ";
  if (packet.fragment_offset != 0) return;
  const auto* tcp = packet.header<TcpHeader>(packet.transport);
  if (!tcp) return incomplete(packet);
  say("SPT={} DPT={} ", static_cast<uint16_t>(tcp->source_port),
      static_cast<uint16_t>(tcp->destination_port));
  if (wish_.tcp_sequence) {
    say("SEQ={} ACK={} ", static_cast<uint32_t>(tcp->seq), static_cast<uint32_t>(tcp->ack));
  }
  say("WINDOW={} RES=0x{:02x} ", static_cast<uint16_t>(tcp->window), (tcp->data_offset & 0xf) << 2);
  constexpr std::pair<uint8_t, const char*> kFlags[] = {
      {tcp_flag::kCwr, "CWR"}, {tcp_flag::kEce, "ECE"}, {tcp_flag::kUrg, "URG"},
      {tcp_flag::kAck, "ACK"}, {tcp_flag::kPsh, "PSH"}, {tcp_flag::kRst, "RST"},
      {tcp_flag::kSyn, "SYN"}, {tcp_flag::kFin, "FIN"}};
  for (const auto& [flag, name] : kFlags) {
    if (tcp->flags & flag) say("{} ", name);
  }
  say("URGP={} ", static_cast<uint16_t>(tcp->urgent));
  if (!wish_.tcp_options) return;
  hex(held(packet, packet.transport + uint32_t{sizeof *tcp},
           packet.transport + tcp->header_length()));
}

void Writer::udp(const Packet& packet) {
  out_ += packet.protocol() == protocol::kUdp ? "PROTO=UDP " : "PROTO=UDPLITE ";
  if (packet.fragment_offset != 0) return;
  const auto* udp = packet.header<UdpHeader>(packet.transport);
  if (!udp) return incomplete(packet);
  say("SPT={} DPT={} LEN={} ", static_cast<uint16_t>(udp->source_port),
      static_cast<uint16_t>(udp->destination_port), static_cast<uint16_t>(udp->length));
}

void Writer::quote(const Packet& packet) {
  const uint32_t start = packet.transport + uint32_t{sizeof(IcmpHeader)};
  if (start >= packet.captured) return;
  Packet inner;
  inner.arrive(packet.data + start, packet.captured - start, std::max(packet.length, start) - start,
               packet.time);
  parse(inner);
  out_ += '[';
  this->packet(inner, true);
  out_ += "] ";
}

void Writer::icmp(const Packet& packet, bool quoted) {
  const bool ipv4 = packet.protocol() == protocol::kIcmp;
  out_ += ipv4 ? "PROTO=ICMP " : "PROTO=ICMPv6 ";
  if (packet.fragment_offset != 0) return;
  const auto* icmp = packet.header<IcmpHeader>(packet.transport);
  if (!icmp) return incomplete(packet);
  say("TYPE={} CODE={} ", icmp->type, icmp->code);
  const uint32_t rest = uint32_t{icmp->id} << 16 | icmp->sequence;
  const bool echo = ipv4 ? icmp->type == icmp::kEcho || icmp->type == icmp::kEchoReply
                         : icmp->type == icmpv6::kEcho || icmp->type == icmpv6::kEchoReply;
  if (echo) {
    say("ID={} SEQ={} ", static_cast<uint16_t>(icmp->id), static_cast<uint16_t>(icmp->sequence));
  }
  if (ipv4 && icmp->type == icmp::kParameterProblem) say("PARAMETER={} ", rest >> 24);
  if (!ipv4 && icmp->type == icmpv6::kParameterProblem) say("POINTER={:08x} ", rest);
  if (ipv4 && icmp->type == icmp::kRedirect) {
    say("GATEWAY={} ", Address::ipv4(rest).text(Family::kIpv4));
  }
  if (packet.is_icmp_error && !quoted) quote(packet);
  constexpr uint8_t kFragmentationNeeded = 4;
  if (ipv4 && icmp->type == icmp::kUnreachable && icmp->code == kFragmentationNeeded) {
    say("MTU={} ", rest & 0xffff);
  }
  if (!ipv4 && icmp->type == icmpv6::kPacketTooBig) say("MTU={} ", rest);
}

void Writer::spi(const Packet& packet, uint32_t offset) {
  if (packet.fragment_offset != 0) return;
  const auto* spi = packet.header<be32>(packet.transport + offset);
  if (!spi) return incomplete(packet);
  say("SPI=0x{:x} ", static_cast<uint32_t>(*spi));
}

void Writer::transport(const Packet& packet, bool quoted) {
  constexpr uint8_t kEsp = 50, kAh = 51;
  switch (packet.protocol()) {
    case protocol::kTcp: return tcp(packet);
    case protocol::kUdp:
    case protocol::kUdpLite: return udp(packet);
    case protocol::kIcmp:
    case protocol::kIcmpv6: return icmp(packet, quoted);
    case kEsp: out_ += "PROTO=ESP "; return spi(packet, 0);
    case kAh: out_ += "PROTO=AH "; return spi(packet, 4);
    default: say("PROTO={} ", packet.protocol());
  }
}

}  // namespace

std::string log_text(const Packet& packet, const BridgePorts& ports, const LogWish& wish) {
  const std::string_view in = packet.in ? packet.in->text() : "";
  const std::string_view out = packet.out ? packet.out->text() : "";
  std::string text = fmt::format("{}IN={} OUT={} ", wish.prefix, in, out);
  if (ports.in != InterfaceName()) text += fmt::format("PHYSIN={} ", ports.in.text());
  if (ports.out != InterfaceName()) text += fmt::format("PHYSOUT={} ", ports.out.text());
  if (wish.macdecode && packet.has_mac) {
    text += fmt::format("MACSRC={:02x} ", fmt::join(packet.mac_source, ":"));
  } else if (packet.in) {
    text += "MAC= ";
  }
  Writer(wish, text).packet(packet, false);
  if (wish.uid && packet.owner == Packet::Owner::kSocket) {
    text += fmt::format("UID={} GID={} ", packet.uid, packet.gid);
  }
  if (const uint32_t mark = packet.fields[Field::kMark]) text += fmt::format("MARK=0x{:x} ", mark);
  return text;
}

}  // namespace sallyport
