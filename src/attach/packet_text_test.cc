#include "attach/packet_text.h"

#include <gtest/gtest.h>
#include <string>

#include "packet/headers.h"

namespace sallyport {
namespace {

PacketText read(std::string_view text, Diagnostics& diagnostics) {
  LineReader reader(text, 1, diagnostics);
  PacketText packet = read_packet(reader);
  EXPECT_TRUE(reader.at_end()) << text;
  return packet;
}

PacketText good(std::string_view text) {
  Diagnostics diagnostics;
  PacketText packet = read(text, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.render("test", text);
  return packet;
}

TEST(PacketText, Udp) {
  PacketText packet = good("udp 10.0.0.7:53 > 192.168.1.2:40000 len 12 ttl 3 mark 0x10");
  EXPECT_EQ(packet.spec.protocol, protocol::kUdp);
  EXPECT_EQ(packet.spec.source.text(Family::kIpv4), "10.0.0.7");
  EXPECT_EQ(packet.spec.source_port, 53);
  EXPECT_EQ(packet.spec.destination_port, 40000);
  EXPECT_EQ(packet.spec.ttl, 3);
  EXPECT_EQ(packet.mark, 16u);
  EXPECT_EQ(packet.bytes.size(), 20u + 8 + 12);
}

TEST(PacketText, Ipv6HasBracketsWhereThereArePorts) {
  PacketText packet = good("udp [fe80::1]:1900>[ff02::c]:1900");
  EXPECT_EQ(packet.spec.family, Family::kIpv6);
  EXPECT_EQ(packet.spec.destination.text(Family::kIpv6), "ff02::c");
  EXPECT_EQ(good("icmp6 fe80::1 > ff02::1 type router-solicitation").spec.icmp.type, 133);
}

TEST(PacketText, StringsUndoEscapes) {
  PacketText packet = good(R"(udp 1.1.1.1:1 > 2.2.2.2:2 data "M # > )\r\n\0\x7f\"")");
  EXPECT_EQ(packet.spec.payload,
            (std::vector<uint8_t>{'M', ' ', '#', ' ', '>', ' ', ')', '\r', '\n', 0, 0x7f, '"'}));
  EXPECT_EQ(good("udp 1.1.1.1:1 > 2.2.2.2:2 hex 00fF").spec.payload,
            (std::vector<uint8_t>{0, 255}));
}

TEST(PacketText, TcpFlagsAndOptions) {
  PacketText packet =
      good("tcp 1.1.1.1:1 > 2.2.2.2:2 flags SA seq 1 ack 4294967295 win 10 wscale 7");
  EXPECT_EQ(packet.spec.tcp.flags, tcp_flag::kSyn | tcp_flag::kAck);
  EXPECT_EQ(packet.spec.tcp.ack, 4294967295u);
  EXPECT_EQ(packet.spec.tcp.window_scale, 7);
  EXPECT_EQ(good("tcp 1.1.1.1:1 > 2.2.2.2:2 flags -").spec.tcp.flags, 0);
  EXPECT_EQ(good("tcp 1.1.1.1:1 > 2.2.2.2:2 flags FSRPAUEC").spec.tcp.flags, 255);
  PacketText sack = good("tcp 1.1.1.1:1 > 2.2.2.2:2 flags A sack 258-4294967295,1-2 len 3");
  std::vector<uint8_t> options{5, 18, 0, 0, 1, 2, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1};
  EXPECT_EQ(std::vector<uint8_t>(sack.bytes.begin() + 40, sack.bytes.begin() + 60), options);
  EXPECT_EQ(sack.bytes[32], 10 << 4);
  EXPECT_EQ(good("tcp 1.1.1.1:1 > 2.2.2.2:2 doff 4 timestamps").bytes[32], 4 << 4);
}

TEST(PacketText, IpOptionsLengthenTheHeader) {
  PacketText packet = good("udp 1.1.1.1:1 > 2.2.2.2:2 ip-options 94040000 len 2");
  EXPECT_EQ(packet.bytes[0], 0x46);
  EXPECT_EQ(packet.bytes[3], 34);
  EXPECT_EQ(packet.bytes[20], 0x94);
  EXPECT_EQ(packet.bytes[27], 2);
  PacketText error = good(
      "icmp 1.1.1.9 > 1.1.1.1 type 3 quote 4 about (udp 1.1.1.1:1 > 2.2.2.2:2 ip-options "
      "01010100)");
  EXPECT_EQ(error.bytes.size(), 20u + 8 + 24 + 4);
}

TEST(PacketText, IcmpErrorsQuotePackets) {
  PacketText error = good(
      "icmp 10.0.0.1 > 10.0.0.2 type port-unreachable about (udp 10.0.0.2:1 > 10.0.0.1:2 len 90) "
      "quote 8");
  EXPECT_EQ(error.spec.icmp.type, 3);
  EXPECT_EQ(error.spec.icmp.code, 3);
  EXPECT_EQ(error.bytes.size(), 20u + 8 + 20 + 8);
  EXPECT_EQ(error.bytes[28], 0x45);
}

TEST(PacketText, Macs) {
  EXPECT_EQ(good("gre 1.1.1.1 > 2.2.2.2 mac 02:00:00:00:00:aF").mac_source,
            (std::array<uint8_t, 6>{2, 0, 0, 0, 0, 0xaf}));
}

struct BadCase {
  const char* text;
  uint32_t column;
  const char* what;  // a part of the message
};

class Bad : public ::testing::TestWithParam<BadCase> {};

TEST_P(Bad, IsRefusedWithItsPlace) {
  Diagnostics diagnostics;
  read(GetParam().text, diagnostics);
  ASSERT_EQ(diagnostics.count(), 1u) << GetParam().text;
  const Diag& diag = diagnostics.list()[0];
  EXPECT_EQ(diag.span.column, GetParam().column) << diag.what;
  EXPECT_NE(diag.what.find(GetParam().what), std::string::npos) << diag.what;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Bad,
    ::testing::Values(
        BadCase{"upd 1.1.1.1:1 > 2.2.2.2:2", 1, "unknown protocol 'upd'"},
        BadCase{"256 1.1.1.1 > 2.2.2.2", 1, "unknown protocol"},
        BadCase{"udp 1.1.1.1 > 2.2.2.2:2", 5, "needs a port"},
        BadCase{"icmp 1.1.1.1:1 > 2.2.2.2", 6, "has no port"},
        BadCase{"udp 1.1.1:1 > 2.2.2.2:2", 5, "not an address"},
        BadCase{"udp 1.1.1.1:70000 > 2.2.2.2:2", 5, "a port is"},
        BadCase{"udp 1.1.1.1:1 2.2.2.2:2", 15, "expected '>'"},
        BadCase{"udp 1.1.1.1:1 >", 16, "the destination is missing"},
        BadCase{"udp 1.1.1.1:1 > [::1]:2", 17, "different families"},
        BadCase{"udp [::1:1 > [::1]:2", 5, "without the closing"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 flags S", 27, "not for this kind"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 ext hop", 27, "not for this kind"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 lenn 3", 27, "unknown option"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 len 65536", 31, "from 0 to 65535"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 len 65530", 31, "longer than 65535"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 data \"x", 32, "no end"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 data \"\\q\"", 33, "unknown escape"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 data x", 32, "in double quotes"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 hex 123", 31, "hexadecimal"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 mac 02:00:00:00:00", 31, "not a MAC"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 frag 4 8", 32, "multiple of 8"},
        BadCase{"udp [::1]:1 > [::2]:2 ext none,hop", 27, "nothing comes after"},
        BadCase{"udp [::1]:1 > [::2]:2 ext hop,hip", 27, "unknown extension header 'hip'"},
        BadCase{"tcp 1.1.1.1:1 > 2.2.2.2:2 flags SX", 33, "unknown TCP flag"},
        BadCase{"tcp 1.1.1.1:1 > 2.2.2.2:2 sack 5", 32, "not ranges"},
        BadCase{"tcp 1.1.1.1:1 > 2.2.2.2:2 sack 1-2,3-4,5-6,7-8", 32, "at most three"},
        BadCase{"tcp 1.1.1.1:1 > 2.2.2.2:2 timestamps sack-ok mss 9 sack 1-2,3-4,5-6", 57,
                "do not fit"},
        BadCase{"tcp 1.1.1.1:1 > 2.2.2.2:2 doff 16", 32, "from 0 to 15"},
        BadCase{"udp 1.1.1.1:1 > 2.2.2.2:2 ip-options 010101", 38, "a multiple of 4"},
        BadCase{"udp [::1]:1 > [::2]:2 ip-options 01010101", 23, "not for this kind"},
        BadCase{"icmp 1.1.1.1 > 2.2.2.2 type echo", 29, "not a type"},
        BadCase{"icmp 1.1.1.1 > 2.2.2.2 about udp", 30, "expected '('"},
        BadCase{"icmp 1.1.1.1 > 2.2.2.2 about (udp 1.1.1.1:1 > 2.2.2.2:2", 56, "expected ')'"},
        BadCase{"sctp 1.1.1.1:1 > 2.2.2.2:2 chunk hello", 34, "unknown chunk"}));

TEST(PacketText, QuotesNestOnlySoDeep) {
  std::string text;
  for (int i = 0; i < 10000; i++) text += "icmp 1.1.1.1 > 2.2.2.2 about (";
  Diagnostics diagnostics;
  read(text, diagnostics);
  ASSERT_EQ(diagnostics.count(), 1u);
  EXPECT_NE(diagnostics.list()[0].what.find("too deeply"), std::string::npos);
}

}  // namespace
}  // namespace sallyport
