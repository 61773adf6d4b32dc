// What build() makes is read back by parse() and verify_checksum(), which have
// tests of their own against bytes written by hand.
#include "packet/build.h"

#include <gtest/gtest.h>

#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

PacketSpec spec(Family family, uint8_t number) {
  PacketSpec spec;
  spec.family = family;
  spec.protocol = number;
  spec.source = *Address::parse(family, family == Family::kIpv4 ? "10.0.0.1" : "fe80::1");
  spec.destination = *Address::parse(family, family == Family::kIpv4 ? "10.0.0.2" : "fe80::2");
  spec.source_port = 1000;
  spec.destination_port = 53;
  spec.payload = {1, 2, 3};
  return spec;
}

Packet parsed(std::vector<uint8_t>& bytes) {
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  parse(packet);
  return packet;
}

ChecksumState checksum_of(const PacketSpec& spec) {
  std::vector<uint8_t> bytes = build(spec);
  Packet packet = parsed(bytes);
  return verify_checksum(packet);
}

TEST(Build, FieldsComeOutAsTheyWentIn) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    PacketSpec udp = spec(family, protocol::kUdp);
    udp.ttl = 7;
    udp.tos = 0x10;
    std::vector<uint8_t> bytes = build(udp);
    Packet packet = parsed(bytes);
    EXPECT_EQ(packet.malformed, Reason::kNone);
    EXPECT_EQ(packet.family, family);
    EXPECT_EQ(packet.source(), udp.source);
    EXPECT_EQ(packet.destination(), udp.destination);
    EXPECT_EQ(packet.protocol(), protocol::kUdp);
    EXPECT_EQ(packet.fields[Field::kSourcePort], 1000u);
    EXPECT_EQ(packet.fields[Field::kDestinationPort], 53u);
    EXPECT_EQ(packet.fields[Field::kTtl], 7u);
    EXPECT_EQ(packet.fields[Field::kTos], 0x10u);
    EXPECT_EQ(packet.length, bytes.size());
  }
}

struct SummedCase {
  const char* name;
  Family family;
  uint8_t protocol;
};

class Checksums : public ::testing::TestWithParam<SummedCase> {};

TEST_P(Checksums, AreGoodUnlessAskedOtherwise) {
  PacketSpec packet = spec(GetParam().family, GetParam().protocol);
  packet.icmp.type = GetParam().family == Family::kIpv4 ? icmp::kEcho : icmpv6::kEcho;
  EXPECT_EQ(checksum_of(packet), ChecksumState::kGood);
  packet.checksum = PacketSpec::Checksum::kBad;
  EXPECT_EQ(checksum_of(packet), ChecksumState::kBad);
}

INSTANTIATE_TEST_SUITE_P(Protocols, Checksums,
                         ::testing::Values(SummedCase{"udp", Family::kIpv4, protocol::kUdp},
                                           SummedCase{"udp6", Family::kIpv6, protocol::kUdp},
                                           SummedCase{"tcp", Family::kIpv4, protocol::kTcp},
                                           SummedCase{"tcp6", Family::kIpv6, protocol::kTcp},
                                           SummedCase{"icmp", Family::kIpv4, protocol::kIcmp},
                                           SummedCase{"icmp6", Family::kIpv6, protocol::kIcmpv6},
                                           SummedCase{"sctp", Family::kIpv4, protocol::kSctp}),
                         [](const auto& test) { return test.param.name; });

TEST(Build, AbsentUdpChecksumIsZero) {
  PacketSpec udp = spec(Family::kIpv4, protocol::kUdp);
  udp.checksum = PacketSpec::Checksum::kNone;
  std::vector<uint8_t> bytes = build(udp);
  EXPECT_EQ(bytes[26], 0);
  EXPECT_EQ(bytes[27], 0);
}

TEST(Build, UdpLengthMayLie) {
  PacketSpec udp = spec(Family::kIpv4, protocol::kUdp);
  udp.udp_length = 9;
  std::vector<uint8_t> bytes = build(udp);
  EXPECT_EQ(bytes.size(), 20u + 8 + 3);
  EXPECT_EQ(bytes[25], 9);
  Packet packet = parsed(bytes);
  EXPECT_EQ(verify_checksum(packet), ChecksumState::kGood) << "over all of the payload";
}

TEST(Build, TcpOptionsArePaddedToWords) {
  PacketSpec tcp = spec(Family::kIpv4, protocol::kTcp);
  tcp.tcp.flags = tcp_flag::kSyn;
  tcp.tcp.mss = 1460;
  tcp.tcp.window_scale = 7;
  std::vector<uint8_t> bytes = build(tcp);
  const std::vector<uint8_t> options(bytes.begin() + 40, bytes.begin() + 48);
  EXPECT_EQ(options, (std::vector<uint8_t>{2, 4, 0x05, 0xb4, 3, 3, 7, 1}));
  EXPECT_EQ(bytes[32] >> 4, 7) << "28 bytes of header";
}

TEST(Build, ExtensionHeadersAreSkippedToTheTransport) {
  PacketSpec udp = spec(Family::kIpv6, protocol::kUdp);
  udp.extensions = {protocol::kHopByHop, protocol::kIpv6Routing, protocol::kAh,
                    protocol::kIpv6Destination};
  std::vector<uint8_t> bytes = build(udp);
  Packet packet = parsed(bytes);
  EXPECT_EQ(packet.protocol(), protocol::kUdp);
  EXPECT_EQ(packet.transport, 40 + 8 + 8 + 24 + 8);
  EXPECT_EQ(packet.fields[Field::kDestinationPort], 53u);
}

TEST(Build, FragmentsAreCutFromTheWhole) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    PacketSpec udp = spec(family, protocol::kUdp);
    udp.payload.assign(32, 0xab);
    std::vector<uint8_t> whole = build(udp);
    udp.fragment = PacketSpec::Fragment{.offset = 16, .length = 100, .more = false};
    std::vector<uint8_t> bytes = build(udp);
    Packet packet = parsed(bytes);
    EXPECT_TRUE(packet.is_fragment);
    EXPECT_FALSE(packet.more_fragments);
    EXPECT_EQ(packet.fragment_offset, 16u);
    EXPECT_EQ(std::vector<uint8_t>(bytes.end() - 24, bytes.end()),
              std::vector<uint8_t>(whole.end() - 24, whole.end()));
  }
}

TEST(Build, CutLeavesTheHeadersAsTheyWere) {
  PacketSpec udp = spec(Family::kIpv4, protocol::kUdp);
  udp.cut = 24;
  std::vector<uint8_t> bytes = build(udp);
  EXPECT_EQ(bytes.size(), 24u);
  EXPECT_EQ(bytes[3], 31) << "the total length of the whole";
}

TEST(Build, MoreThanAnIpPacketHoldsComesOutEmpty) {
  PacketSpec udp = spec(Family::kIpv4, protocol::kUdp);
  udp.payload.resize(65535 - 28);
  EXPECT_EQ(build(udp).size(), 65535u);
  udp.payload.resize(65535 - 27);
  EXPECT_TRUE(build(udp).empty());
}

}  // namespace
}  // namespace sallyport
