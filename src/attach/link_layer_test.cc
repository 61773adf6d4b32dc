#include "attach/link_layer.h"

#include <cstring>
#include <gtest/gtest.h>

namespace sallyport {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Bytes kMacs = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9};
const Bytes kIp4 = {0x45, 0, 0, 20}, kIp6 = {0x60, 0, 0, 0};

// LINKTYPE_NFLOG, in the byte order of this machine.
Bytes attribute(uint16_t type, uint16_t length) {
  Bytes bytes(4);
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + 2, &type, sizeof type);
  return bytes;
}
const Bytes kNflog4 = {2, 0, 0, 5}, kNflog6 = {10, 0, 0, 5};
const Bytes kHookInput = attribute(1, 8) + Bytes{8, 0, 1, 0};
const Bytes kHookOutput = attribute(1, 8) + Bytes{8, 0, 3, 0};
const Bytes kAddress = attribute(8, 16) + Bytes{0, 6, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0};
const Bytes kPayload8 = attribute(9, 8);

struct Frame {
  const char* name;
  uint16_t link_type;
  Bytes bytes;
  uint16_t ethertype;
  uint32_t offset;
};

const Frame kFrames[] = {
    {"Ethernet", 1, kMacs + Bytes{8, 0} + kIp4, 0x0800, 14},
    {"ARP", 1, kMacs + Bytes{8, 6, 0, 1}, 0x0806, 14},
    {"802.1Q", 1, kMacs + Bytes{0x81, 0, 0, 5, 0x86, 0xdd} + kIp6, 0x86dd, 18},
    {"QinQ", 1, kMacs + Bytes{0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0} + kIp4, 0x0800, 22},
    {"QinQ, old", 1, kMacs + Bytes{0x91, 0, 0, 5, 0x81, 0, 0, 6, 8, 0} + kIp4, 0x0800, 22},
    {"cut in the tag", 1, kMacs + Bytes{0x81, 0, 0, 5, 8}, 0, 0},
    {"cut in Ethernet", 1, kMacs + Bytes{8}, 0, 0},
    {"raw 4", 101, kIp4, 0x0800, 0},
    {"raw 6", 12, kIp6, 0x86dd, 0},
    {"raw 6, OpenBSD", 14, kIp6, 0x86dd, 0},
    {"raw, other", 101, {0x50}, 0, 0},
    {"raw, empty", 101, {}, 0, 0},
    {"IPv4", 228, kIp4, 0x0800, 0},
    {"IPv6", 229, kIp6, 0x86dd, 0},
    {"null, little-endian", 0, Bytes{2, 0, 0, 0} + kIp4, 0x0800, 4},
    {"null, big-endian", 0, Bytes{0, 0, 0, 30} + kIp6, 0x86dd, 4},
    {"null, FreeBSD", 0, Bytes{28, 0, 0, 0} + kIp6, 0x86dd, 4},
    {"loop", 108, Bytes{0, 0, 0, 24} + kIp6, 0x86dd, 4},
    {"null, other", 0, {7, 0, 0, 0}, 0, 4},
    {"PPP", 9, Bytes{0xff, 3, 0, 0x21} + kIp4, 0x0800, 4},
    {"PPP, both compressed", 9, Bytes{0x21} + kIp4, 0x0800, 1},
    {"PPP in HDLC", 50, Bytes{0xff, 3, 0, 0x57} + kIp6, 0x86dd, 4},
    {"PPP, LCP", 9, {0xff, 3, 0xc0, 0x21}, 0, 4},
    {"cooked", 113, Bytes{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0} + kIp4, 0x0800, 16},
    {"cooked, tagged", 113,
     Bytes{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x81, 0, 0, 5, 8, 0} + kIp4, 0x0800, 20},
    {"cooked 2", 276, Bytes{8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0} + kIp4,
     0x0800, 20},
    {"cooked, cut", 113, {0, 0, 0, 1}, 0, 0},
    {"802.11", 105, kIp4, 0, 0},
    {"NFLOG", 239, kNflog4 + kHookInput + kAddress + kPayload8 + kIp4, 0x0800, 32},
    {"NFLOG, IPv6", 239, kNflog6 + kPayload8 + kIp6, 0x86dd, 8},
    {"NFLOG, another family", 239, Bytes{7, 0, 0, 5} + kPayload8 + kIp4, 0, 8},
    {"NFLOG, another version", 239, Bytes{2, 1, 0, 5} + kPayload8 + kIp4, 0, 0},
    {"NFLOG, no packet", 239, kNflog4 + kHookInput, 0, 0},
    {"NFLOG, an attribute without an end", 239, kNflog4 + attribute(1, 1000), 0, 0},
    {"NFLOG, an attribute of no length", 239, kNflog4 + attribute(1, 0) + kPayload8 + kIp4, 0, 0},
    {"NFLOG, a short address", 239, kNflog4 + attribute(8, 12) + Bytes{0, 6, 0, 0}, 0, 0},
};

Record read(uint16_t link_type, Bytes& bytes) {
  Record record;
  record.link_type = link_type;
  record.frame = bytes;
  record.wire_length = static_cast<uint32_t>(bytes.size());
  read_link_layer(record);
  return record;
}

TEST(LinkLayer, WhereTheNetworkLayerBegins) {
  for (const Frame& frame : kFrames) {
    SCOPED_TRACE(frame.name);
    Bytes bytes = frame.bytes;
    Record record = read(frame.link_type, bytes);
    EXPECT_EQ(record.ethertype, frame.ethertype);
    EXPECT_EQ(record.network_offset, frame.offset);
    EXPECT_EQ(is_known_link_type(frame.link_type), frame.link_type != 105);
  }
}

// Cut anywhere, nothing beyond the cut is read (the sanitizers watch).
TEST(LinkLayer, CutAnywhere) {
  for (const Frame& frame : kFrames) {
    for (size_t size = 0; size < frame.bytes.size(); size++) {
      Bytes bytes(frame.bytes.begin(), frame.bytes.begin() + static_cast<long>(size));
      bytes.shrink_to_fit();
      Record record = read(frame.link_type, bytes);
      EXPECT_LE(record.network_offset, frame.offset) << frame.name;
    }
  }
}

TEST(LinkLayer, HowTheFrameWasAddressed) {
  Bytes unicast = kMacs + Bytes{8, 0}, multicast = unicast, broadcast = unicast;
  multicast[0] = 1;
  std::fill_n(broadcast.begin(), 6, uint8_t{0xff});
  EXPECT_EQ(read(1, unicast).packet_type, PacketType::kHost);
  EXPECT_EQ(read(1, multicast).packet_type, PacketType::kMulticast);
  EXPECT_EQ(read(1, broadcast).packet_type, PacketType::kBroadcast);
  EXPECT_TRUE(read(1, unicast).has_mac);
  EXPECT_EQ(read(1, unicast).mac_source[5], 9);
  Bytes cooked = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0};
  for (uint8_t type = 0; type <= 4; type++) {
    cooked[1] = type;
    Record record = read(113, cooked);
    EXPECT_EQ(record.outgoing, type == 4);
    if (type < 4) {
      EXPECT_EQ(record.packet_type, static_cast<PacketType>(type));
    }
    EXPECT_EQ(record.mac_source[5], 9);
  }
  cooked[3] = 2;  // not Ethernet: what is there is no MAC address
  EXPECT_FALSE(read(113, cooked).has_mac);
}

TEST(LinkLayer, WhatAKernelHasLogged) {
  Bytes in = kNflog4 + kHookInput + kAddress + kPayload8 + kIp4;
  EXPECT_FALSE(read(239, in).outgoing);
  EXPECT_TRUE(read(239, in).has_mac);
  EXPECT_EQ(read(239, in).mac_source[5], 9);
  Bytes out = kNflog4 + kHookOutput + kPayload8 + kIp4;
  EXPECT_TRUE(read(239, out).outgoing);
  EXPECT_FALSE(read(239, out).has_mac);
}

TEST(FillPacket, TheBytesAndBothLengths) {
  Bytes bytes = kMacs + Bytes{8, 0} + kIp4;
  bytes[0] = 1;
  Record record = read(1, bytes);
  record.wire_length = 100;
  record.time = Instant(Duration(5));
  Packet packet;
  EXPECT_EQ(fill_packet(record, packet), Reason::kNone);
  EXPECT_EQ(packet.data, bytes.data() + 14);
  EXPECT_EQ(packet.captured, 4u);
  EXPECT_EQ(packet.wire_length, 86u);
  EXPECT_EQ(packet.time, Instant(Duration(5)));
  EXPECT_TRUE(packet.has_mac);
  EXPECT_EQ(packet.fields[Field::kPacketType], static_cast<uint32_t>(PacketType::kMulticast));
}

TEST(FillPacket, WhatIsNoPacket) {
  Packet packet;
  Bytes arp = kMacs + Bytes{8, 6, 0, 1};
  EXPECT_EQ(fill_packet(read(1, arp), packet), Reason::kNotIp);
  Bytes wrong = kMacs + Bytes{8, 0} + kIp6;
  EXPECT_EQ(fill_packet(read(1, wrong), packet), Reason::kBadHeader);
  Bytes nothing = kMacs + Bytes{8, 0};
  EXPECT_EQ(fill_packet(read(1, nothing), packet), Reason::kNone);  // the parser's to judge
  EXPECT_EQ(packet.captured, 0u);
}

}  // namespace
}  // namespace sallyport
