#include "packet/parse.h"

#include <gtest/gtest.h>
#include <string>

#include "packet/headers.h"
#include "packet/test_packets.h"

namespace sallyport {
namespace {

using testing::Bytes;
using testing::ipv4;
using testing::ipv6;
using testing::packet_of;
using testing::put16;
using testing::seal_ipv4;
using testing::udp;
using testing::operator+;

Bytes tcp(uint8_t flags) {
  return {0x03, 0xe8, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0};
}

// An extension header of `size` bytes (a multiple of 8) that names what follows.
Bytes extension(uint8_t next, size_t size = 8) {
  Bytes header(size);
  header[0] = next;
  header[1] = static_cast<uint8_t>(size / 8 - 1);
  if (size == 8) header[2] = 1, header[3] = 4;  // PadN, so that it is a good options header
  return header;
}

Bytes fragment(uint8_t next, uint16_t offset, bool more) {
  Bytes header = {next, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd};
  put16(header, 2, offset | (more ? 1 : 0));
  return header;
}

// Bytes, and the packet parsed from them.
struct Parsed {
  Bytes bytes;
  Packet packet;
  explicit Parsed(Bytes from, uint32_t wire_length = 0) : bytes(std::move(from)) {
    packet = packet_of(bytes, wire_length);
    parse(packet);
  }
  uint32_t operator[](Field field) const { return packet.fields[field]; }
};

TEST(Parse, FieldsOfIpv4Udp) {
  Parsed p(ipv4(17, udp({1, 2, 3})));
  EXPECT_EQ(p.packet.malformed, Reason::kNone);
  EXPECT_EQ(p.packet.family, Family::kIpv4);
  EXPECT_EQ(p.packet.source().text(Family::kIpv4), "10.0.0.1");
  EXPECT_EQ(p.packet.destination().text(Family::kIpv4), "10.0.0.2");
  EXPECT_EQ(p.packet.protocol(), protocol::kUdp);
  EXPECT_EQ(p[Field::kSourcePort], 1000u);
  EXPECT_EQ(p[Field::kDestinationPort], 53u);
  EXPECT_EQ(p[Field::kLength], 31u);
  EXPECT_EQ(p[Field::kTtl], 64u);
  EXPECT_EQ(p.packet.transport, 20);
  EXPECT_FALSE(p.packet.is_fragment);
}

TEST(Parse, FieldsOfIpv6Tcp) {
  Parsed p(ipv6(6, tcp(tcp_flag::kSyn | tcp_flag::kEce)));
  EXPECT_EQ(p.packet.malformed, Reason::kNone);
  EXPECT_EQ(p.packet.family, Family::kIpv6);
  EXPECT_EQ(p.packet.source().text(Family::kIpv6), "fd00::1");
  EXPECT_EQ(p.packet.destination().text(Family::kIpv6), "fd00::2");
  EXPECT_EQ(p[Field::kTcpFlags], 0x42u);
  EXPECT_EQ(p[Field::kDestinationPort], 80u);
  EXPECT_EQ(p[Field::kTos], 0x2eu);
  EXPECT_EQ(p[Field::kTtl], 64u);
  EXPECT_EQ(p[Field::kLength], 60u);
}

TEST(Parse, WhatEachProtocolShows) {
  const Bytes payload = {0x0b, 0x01, 0x00, 0x35, 0, 0, 0, 0, 0, 0, 0, 0};
  struct Row {
    const char* name;
    uint8_t protocol;
    bool ports;
    bool icmp4, icmp6;  // a type and code, in this family
  };
  constexpr Row kRows[] = {
      {"icmp", 1, false, true, false},       {"igmp", 2, false, false, false},
      {"tcp", 6, true, false, false},        {"udp", 17, true, false, false},
      {"dccp", 33, true, false, false},      {"gre", 47, false, false, false},
      {"esp", 50, false, false, false},      {"icmpv6", 58, false, false, true},
      {"sctp", 132, true, false, false},     {"udp-lite", 136, true, false, false},
      {"unknown", 253, false, false, false},
  };
  for (const Row& row : kRows) {
    for (bool v4 : {true, false}) {
      SCOPED_TRACE(row.name + std::string(v4 ? " in IPv4" : " in IPv6"));
      Parsed p(v4 ? ipv4(row.protocol, payload) : ipv6(row.protocol, payload));
      bool is_icmp = v4 ? row.icmp4 : row.icmp6;
      EXPECT_EQ(p.packet.protocol(), row.protocol);
      EXPECT_EQ(p[Field::kSourcePort], row.ports ? 0x0b01u : 0u);
      EXPECT_EQ(p[Field::kDestinationPort], row.ports ? 0x35u : 0u);
      EXPECT_EQ(p[Field::kIcmpType], is_icmp ? 11u : 0u);
      EXPECT_EQ(p[Field::kIcmpCode], is_icmp ? 1u : 0u);
      EXPECT_EQ(p.packet.is_icmp_error, is_icmp);
    }
  }
}

TEST(Parse, WhichIcmpTypesAreErrors) {
  for (uint32_t type = 0; type < 256; type++) {
    const Bytes message = {static_cast<uint8_t>(type), 0, 0, 0, 0, 0, 0, 0};
    bool error4 = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    bool error6 = type < 128 || type == 137;
    EXPECT_EQ(Parsed(ipv4(1, message)).packet.is_icmp_error, error4) << type;
    EXPECT_EQ(Parsed(ipv6(58, message)).packet.is_icmp_error, error6) << type;
  }
}

TEST(Parse, OptionsOfIpv4AreSkipped) {
  Parsed p(ipv4(17, udp(), 0, {0x94, 4, 0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(p.packet.malformed, Reason::kNone);
  EXPECT_EQ(p.packet.transport, 28);
  EXPECT_EQ(p[Field::kDestinationPort], 53u);
}

TEST(Parse, ExtensionHeadersOfIpv6AreSkipped) {
  const Bytes ah = {17, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  struct Row {
    const char* name;
    uint8_t first;
    Bytes headers;
  };
  const Row rows[] = {
      {"hop-by-hop", 0, extension(17)},
      {"destination, 24 bytes", 60, extension(17, 24)},
      {"routing", 43, extension(17)},
      {"authentication counts in 4 bytes", 51, ah},
      {"all", 0, extension(43) + extension(60) + extension(51) + ah},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Parsed p(ipv6(row.first, row.headers + udp()));
    EXPECT_EQ(p.packet.malformed, Reason::kNone);
    EXPECT_EQ(p.packet.protocol(), protocol::kUdp);
    EXPECT_EQ(p.packet.transport, 40 + row.headers.size());
    EXPECT_EQ(p[Field::kDestinationPort], 53u);
  }
}

// No next header, mobility, HIP and shim6 end the walk.
TEST(Parse, TheseIpv6HeadersAreTransports) {
  for (int number : {59, 135, 139, 140, 253}) {
    const uint8_t next = static_cast<uint8_t>(number);
    Parsed p(ipv6(next, extension(17) + udp()));
    EXPECT_EQ(p.packet.protocol(), next);
    EXPECT_EQ(p.packet.transport, 40);
  }
}

TEST(Parse, Ipv4Fragments) {
  Parsed first(ipv4(17, udp(Bytes(8)), 0x2000));
  EXPECT_TRUE(first.packet.is_fragment);
  EXPECT_TRUE(first.packet.more_fragments);
  EXPECT_EQ(first.packet.fragment_id, 0x1234u);
  EXPECT_EQ(first[Field::kFragment], 0u);
  EXPECT_EQ(first[Field::kDestinationPort], 53u);
  // A later one has no transport header, whatever its bytes look like.
  Parsed last(ipv4(17, udp(), 0x0002));
  EXPECT_TRUE(last.packet.is_fragment);
  EXPECT_FALSE(last.packet.more_fragments);
  EXPECT_EQ(last.packet.fragment_offset, 16u);
  EXPECT_EQ(last[Field::kFragment], 1u);
  EXPECT_EQ(last[Field::kDestinationPort], 0u);
  EXPECT_FALSE(Parsed(ipv4(17, udp(), 0x4000)).packet.is_fragment);  // DF only
}

TEST(Parse, Ipv6Fragments) {
  Parsed last(ipv6(60, extension(44) + fragment(17, 1232, false) + udp()));
  EXPECT_TRUE(last.packet.is_fragment);
  EXPECT_EQ(last.packet.fragment_offset, 1232u);
  EXPECT_EQ(last.packet.fragment_id, 0xaabbccddu);
  EXPECT_EQ(last.packet.fragment_header, 48);
  EXPECT_EQ(last.packet.protocol(), protocol::kUdp);
  EXPECT_EQ(last[Field::kFragment], 1u);
  EXPECT_EQ(last[Field::kDestinationPort], 0u);
  // What follows the header of a later fragment is no header: not walked.
  Parsed inside(ipv6(44, fragment(60, 8, true) + extension(17) + udp()));
  EXPECT_EQ(inside.packet.protocol(), protocol::kIpv6Destination);
  Parsed atomic(ipv6(44, fragment(17, 0, false) + udp()));
  EXPECT_TRUE(atomic.packet.is_fragment);
  EXPECT_FALSE(atomic.packet.more_fragments);
  EXPECT_EQ(atomic[Field::kFragment], 0u);
  EXPECT_EQ(atomic[Field::kDestinationPort], 53u);
}

TEST(Parse, WhatLinuxDropsBeforeAnyChain) {
  const Bytes good = ipv4(17, udp({1, 2, 3, 4}));
  auto changed = [&](size_t at, uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    seal_ipv4(bytes);
    return bytes;
  };
  Bytes bad_checksum = good;
  bad_checksum[10] ^= 1;
  Bytes no_length = changed(3, 0);  // and it is no TCP, so no segmentation offload
  Bytes long6 = ipv6(17, udp());
  put16(long6, 4, 9);
  struct Row {
    const char* name;
    Bytes bytes;
    Reason reason;
  };
  const Row rows[] = {
      {"version 5", changed(0, 0x55), Reason::kBadHeader},
      {"header of 16 bytes", changed(0, 0x44), Reason::kBadHeader},
      {"header longer than the packet", changed(0, 0x4f), Reason::kBadHeader},
      {"total length shorter than the header", changed(3, 19), Reason::kBadHeader},
      {"total length 0", no_length, Reason::kBadHeader},
      {"total length beyond the data", changed(3, 33), Reason::kCutShort},
      {"header checksum", bad_checksum, Reason::kBadHeaderChecksum},
      {"19 bytes", Bytes(good.begin(), good.begin() + 19), Reason::kCutShort},
      {"nothing", {}, Reason::kCutShort},
      {"IPv6 payload beyond the data", long6, Reason::kCutShort},
      {"39 bytes of IPv6", Bytes(long6.begin(), long6.begin() + 39), Reason::kCutShort},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Parsed(row.bytes).packet.malformed, row.reason) << row.name;
  }
}

TEST(Parse, ABadHeaderChecksumHidesNoField) {
  Bytes bytes = ipv4(17, udp());
  bytes[10] ^= 1;
  EXPECT_EQ(Parsed(bytes)[Field::kDestinationPort], 53u);
}

TEST(Parse, PaddingOfTheFrameIsNoPayload) {
  Bytes bytes = ipv4(17, udp()) + Bytes(18);
  Parsed p(bytes);
  EXPECT_EQ(p.packet.length, 28u);
  EXPECT_EQ(p[Field::kLength], 28u);
  EXPECT_EQ(p.packet.presence(20, 9), Presence::kShort);
  EXPECT_EQ(p.packet.bytes().size(), 28u);
}

// Above any MTU it is a segment that the interface will cut; below, it is broken.
TEST(Parse, TotalLengthZeroIsTheWholeSegment) {
  auto without_length = [](Bytes bytes, size_t length_at) {
    put16(bytes, length_at, 0);
    if (length_at == 2) seal_ipv4(bytes);
    return bytes;
  };
  const Bytes large = tcp(tcp_flag::kAck) + Bytes(2000), small = tcp(tcp_flag::kAck);
  EXPECT_EQ(Parsed(without_length(ipv4(6, large), 2)).packet.length, 2040u);
  EXPECT_EQ(Parsed(without_length(ipv6(6, large), 4)).packet.length, 2060u);
  EXPECT_EQ(Parsed(without_length(ipv4(6, small), 2)).packet.malformed, Reason::kBadHeader);
  EXPECT_EQ(Parsed(without_length(ipv4(17, large), 2)).packet.malformed, Reason::kBadHeader);
  EXPECT_EQ(Parsed(without_length(ipv6(6, small), 4)).packet.length, 40u);
}

// A plain packet's fields are read some at a time: every byte of the headers that means something
// is another one here, and what is in no header is 0 whatever was there before.
TEST(Parse, EveryFieldOfAPlainPacket) {
  struct Row {
    Bytes bytes;
    Family family;
    std::vector<uint32_t> fields;
  };
  Bytes v4 =
      ipv4(6, {0x81, 0x82, 0x83, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 9, 9, 9, 9, 9, 9});
  const Bytes addresses = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8};
  v4[1] = 0xb1;
  v4[8] = 0xb2;
  std::ranges::copy(addresses, v4.begin() + 12);
  seal_ipv4(v4);
  Bytes v6 = ipv6(17, udp({1, 2, 3}));
  for (size_t i = 8; i < 40; i++) v6[i] = static_cast<uint8_t>(0xa0 + i);
  v6[7] = 0xb2;
  const Row rows[] = {
      {v4,
       Family::kIpv4,
       {6, 0xa1a2a3a4, 0, 0, 0, 0xa5a6a7a8, 0, 0, 0, 0x8182, 0x8384, 0x18, 0, 0, 40, 0xb2, 0xb1,
        0}},
      {v6,
       Family::kIpv6,
       {17, 0xa8a9aaab, 0xacadaeaf, 0xb0b1b2b3, 0xb4b5b6b7, 0xb8b9babb, 0xbcbdbebf, 0xc0c1c2c3,
        0xc4c5c6c7, 1000, 53, 0, 0, 0, 51, 0xb2, 0x2e, 0}},
  };
  for (const Row& row : rows) {
    Bytes bytes = row.bytes;
    Packet packet = packet_of(bytes);
    std::ranges::fill(packet.fields.words, 0xeeeeeeee);
    parse(packet);
    EXPECT_TRUE(packet.plain);
    EXPECT_EQ(packet.family, row.family);
    EXPECT_EQ(packet.length, bytes.size());
    EXPECT_EQ(packet.transport, row.family == Family::kIpv4 ? 20 : 40);
    EXPECT_EQ(packet.fragment_id, row.family == Family::kIpv4 ? 0x1234u : 0u);
    const auto& words = packet.fields.words;
    EXPECT_EQ(std::vector<uint32_t>(words.begin(), words.begin() + kParsedFields), row.fields);
  }
}

// Seen at raw PREROUTING's counter.
// Nearly every packet is plain; whatever is not must not be taken for it.
TEST(Parse, WhichPacketsArePlain) {
  auto at = [](Bytes bytes, size_t place, uint8_t value) {
    bytes[place] = value;
    return bytes;
  };
  auto from_loopback = [](Bytes bytes) {  // fd00::1 becomes ::1
    bytes[8] = 0;
    return bytes;
  };
  const Bytes segment = tcp(tcp_flag::kAck), datagram = udp({1, 2, 3});
  Bytes offloaded = ipv4(6, segment + Bytes(2000));
  put16(offloaded, 2, 0);
  seal_ipv4(offloaded);
  struct Row {
    const char* name;
    Bytes bytes;
    uint32_t wire_length;  // 0: as many as there are
    bool plain;
  };
  const Row rows[] = {
      {"UDP", ipv4(17, datagram), 0, true},
      {"UDP without data", ipv4(17, udp()), 0, true},
      {"TCP", ipv4(6, segment), 0, true},
      {"UDP over IPv6", ipv6(17, datagram), 0, true},
      {"TCP over IPv6", ipv6(6, segment), 0, true},
      {"the frame's padding behind it", ipv4(17, datagram) + Bytes(9), 0, true},
      {"DF", ipv4(17, datagram, 0x4000), 0, true},
      {"a first fragment", ipv4(17, datagram, 0x2000), 0, false},
      {"a later fragment", ipv4(17, datagram, 3), 0, false},
      {"options", ipv4(17, datagram, 0, {1, 1, 1, 0}), 0, false},
      {"an extension header", ipv6(60, extension(17) + datagram), 0, false},
      {"a fragment of IPv6", ipv6(44, fragment(17, 0, true) + datagram), 0, false},
      {"half a header of UDP", ipv4(17, {1, 2, 3, 4}), 0, false},
      {"half a header of TCP", ipv4(6, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 0, false},
      {"half a header of TCP over IPv6", ipv6(6, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 0, false},
      {"a frame longer than the packet", ipv4(17, datagram), 100, true},
      {"a header's length beyond the packet", at(ipv4(17, datagram), 3, 200), 0, false},
      {"a bad header checksum", at(ipv4(17, datagram), 8, 63), 0, false},
      {"a length of 0", offloaded, 0, false},
      {"a length of 0 in IPv6", at(at(ipv6(6, segment + Bytes(2000)), 4, 0), 5, 0), 0, false},
      {"ICMP", ipv4(1, datagram), 0, false},
      {"UDP-Lite", ipv4(136, datagram), 0, false},
      {"SCTP", ipv4(132, datagram + datagram), 0, false},
      {"from ::1", from_loopback(ipv6(17, datagram)), 0, false},
      {"to an interface-local group", at(at(ipv6(17, datagram), 24, 0xff), 25, 1), 0, false},
      {"to a link-local group", at(at(ipv6(17, datagram), 24, 0xff), 25, 2), 0, true},
      {"from a group", at(ipv6(17, datagram), 8, 0xff), 0, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Parsed(row.bytes, row.wire_length).packet.plain, row.plain) << row.name;
  }
  Bytes cut = ipv4(17, datagram);
  const auto length = static_cast<uint32_t>(cut.size());
  cut.resize(length - 1);
  EXPECT_FALSE(Parsed(cut, length).packet.plain) << "one byte is not in the capture";
}

TEST(Parse, HopByHopOptionsThatLinuxDropsBeforeAnyChain) {
  auto option = [](std::initializer_list<int> bytes) {
    Bytes result;
    for (int byte : bytes) result.push_back(static_cast<uint8_t>(byte));
    return result;
  };
  Bytes eight, nine;
  for (int i = 0; i < 9; i++) {
    if (i < 8) eight = eight + Bytes{0x1e, 0};
    nine = nine + Bytes{0x1e, 0};
  }
  enum class By : uint8_t { kNobody, kHost, kBridgeToo };
  struct Row {
    const char* name;
    Bytes options;
    By dropped;
  };
  const Row rows[] = {
      {"PadN", option({1, 4, 0, 0, 0, 0}), By::kNobody},
      {"six Pad1", option({0, 0, 0, 0, 0, 0}), By::kNobody},
      {"PadN with a byte that is not zero", option({1, 4, 0, 0, 0, 7}), By::kHost},
      {"PadN past the end", option({1, 5, 0, 0, 0, 0}), By::kBridgeToo},
      {"an option of one byte at the end", option({1, 3, 0, 0, 0, 1}), By::kBridgeToo},
      {"eight bytes of padding", option({1, 6, 0, 0, 0, 0, 0, 0, 0x1e, 4, 0, 0, 0, 0}), By::kHost},
      {"unknown, to be skipped", option({0x1e, 4, 0, 0, 0, 0}), By::kNobody},
      {"unknown, discard", option({0x5e, 4, 0, 0, 0, 0}), By::kHost},
      {"unknown, discard and tell", option({0x9e, 4, 0, 0, 0, 0}), By::kHost},
      {"unknown, discard and tell if unicast", option({0xde, 4, 0, 0, 0, 0}), By::kHost},
      {"router alert", option({5, 2, 0, 0, 1, 0}), By::kNobody},
      {"router alert of 3 bytes", option({5, 3, 0, 0, 0, 0}), By::kHost},
      {"jumbo beside a payload length", option({0xc2, 4, 0, 1, 0x11, 0x70}), By::kBridgeToo},
      {"eight options", eight + Bytes(6), By::kNobody},
      {"nine options", nine + Bytes(4), By::kHost},
  };
  for (const Row& row : rows) {
    Bytes header = Bytes{17, static_cast<uint8_t>((row.options.size() + 2) / 8 - 1)} + row.options;
    ASSERT_EQ(header.size() % 8, 0u) << row.name;
    Reason expected = row.dropped == By::kNobody ? Reason::kNone : Reason::kBadHeader;
    Parsed first(ipv6(0, header + udp()));
    EXPECT_EQ(first.packet.malformed, expected) << row.name;
    EXPECT_EQ(first.packet.bridge_minds_not, row.dropped == By::kHost) << row.name;
    // Behind another header nobody reads them.
    Bytes second = extension(0) + header + udp();
    EXPECT_EQ(Parsed(ipv6(60, second)).packet.malformed, Reason::kNone) << row.name;
  }
  Parsed both(
      ipv6(0, option({17, 0, 0x5e, 0, 1, 9, 0, 0}) + udp()));  // to be discarded, and broken
  EXPECT_EQ(both.packet.malformed, Reason::kBadHeader);
  EXPECT_FALSE(both.packet.bridge_minds_not);
  EXPECT_EQ(Parsed(ipv6(0, {17, 0})).packet.malformed, Reason::kBadHeader);
  EXPECT_EQ(Parsed(ipv6(0, Bytes{17, 30} + Bytes(30))).packet.malformed, Reason::kBadHeader);
}

TEST(Parse, Jumbograms) {
  auto jumbo = [](uint32_t length, size_t data) {
    Bytes header = {6, 0, 0xc2, 4, 0, 0, 0, 0};
    put16(header, 4, length >> 16);
    put16(header, 6, length & 0xffff);
    Bytes bytes = ipv6(0, header + tcp(tcp_flag::kAck) + Bytes(data));
    put16(bytes, 4, 0);
    return bytes;
  };
  Parsed whole(jumbo(70000, 70000));  // and 28 bytes more, which are not of it
  EXPECT_EQ(whole.packet.malformed, Reason::kNone);
  EXPECT_EQ(whole.packet.length, 70040u);
  EXPECT_EQ(whole[Field::kLength], 70040u);
  EXPECT_EQ(whole[Field::kDestinationPort], 80u);
  EXPECT_EQ(Parsed(jumbo(70000, 60000)).packet.malformed, Reason::kCutShort);
  EXPECT_EQ(Parsed(jumbo(65535, 70000)).packet.malformed, Reason::kBadHeader);
}

TEST(Parse, Ipv6AddressesThatLinuxDropsBeforeAnyChain) {
  auto between = [](const char* source, const char* destination) {
    Bytes bytes = ipv6(17, udp());
    Address::parse(Family::kIpv6, source)->to_wire(Family::kIpv6, &bytes[8]);
    Address::parse(Family::kIpv6, destination)->to_wire(Family::kIpv6, &bytes[24]);
    return Parsed(bytes);
  };
  EXPECT_EQ(between("ff02::1", "fd00::2").packet.malformed, Reason::kBadHeader);
  EXPECT_EQ(between("fd00::1", "ff00::1").packet.malformed, Reason::kBadHeader);
  EXPECT_TRUE(between("ff02::1", "fd00::2").packet.bridge_minds_not);
  EXPECT_TRUE(between("fd00::1", "ff00::1").packet.bridge_minds_not);
  EXPECT_EQ(between("fd00::1", "ff03::1").packet.malformed, Reason::kNone);
  EXPECT_EQ(between("::", "::").packet.malformed, Reason::kNone);
  EXPECT_EQ(between("::ffff:1.2.3.4", "fd00::2").packet.malformed, Reason::kNone);
  EXPECT_TRUE(is_only_for_loopback(between("::1", "fd00::2").packet));
  EXPECT_TRUE(is_only_for_loopback(between("fd00::1", "::1").packet));
  EXPECT_TRUE(is_only_for_loopback(between("fd00::1", "ff01::1").packet));
  EXPECT_FALSE(is_only_for_loopback(between("fd00::1", "ff02::1").packet));
  EXPECT_FALSE(is_only_for_loopback(Parsed(ipv4(17, udp())).packet));
}

TEST(Parse, AShortTransportHeaderIsThePacketsFault) {
  for (uint32_t size = 0; size < 20; size++) {
    Bytes header = tcp(tcp_flag::kSyn);
    header.resize(size);
    Parsed p(ipv4(6, header));
    EXPECT_EQ(p.packet.malformed, Reason::kNone);
    EXPECT_EQ(p[Field::kDestinationPort], size >= 4 ? 80u : 0u);
    EXPECT_EQ(p[Field::kTcpFlags], size >= 14 ? tcp_flag::kSyn : 0u);
    EXPECT_EQ(p.packet.presence(p.packet.transport, 20), Presence::kShort);
  }
}

// `tcpdump -s`: the same bytes, but the wire had more. Nothing may look short.
TEST(Parse, ACutRecordIsNotAShortPacket) {
  const Bytes whole4 = ipv4(6, tcp(tcp_flag::kSyn)), whole6 = ipv6(0, extension(6) + tcp(2));
  for (const Bytes& whole : {whole4, whole6}) {
    uint32_t wire = static_cast<uint32_t>(whole.size());
    uint32_t ip_header = whole[0] >> 4 == 4 ? 20 : 40;
    for (uint32_t size = 0; size < wire; size++) {
      SCOPED_TRACE(size);
      Parsed p(Bytes(whole.begin(), whole.begin() + size), wire);
      if (size < ip_header) {
        EXPECT_EQ(p.packet.malformed, Reason::kNotInCapture);
        continue;
      }
      EXPECT_EQ(p.packet.malformed, Reason::kNone);
      EXPECT_EQ(p[Field::kLength], wire);
      EXPECT_EQ(p.packet.presence(p.packet.transport, 20), Presence::kNotCaptured);
      EXPECT_EQ(verify_checksum(p.packet), ChecksumState::kGood);
    }
  }
}

TEST(Parse, AnExtensionHeaderCutShortIsTheProtocol) {
  Bytes bytes = ipv6(0, extension(60) + Bytes{17});
  Parsed p(bytes);
  EXPECT_EQ(p.packet.protocol(), protocol::kIpv6Destination);
  EXPECT_EQ(p.packet.transport, 48);
  EXPECT_EQ(p.packet.presence(48, sizeof(Ipv6Extension)), Presence::kShort);
}

TEST(Parse, AnExtensionHeaderThatRunsPastTheEndLeavesNoTransport) {
  Bytes header = extension(17);
  header[1] = 30;
  Parsed p(ipv6(60, header + udp()));
  EXPECT_EQ(p.packet.protocol(), protocol::kUdp);
  EXPECT_EQ(p[Field::kDestinationPort], 0u);
  EXPECT_EQ(p.packet.presence(p.packet.transport, 8), Presence::kShort);
}

TEST(Parse, KeepsWhatOthersFilled) {
  Bytes bytes = ipv4(17, udp());
  Packet packet = packet_of(bytes);
  packet.fields[Field::kMark] = 7;
  packet.fields[Field::kPacketType] = static_cast<uint32_t>(PacketType::kMulticast);
  packet.fields[Field::kTcpFlags] = 0xff;  // of the packet before
  parse(packet);
  EXPECT_EQ(packet.fields[Field::kMark], 7u);
  EXPECT_EQ(packet.fields[Field::kPacketType], static_cast<uint32_t>(PacketType::kMulticast));
  EXPECT_EQ(packet.fields[Field::kTcpFlags], 0u);
}

// Each segment with its right checksum, computed apart from verify_checksum().
struct Checked {
  const char* name;
  uint8_t protocol;
  size_t at;  // of the checksum in the segment
  Bytes segment;
};

const Checked kChecked[] = {
    {"tcp", 6, 16, tcp(tcp_flag::kAck) + Bytes{1, 2, 3}},
    {"udp", 17, 6, udp({1, 2, 3})},
    {"icmp", 1, 2, {8, 0, 0, 0, 0, 1, 0, 1, 9}},
    {"icmpv6", 58, 2, {128, 0, 0, 0, 0, 1, 0, 1, 9}},
};

Bytes with_checksum(const Checked& row, bool v4) {
  Bytes segment = row.segment;
  Bytes summed = segment;
  if (row.protocol != 1) {
    Bytes pseudo = v4 ? Bytes{10, 0, 0, 1, 10, 0, 0, 2, 0, row.protocol, 0, 0} : Bytes(40);
    if (!v4) {
      pseudo[0] = pseudo[16] = 0xfd;
      pseudo[15] = 1;
      pseudo[31] = 2;
      pseudo[39] = row.protocol;
    }
    put16(pseudo, v4 ? 10 : 34, static_cast<uint32_t>(segment.size()));
    summed = pseudo + segment;
  }
  uint16_t sum = static_cast<uint16_t>(~fold(sum_bytes(summed)));
  std::memcpy(&segment[row.at], &sum, 2);
  return v4 ? ipv4(row.protocol, segment) : ipv6(row.protocol, segment);
}

TEST(VerifyChecksum, FindsEveryChangedByte) {
  for (const Checked& row : kChecked) {
    for (bool v4 : {true, false}) {
      if (row.protocol == (v4 ? 58 : 1)) continue;
      SCOPED_TRACE(row.name + std::string(v4 ? " in IPv4" : " in IPv6"));
      Bytes good = with_checksum(row, v4);
      Parsed right(good);
      EXPECT_EQ(verify_checksum(right.packet), ChecksumState::kGood);
      for (size_t i = v4 ? 20 : 40; i < good.size(); i++) {
        Bytes bad = good;
        bad[i] ^= 0x10;
        Parsed wrong(bad);
        EXPECT_EQ(verify_checksum(wrong.packet), ChecksumState::kBad) << "byte " << i;
      }
    }
  }
}

TEST(VerifyChecksum, AbsentIsGoodForUdp) {
  for (bool v4 : {true, false}) {
    Parsed absent(v4 ? ipv4(17, udp({1})) : ipv6(17, udp({1})));
    EXPECT_EQ(verify_checksum(absent.packet), ChecksumState::kGood);
  }
}

// Seen on Linux: only the second of these is not INVALID.
TEST(VerifyChecksum, UdpSumsAllOfThePayloadWhateverItsLengthSays) {
  Bytes segment = {3, 232, 0, 53, 0, 12, 0, 0, 'a', 'b', 'c', 'd', 'z', 'z', 'z', 'z'};
  auto sealed = [&](size_t covered, uint8_t length) {
    Bytes pseudo = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, length};
    Bytes result = segment;
    Bytes summed = pseudo + Bytes(segment.begin(), segment.begin() + static_cast<long>(covered));
    uint16_t sum = static_cast<uint16_t>(~fold(sum_bytes(summed)));
    std::memcpy(&result[6], &sum, 2);
    return Parsed(ipv4(17, result));
  };
  Parsed as_rfc_768 = sealed(12, 12), whole = sealed(16, 16), mixed = sealed(16, 12);
  EXPECT_EQ(verify_checksum(as_rfc_768.packet), ChecksumState::kBad);
  EXPECT_EQ(verify_checksum(whole.packet), ChecksumState::kGood);
  EXPECT_EQ(verify_checksum(mixed.packet), ChecksumState::kBad);
}

// The packet is one that Linux's own socket sent (coverage 16), and found INVALID.
TEST(VerifyChecksum, UdpLiteIsAlwaysBad) {
  Parsed p({0x45, 0,    0,    0x24, 0x33, 0xfc, 0x40, 0,    0x40, 0x88, 0xf2, 0x53,
            10,   0,    0,    2,    10,   0,    0,    1,    3,    0xe8, 0,    0x35,
            0,    0x10, 0x55, 0xa2, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68});
  ASSERT_EQ(p.packet.malformed, Reason::kNone);
  EXPECT_EQ(verify_checksum(p.packet), ChecksumState::kBad);
}

TEST(VerifyChecksum, Sctp) {
  Bytes segment = {3, 232, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 1, 0, 0, 4};
  uint32_t crc = crc32c(segment);
  for (size_t i = 0; i < 4; i++) segment[8 + i] = static_cast<uint8_t>(crc >> (8 * i));
  Parsed right(ipv4(132, segment));
  EXPECT_EQ(verify_checksum(right.packet), ChecksumState::kGood);
  segment[0] ^= 1;
  Parsed wrong(ipv4(132, segment));
  EXPECT_EQ(verify_checksum(wrong.packet), ChecksumState::kBad);
}

TEST(VerifyChecksum, WhatCannotBeVerifiedIsGood) {
  const Bytes bad = {3, 232, 0, 53, 0, 9, 0xde, 0xad, 1};
  Parsed whole(ipv4(17, bad));
  ASSERT_EQ(verify_checksum(whole.packet), ChecksumState::kBad);
  Parsed piece(ipv4(17, bad, 0x2001));
  EXPECT_EQ(verify_checksum(piece.packet), ChecksumState::kGood);
  Bytes cut = ipv4(17, bad);
  cut.pop_back();
  Parsed captured(cut, 29);
  EXPECT_EQ(verify_checksum(captured.packet), ChecksumState::kGood);
  Bytes unfilled = ipv4(6, tcp(tcp_flag::kAck) + Bytes(2000));
  put16(unfilled, 2, 0);
  seal_ipv4(unfilled);
  Parsed segment(unfilled);
  EXPECT_EQ(verify_checksum(segment.packet), ChecksumState::kGood);
  Parsed esp(ipv4(50, bad));
  EXPECT_EQ(verify_checksum(esp.packet), ChecksumState::kGood);
}

TEST(InterfaceName, IsCutAndPadded) {
  EXPECT_EQ(InterfaceName("eth0"), InterfaceName("eth0"));
  EXPECT_EQ(InterfaceName("a-very-long-name-indeed").text(), "a-very-long-nam");
  EXPECT_EQ(InterfaceName("").text(), "");
}

TEST(FieldName, NamesTheEnds) {
  EXPECT_EQ(field_name(Field::kProtocol), "proto");
  EXPECT_EQ(field_name(Field::kConnmark), "connmark");
}

}  // namespace
}  // namespace sallyport
