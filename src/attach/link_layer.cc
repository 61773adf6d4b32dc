// Each link type is a function over a cursor; a frame that ends inside its link layer
// leaves ethertype 0. VLAN tags are looked through, however many there are: what a
// capture shows below them reached the host's IP layer or could not have.
#include "attach/link_layer.h"

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"

namespace sallyport {
namespace {

// https://www.iana.org/assignments/ieee-802-numbers
constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kVlan = 0x8100, kProviderBridge = 0x88a8,
                   kQinQ = 0x9100;

struct EthernetHeader {
  std::array<uint8_t, 6> destination;
  std::array<uint8_t, 6> source;
  be16 type;
};

struct VlanTag {
  be16 control;
  be16 type;
};

struct CookedHeader {  // LINKTYPE_LINUX_SLL
  be16 packet_type;
  be16 hardware;
  be16 address_length;
  std::array<uint8_t, 8> address;
  be16 protocol;
};

struct Cooked2Header {  // LINKTYPE_LINUX_SLL2
  be16 protocol;
  be16 reserved;
  be32 interface;
  be16 hardware;
  uint8_t packet_type;
  uint8_t address_length;
  std::array<uint8_t, 8> address;
};

template <typename Header>
const Header* header_at(const Record& record, size_t offset) {
  if (offset + sizeof(Header) > record.frame.size()) return nullptr;
  return reinterpret_cast<const Header*>(record.frame.data() + offset);
}

void end_link_layer(Record& record, size_t offset, uint16_t ethertype) {
  record.network_offset = static_cast<uint32_t>(offset);
  record.ethertype = ethertype;
}

void skip_vlans(Record& record, size_t offset, uint16_t type) {
  while (type == kVlan || type == kProviderBridge || type == kQinQ) {
    const auto* tag = header_at<VlanTag>(record, offset);
    if (!tag) return;
    type = tag->type;
    offset += sizeof *tag;
  }
  end_link_layer(record, offset, type);
}

void read_ethernet(Record& record) {
  const auto* ethernet = header_at<EthernetHeader>(record, 0);
  if (!ethernet) return;
  record.has_mac = true;
  record.mac_source = ethernet->source;
  const auto& to = ethernet->destination;
  if (std::ranges::all_of(to, [](uint8_t byte) { return byte == 0xff; })) {
    record.packet_type = PacketType::kBroadcast;
  } else if (to[0] & 1) {
    record.packet_type = PacketType::kMulticast;
  }
  skip_vlans(record, sizeof *ethernet, ethernet->type);
}

// Packet types 0 to 3 are PacketType's; 4 is outgoing.
template <typename Header>
void read_cooked(Record& record) {
  constexpr uint16_t kEthernetHardware = 1, kOutgoing = 4;
  const auto* cooked = header_at<Header>(record, 0);
  if (!cooked) return;
  if (cooked->packet_type < kOutgoing) {
    record.packet_type = static_cast<PacketType>(static_cast<uint8_t>(cooked->packet_type));
  }
  record.outgoing = cooked->packet_type == kOutgoing;
  record.has_mac = cooked->hardware == kEthernetHardware && cooked->address_length == 6;
  if (record.has_mac) std::copy_n(cooked->address.begin(), 6, record.mac_source.begin());
  skip_vlans(record, sizeof *cooked, cooked->protocol);
}

void read_raw(Record& record) {
  if (record.frame.empty()) return;
  const uint8_t version = record.frame[0] >> 4;
  end_link_layer(record, 0, version == 4 ? kIpv4 : version == 6 ? kIpv6 : 0);
}

// An address family, in the byte order of the machine that wrote it: it is small.
void read_null(Record& record) {
  if (record.frame.size() < 4) return;
  uint32_t family = *reinterpret_cast<const be32*>(record.frame.data());
  if (family > 0xffff) family = __builtin_bswap32(family);
  switch (family) {
    case 2: return end_link_layer(record, 4, kIpv4);
    case 10:                                           // Linux
    case 24:                                           // NetBSD, OpenBSD
    case 28:                                           // FreeBSD
    case 30: return end_link_layer(record, 4, kIpv6);  // macOS
    default: return end_link_layer(record, 4, 0);
  }
}

// RFC 1661 and 1662: the address and control bytes may be there, and the protocol's
// upper byte may not.
void read_ppp(Record& record) {
  std::span<const uint8_t> frame = record.frame;
  size_t at = frame.size() >= 2 && frame[0] == 0xff && frame[1] == 0x03 ? 2 : 0;
  if (frame.size() <= at) return;
  uint16_t protocol = frame[at++];
  if (protocol % 2 == 0) {
    if (frame.size() <= at) return;
    protocol = static_cast<uint16_t>(protocol << 8 | frame[at++]);
  }
  end_link_layer(record, at, protocol == 0x0021 ? kIpv4 : protocol == 0x0057 ? kIpv6 : 0);
}

struct NflogHeader {  // LINKTYPE_NFLOG: netlink's, of a packet that a kernel has logged
  uint8_t family;
  uint8_t version;
  be16 group;
};

struct Attribute {
  uint16_t length;
  uint16_t type;
};

// Attributes, the packet among them: each its length and its type, in the byte order of the machine
// that wrote them, and its content, all of it aligned to four bytes (linux/netlink.h). They are
// this machine's here: a capture of a machine of the other order is of no IP.
void read_nflog(Record& record) {
  constexpr uint16_t kHook = 1, kAddress = 8, kPayload = 9;  // linux/netfilter/nfnetlink_log.h
  constexpr uint8_t kOutput = 3;                             // and POSTROUTING: enum nf_inet_hooks
  constexpr size_t kHookAt = 2, kAddressAt = 4;
  const auto* head = header_at<NflogHeader>(record, 0);
  if (!head || head->version != 0) return;
  for (size_t at = sizeof *head;;) {
    if (at + sizeof(Attribute) > record.frame.size()) return;
    Attribute attribute{};
    std::memcpy(&attribute, record.frame.data() + at, sizeof attribute);
    if (attribute.length < sizeof attribute) return;
    const size_t content = at + sizeof attribute;
    if (attribute.type == kPayload) {
      return end_link_layer(record, content,
                            head->family == 2    ? kIpv4
                            : head->family == 10 ? kIpv6
                                                 : 0);
    }
    if (attribute.type == kHook && content + kHookAt < record.frame.size()) {
      record.outgoing = record.frame[content + kHookAt] >= kOutput;
    }
    if (attribute.type == kAddress && content + kAddressAt + 6 <= record.frame.size() &&
        record.frame[content] == 0 && record.frame[content + 1] == 6) {
      record.has_mac = true;
      std::copy_n(record.frame.begin() + static_cast<ptrdiff_t>(content + kAddressAt), 6,
                  record.mac_source.begin());
    }
    at += (attribute.length + size_t{3}) / 4 * 4;
  }
}

}  // namespace

bool is_known_link_type(uint16_t type) {
  switch (type) {
    case link_type::kNull:
    case link_type::kEthernet:
    case link_type::kPpp:
    case link_type::kRawBsd:
    case link_type::kRawOpenBsd:
    case link_type::kPppHdlc:
    case link_type::kRaw:
    case link_type::kLoop:
    case link_type::kLinuxCooked:
    case link_type::kIpv4:
    case link_type::kIpv6:
    case link_type::kNflog:
    case link_type::kLinuxCooked2: return true;
    default: return false;
  }
}

void read_link_layer(Record& record) {
  switch (record.link_type) {
    case link_type::kEthernet: return read_ethernet(record);
    case link_type::kLinuxCooked: return read_cooked<CookedHeader>(record);
    case link_type::kLinuxCooked2: return read_cooked<Cooked2Header>(record);
    case link_type::kRawBsd:
    case link_type::kRawOpenBsd:
    case link_type::kRaw: return read_raw(record);
    case link_type::kIpv4: return end_link_layer(record, 0, kIpv4);
    case link_type::kIpv6: return end_link_layer(record, 0, kIpv6);
    case link_type::kNull:
    case link_type::kLoop: return read_null(record);
    case link_type::kNflog: return read_nflog(record);
    case link_type::kPpp:
    case link_type::kPppHdlc: return read_ppp(record);
    default: return;
  }
}

Reason fill_packet(const Record& record, Packet& packet) {
  const size_t offset = std::min<size_t>(record.network_offset, record.frame.size());
  packet.arrive(record.frame.data() + offset, static_cast<uint32_t>(record.frame.size() - offset),
                record.wire_length - static_cast<uint32_t>(offset), record.time);
  packet.mac_source = record.mac_source;
  packet.has_mac = record.has_mac;
  packet.fields[Field::kPacketType] = static_cast<uint32_t>(record.packet_type);
  if (record.ethertype != kIpv4 && record.ethertype != kIpv6) return Reason::kNotIp;
  if (packet.captured == 0) return Reason::kNone;
  const uint8_t announced = record.ethertype == kIpv4 ? 4 : 6;
  return packet.data[0] >> 4 == announced ? Reason::kNone : Reason::kBadHeader;
}

}  // namespace sallyport
