#include "control/log_text.h"

#include <gtest/gtest.h>
#include <utility>

#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

struct Logged {
  std::vector<uint8_t> bytes;
  Packet packet;
  InterfaceName eth0{"eth0"};

  explicit Logged(const PacketSpec& spec) : bytes(build(spec)) {
    const auto size = static_cast<uint32_t>(bytes.size());
    packet.arrive(bytes.data(), size, size, Instant{});
    parse(packet);
    packet.in = &eth0;
  }
  BridgePorts ports;
  std::string text(const LogWish& wish = {}) const { return log_text(packet, ports, wish); }
};

PacketSpec between(uint8_t protocol, const char* source, const char* destination) {
  PacketSpec spec;
  spec.family =
      std::string_view(source).find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  spec.protocol = protocol;
  spec.source = *Address::parse(spec.family, source);
  spec.destination = *Address::parse(spec.family, destination);
  spec.source_port = 4000;
  spec.destination_port = 53;
  return spec;
}

TEST(LogText, Udp) {
  PacketSpec spec = between(protocol::kUdp, "192.0.2.1", "192.0.2.2");
  spec.tos = 0xb8;
  spec.id = 7;
  spec.payload.resize(4);
  EXPECT_EQ(
      Logged(spec).text({.prefix = "in: "}),
      "in: IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=32 TOS=0x18 PREC=0xA0 TTL=64 ID=7 "
      "PROTO=UDP SPT=4000 DPT=53 LEN=12 ");
}

TEST(LogText, OfABridgeWithItsPorts) {
  Logged logged(between(protocol::kUdp, "192.0.2.1", "192.0.2.2"));
  logged.ports = {InterfaceName("eth1"), InterfaceName()};
  EXPECT_EQ(logged.text().substr(0, 33), "IN=eth0 OUT= PHYSIN=eth1 MAC= SRC");
  logged.ports.out = InterfaceName("eth2");
  EXPECT_EQ(logged.text().substr(0, 46), "IN=eth0 OUT= PHYSIN=eth1 PHYSOUT=eth2 MAC= SRC");
}

TEST(LogText, TcpWithAllThatCanBeAskedFor) {
  PacketSpec spec = between(protocol::kTcp, "192.0.2.1", "192.0.2.2");
  spec.tcp = {.flags = 0x12, .seq = 100, .ack = 200, .window = 1024, .mss = 1460};
  Logged logged(spec);
  EXPECT_EQ(logged.text(),
            "IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=44 TOS=0x00 PREC=0x00 TTL=64 ID=0 "
            "PROTO=TCP SPT=4000 DPT=53 WINDOW=1024 RES=0x00 ACK SYN URGP=0 ");
  logged.packet.owner = Packet::Owner::kSocket;
  logged.packet.uid = 1000;
  logged.packet.gid = 100;
  logged.packet.out = std::exchange(logged.packet.in, nullptr);
  logged.packet.fields[Field::kMark] = 0x2a;
  EXPECT_EQ(
      logged.text({.tcp_sequence = true, .tcp_options = true, .uid = true}),
      "IN= OUT=eth0 SRC=192.0.2.1 DST=192.0.2.2 LEN=44 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=TCP "
      "SPT=4000 DPT=53 SEQ=100 ACK=200 WINDOW=1024 RES=0x00 ACK SYN URGP=0 OPT (020405B4) "
      "UID=1000 GID=100 MARK=0x2a ");
}

TEST(LogText, AnErrorTellsWhatItQuotesOnce) {
  PacketSpec inner = between(protocol::kUdp, "192.0.2.2", "192.0.2.1");
  PacketSpec spec = between(protocol::kIcmp, "192.0.2.9", "192.0.2.2");
  spec.icmp = {.type = 3, .code = 4, .sequence = 1400};
  spec.payload = build(inner);
  EXPECT_EQ(
      Logged(spec).text(),
      "IN=eth0 OUT= MAC= SRC=192.0.2.9 DST=192.0.2.2 LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=0 "
      "PROTO=ICMP TYPE=3 CODE=4 [SRC=192.0.2.2 DST=192.0.2.1 LEN=28 TOS=0x00 PREC=0x00 TTL=64 "
      "ID=0 PROTO=UDP SPT=4000 DPT=53 LEN=8 ] MTU=1400 ");
}

TEST(LogText, Ipv6AndItsFragments) {
  PacketSpec spec = between(protocol::kIcmpv6, "fd00::1", "ff02::1");
  spec.icmp = {.type = 128, .id = 3, .sequence = 4};
  EXPECT_EQ(Logged(spec).text(),
            "IN=eth0 OUT= MAC= SRC=fd00:0000:0000:0000:0000:0000:0000:0001 "
            "DST=ff02:0000:0000:0000:0000:0000:0000:0001 LEN=48 TC=0 HOPLIMIT=64 FLOWLBL=0 "
            "PROTO=ICMPv6 TYPE=128 CODE=0 ID=3 SEQ=4 ");
  spec = between(protocol::kUdp, "fd00::1", "fd00::2");
  spec.payload.resize(100);
  spec.id = 0xabc;
  spec.fragment = {.offset = 16, .length = 16, .more = true};
  EXPECT_EQ(Logged(spec).text(),
            "IN=eth0 OUT= MAC= SRC=fd00:0000:0000:0000:0000:0000:0000:0001 "
            "DST=fd00:0000:0000:0000:0000:0000:0000:0002 LEN=64 TC=0 HOPLIMIT=64 FLOWLBL=0 FRAG:16 "
            "INCOMPLETE ID:00000abc PROTO=UDP ");
}

TEST(LogText, WhatIsCutShortIsSaid) {
  PacketSpec spec = between(protocol::kTcp, "192.0.2.1", "192.0.2.2");
  spec.trim = 6;
  EXPECT_TRUE(Logged(spec).text().ends_with("PROTO=TCP INCOMPLETE [6 bytes] "));
}

}  // namespace
}  // namespace sallyport
