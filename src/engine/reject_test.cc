// REJECT's answers, byte for byte as Linux 6.18 was seen to send them through TAPs; of IPv4's
// errors the identification and their header's checksum were the kernel's choice, and are zero and
// right here, and so was IPv6's flow label.
#include "engine/reject.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "packet/build.h"
#include "packet/checksum.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

constexpr std::string_view kHello = "hello";
const InterfaceName kEth0("eth0"), kEth1("eth1");

Host two_links() {
  Host host;
  for (const char* address : {"192.168.1.2/24", "fd00::2/64", "fe80::2/64"}) {
    host.add(kEth0, *Prefix::parse(address));
  }
  for (const char* address : {"10.0.0.1/24", "10.9.9.1/24", "10.0.0.77/24", "fd01::1/64",
                              "fd01::77/64", "fd09::1/64", "fe80::1/64"}) {
    host.add(kEth1, *Prefix::parse(address));
  }
  return host;
}

PacketSpec spec_of(Family family, uint8_t protocol) {
  bool v4 = family == Family::kIpv4;
  PacketSpec spec{.family = family,
                  .protocol = protocol,
                  .source = *Address::parse(family, v4 ? "192.168.1.7" : "fd00::7"),
                  .destination = *Address::parse(family, v4 ? "192.168.1.2" : "fd00::2"),
                  .id = 1,
                  .payload = {kHello.begin(), kHello.end()},
                  .source_port = 40000,
                  .destination_port = 80};
  spec.tcp.seq = 1000;
  return spec;
}

struct Rejected {
  std::vector<uint8_t> bytes;
  Packet packet;

  explicit Rejected(const PacketSpec& spec) : Rejected(build(spec)) {}
  explicit Rejected(std::vector<uint8_t> raw) : bytes(std::move(raw)) {
    packet.data = bytes.data();
    packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
    packet.in = &kEth0;
    parse(packet);
  }
};

// In hexadecimal; empty where there is no answer.
std::string answer(Rejected rejected, const char* with, Hook hook = Hook::kInput) {
  const Host host = two_links();
  if (why_unanswered(rejected.packet, with, host)) return "";
  Answer answer;
  answer.length = build_answer(rejected.packet, with, hook, host, answer.bytes);
  std::string text;
  for (uint8_t byte : answer.packet()) text += fmt::format("{:02x}", byte);
  return text;
}

bool answered(const PacketSpec& spec, const char* with) {
  return !answer(Rejected(spec), with).empty();
}

TEST(Reject, AnswersWithTheErrorThatTheRuleNames) {
  struct {
    const char* with;
    uint16_t port;
    const char* icmp;  // its type, code and checksum
    const char* udp;   // its ports, length and checksum
  } rows[] = {
      {"icmp-net-unreachable", 1, "03008078", "9c400001000d9c66"},
      {"icmp-host-unreachable", 2, "03018077", "9c400002000d9c65"},
      {"icmp-proto-unreachable", 3, "03028076", "9c400003000d9c64"},
      {"icmp-port-unreachable", 4, "03038075", "9c400004000d9c63"},
      {"icmp-net-prohibited", 5, "0309806f", "9c400005000d9c62"},
      {"icmp-host-prohibited", 6, "030a806e", "9c400006000d9c61"},
      {"icmp-admin-prohibited", 7, "030d806b", "9c400007000d9c60"},
      {"icmp6-no-route", 1, "0100934e", "9c400001000d25b6"},
      {"icmp6-adm-prohibited", 2, "0101934d", "9c400002000d25b5"},
      {"icmp6-addr-unreachable", 3, "0103934b", "9c400003000d25b4"},
      {"icmp6-port-unreachable", 4, "0104934a", "9c400004000d25b3"},
      {"icmp6-policy-fail", 5, "01059349", "9c400005000d25b2"},
      {"icmp6-reject-route", 6, "01069348", "9c400006000d25b1"},
  };
  const std::string ip4 =
      "45c0003d000000004001f6a6"
      "c0a80102c0a80107";
  const std::string ip6 =
      "60000000003d3a40"
      "fd000000000000000000000000000002"
      "fd000000000000000000000000000007";
  const std::string quoted4 =
      "45000021000100004011f771"
      "c0a80107c0a80102";
  const std::string quoted6 =
      "60000000000d1140"
      "fd000000000000000000000000000007"
      "fd000000000000000000000000000002";
  for (const auto& row : rows) {
    const bool v4 = row.with[4] == '-';
    PacketSpec spec = spec_of(v4 ? Family::kIpv4 : Family::kIpv6, protocol::kUdp);
    spec.destination_port = row.port;
    EXPECT_EQ(answer(Rejected(spec), row.with), (v4 ? ip4 : ip6) + row.icmp + "00000000" +
                                                    (v4 ? quoted4 : quoted6) + row.udp +
                                                    "68656c6c6f")
        << row.with;
  }
}

// What the packet was decides: with an acknowledgement there is a sequence number to take up.
TEST(Reject, ResetsAsAClosedPortDoes) {
  struct {
    uint8_t flags;
    uint32_t ack;
    size_t payload;
    const char* tcp;  // Linux's, from the sequence number on
  } rows[] = {
      {0x02, 0, 0, "00000000000003e9501400008bfd0000"},
      {0x02, 0, 5, "00000000000003ee501400008bf80000"},
      {0x10, 77, 0, "0000004d00000000500400008fa90000"},
      {0x12, 78, 0, "0000004e00000000500400008fa80000"},
      {0x11, 99, 2, "0000006300000000500400008f930000"},
      {0x01, 5, 0, "00000000000003e9501400008bfd0000"},
      {0x00, 9, 2, "00000000000003ea501400008bfc0000"},
  };
  for (const auto& row : rows) {
    PacketSpec spec = spec_of(Family::kIpv4, protocol::kTcp);
    spec.tcp.flags = row.flags;
    spec.tcp.ack = row.ack;
    spec.tos = 0x48;
    spec.payload.resize(row.payload);
    EXPECT_EQ(answer(Rejected(spec), "tcp-reset"), std::string("4500002800004000") +
                                                       "4006b776c0a80102c0a80107"
                                                       "00509c40" +
                                                       row.tcp)
        << int{row.flags};
  }
  PacketSpec spec = spec_of(Family::kIpv6, protocol::kTcp);
  spec.tcp.flags = 0x02;
  spec.payload.clear();
  spec.extensions = {protocol::kHopByHop};
  EXPECT_EQ(answer(Rejected(spec), "tcp-reset"),
            "6000000000140640fd000000000000000000000000000002fd000000000000000000000000000007"
            "00509c4000000000000003e950140000154d0000");
}

// A header length that is not true is taken for true.
TEST(Reject, CountsThePayloadByTheHeadersWord) {
  for (auto [offset, tcp] : {std::pair{0x40, "00000000000003ed501400008bf90000"},
                             std::pair{0xf0, "00000000000003c1501400008c250000"}}) {
    PacketSpec spec = spec_of(Family::kIpv4, protocol::kTcp);
    spec.tcp.flags = 0x02;
    spec.payload.clear();
    std::vector<uint8_t> bytes = build(spec);
    const uint16_t before = static_cast<uint16_t>(0x50 | 2 << 8), checksum = 0;
    const uint16_t after = static_cast<uint16_t>(offset | 2 << 8);
    bytes[32] = static_cast<uint8_t>(offset);
    uint16_t sum = checksum;
    std::memcpy(&sum, &bytes[36], sizeof sum);
    sum = replace_in_checksum(sum, before, after);
    std::memcpy(&bytes[36], &sum, sizeof sum);
    EXPECT_EQ(answer(Rejected(bytes), "tcp-reset").substr(48), tcp);
  }
}

TEST(Reject, QuotesAsMuchAsFits) {
  struct {
    Family family;
    size_t payload, answer;
  } rows[] = {{Family::kIpv4, 0, 56},      {Family::kIpv4, 519, 575},   {Family::kIpv4, 520, 576},
              {Family::kIpv4, 521, 576},   {Family::kIpv4, 1400, 576},  {Family::kIpv6, 0, 96},
              {Family::kIpv6, 1183, 1279}, {Family::kIpv6, 1184, 1280}, {Family::kIpv6, 1185, 1280},
              {Family::kIpv6, 1400, 1280}};
  for (const auto& row : rows) {
    PacketSpec spec = spec_of(row.family, protocol::kUdp);
    spec.payload.resize(row.payload);
    const char* with =
        row.family == Family::kIpv4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
    EXPECT_EQ(answer(Rejected(spec), with).size(), 2 * row.answer) << row.payload;
  }
}

TEST(Reject, AnErrorHasThePrecedenceOfControlAndThePacketsTos) {
  PacketSpec spec = spec_of(Family::kIpv4, protocol::kUdp);
  spec.tos = 0x4b;
  EXPECT_EQ(answer(Rejected(spec), "icmp-port-unreachable").substr(2, 2), "ca");
  spec = spec_of(Family::kIpv6, protocol::kUdp);
  spec.tos = 0x4b;
  EXPECT_EQ(answer(Rejected(spec), "icmp6-port-unreachable").substr(0, 8), "60000000");
}

// A forwarded packet is quoted with its new TTL, and the error comes from the address that is
// nearest to the sender; a reset, from whom it was sent to.
TEST(Reject, ARouterAnswersInItsOwnName) {
  struct {
    const char* source;
    const char* from;
  } rows[] = {{"10.0.0.9", "0a000001"},
              {"10.9.9.9", "0a090901"},
              {"172.16.0.9", "0a000001"},
              {"fd01::9", "fd010000000000000000000000000077"},
              {"fd09::9", "fd090000000000000000000000000001"},
              {"2001:db8:9::9", "fd090000000000000000000000000001"},
              {"fe80::9", "fe800000000000000000000000000001"}};
  for (const auto& row : rows) {
    const bool v4 = row.from[0] == '0';
    const Family family = v4 ? Family::kIpv4 : Family::kIpv6;
    PacketSpec spec = spec_of(family, protocol::kUdp);
    spec.source = *Address::parse(family, row.source);
    spec.destination = *Address::parse(family, v4 ? "203.0.113.5" : "2001:db8::5");
    Rejected rejected(spec);
    rejected.packet.in = &kEth1;
    rejected.packet.fields[Field::kTtl]--;
    std::string text =
        answer(std::move(rejected), v4 ? "icmp-port-unreachable" : "icmp6-port-unreachable",
               Hook::kForward);
    EXPECT_EQ(text.substr(v4 ? 24 : 16, v4 ? 8 : 32), row.from) << row.source;
    EXPECT_EQ(text.substr(v4 ? 56 + 16 : 96 + 14, 2), "3f") << row.source;
  }
  PacketSpec spec = spec_of(Family::kIpv4, protocol::kTcp);
  spec.destination = *Address::parse(Family::kIpv4, "203.0.113.5");
  EXPECT_EQ(answer(Rejected(spec), "tcp-reset", Hook::kForward).substr(24, 8), "cb007105");
}

TEST(Reject, AHostTellsItself) {
  PacketSpec spec = spec_of(Family::kIpv4, protocol::kUdp);
  std::swap(spec.source, spec.destination);
  EXPECT_EQ(answer(Rejected(spec), "icmp-port-unreachable", Hook::kOutput).substr(24, 16),
            "c0a80102c0a80102");
}

TEST(Reject, ThereIsNoAnswerToAnError) {
  for (int type = 0; type < 256; type++) {
    PacketSpec spec = spec_of(Family::kIpv4, protocol::kIcmp);
    spec.icmp.type = static_cast<uint8_t>(type);
    const bool question = type == 0 || type == 8 || (type >= 13 && type <= 18);
    EXPECT_EQ(answered(spec, "icmp-port-unreachable"), question) << type;
    spec = spec_of(Family::kIpv6, protocol::kIcmpv6);
    spec.icmp.type = static_cast<uint8_t>(type);
    EXPECT_EQ(answered(spec, "icmp6-port-unreachable"), type >= 128) << type;
  }
  PacketSpec reset = spec_of(Family::kIpv4, protocol::kTcp);
  for (uint8_t flags : {uint8_t{0x04}, uint8_t{0x14}}) {
    reset.tcp.flags = flags;
    EXPECT_FALSE(answered(reset, "tcp-reset"));
    EXPECT_TRUE(answered(reset, "icmp-port-unreachable"));
  }
}

TEST(Reject, ThereIsNoAnswerToWhatIsForMany) {
  for (const char* destination : {"192.168.1.255", "255.255.255.255", "224.0.0.1"}) {
    for (auto [protocol, with] : {std::pair{protocol::kUdp, "icmp-port-unreachable"},
                                  std::pair{protocol::kTcp, "tcp-reset"}}) {
      PacketSpec spec = spec_of(Family::kIpv4, protocol);
      spec.destination = *Address::parse(Family::kIpv4, destination);
      EXPECT_FALSE(answered(spec, with)) << destination;
    }
  }
  // A frame to many with an address of one: an error minds, a reset does not.
  Rejected udp(spec_of(Family::kIpv4, protocol::kUdp)), tcp(spec_of(Family::kIpv4, protocol::kTcp));
  for (Rejected* rejected : {&udp, &tcp}) {
    rejected->packet.fields[Field::kPacketType] = static_cast<uint32_t>(PacketType::kBroadcast);
  }
  EXPECT_TRUE(why_unanswered(udp.packet, "icmp-port-unreachable", two_links()));
  EXPECT_FALSE(why_unanswered(tcp.packet, "tcp-reset", two_links()));
}

TEST(Reject, ThereIsNoAnswerToNobody) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    PacketSpec spec = spec_of(family, protocol::kTcp);
    spec.source = Address{};
    EXPECT_FALSE(answered(spec, "tcp-reset"));
  }
}

TEST(Reject, ThereIsNoAnswerToAFragment) {
  PacketSpec spec = spec_of(Family::kIpv6, protocol::kUdp);
  spec.fragment = {.offset = 0, .length = 8, .more = true};
  EXPECT_FALSE(answered(spec, "icmp6-port-unreachable"));
  spec.fragment = {.offset = 8, .length = 5, .more = false};
  EXPECT_FALSE(answered(spec, "icmp6-port-unreachable"));
  spec.fragment = {.offset = 0, .length = 100, .more = false};  // atomic: RFC 6946
  EXPECT_TRUE(answered(spec, "icmp6-port-unreachable"));
}

// What is summed was asked for each protocol: bytes that sum to nothing, bytes that sum to zero
// by themselves, and bytes that do with the pseudo-header.
TEST(Reject, ThereIsNoAnswerToAWrongChecksum) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    const bool v4 = family == Family::kIpv4;
    const char* with = v4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
    for (uint8_t protocol : {protocol::kTcp, protocol::kUdp, protocol::kGre, protocol::kEsp,
                             protocol::kSctp, protocol::kUdpLite, protocol::kDccp, uint8_t{200}}) {
      const bool summed = protocol != protocol::kGre && protocol != protocol::kEsp &&
                          protocol != protocol::kSctp && protocol != protocol::kUdpLite;
      const bool pseudo = !v4 || protocol == protocol::kTcp || protocol == protocol::kUdp;
      PacketSpec spec = spec_of(family, uint8_t{200});
      spec.payload.assign({1, 2, 3, 4, 5, 6, 7, 8, 'g', 'a', 'r', 'b', 'a', 'g', 0, 0, 9, 9});
      for (bool with_pseudo : {false, true}) {
        std::vector<uint8_t> bytes = build(spec);
        bytes[v4 ? 9 : 6] = protocol;
        if (v4) {
          bytes[10] = bytes[11] = 0;
          uint16_t sum = static_cast<uint16_t>(~fold(sum_words(bytes.data(), 5)));
          std::memcpy(&bytes[10], &sum, sizeof sum);
        }
        Rejected garbage(bytes);
        EXPECT_EQ(!answer(garbage, with).empty(), !summed) << int{protocol};
        const uint32_t length = garbage.packet.length - garbage.packet.transport;
        Sum sum = sum_bytes(std::span(bytes).subspan(garbage.packet.transport));
        if (with_pseudo) sum += pseudo_header(garbage.packet, length);
        const uint16_t right = static_cast<uint16_t>(~fold(sum));
        std::memcpy(&bytes[garbage.packet.transport + 14u], &right, sizeof right);
        EXPECT_EQ(!answer(Rejected(bytes), with).empty(), !summed || with_pseudo == pseudo)
            << int{protocol} << with_pseudo;
      }
    }
    PacketSpec none = spec_of(family, protocol::kUdp);
    none.checksum = PacketSpec::Checksum::kNone;
    EXPECT_TRUE(answered(none, with));
  }
}

TEST(Reject, AHeaderThatIsNotWholeIsNotReset) {
  PacketSpec spec = spec_of(Family::kIpv4, protocol::kTcp);
  spec.payload.clear();
  spec.trim = 16;
  EXPECT_FALSE(answered(spec, "tcp-reset"));
}

}  // namespace
}  // namespace sallyport
