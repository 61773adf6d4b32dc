#include "engine/membership.h"

#include <gtest/gtest.h>
#include <vector>

#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

constexpr std::string_view kGroup4 = "239.255.255.250";
constexpr std::string_view kGroup6 = "ff02::c";

// An IGMP or MLD message from its bytes; `G` stands for the group's bytes.
void observe(Family family, std::vector<uint8_t> message, Host& host, size_t cut = 0) {
  PacketSpec spec{
      .family = family,
      .protocol = static_cast<uint8_t>(99),  // no transport of its own: the payload is the message
      .source = *Address::parse(family, family == Family::kIpv4 ? "192.168.1.2" : "fe80::2"),
      .destination = *Address::parse(family, family == Family::kIpv4 ? "224.0.0.22" : "ff02::16"),
      .payload = std::move(message)};
  std::vector<uint8_t> bytes = build(spec);
  uint8_t protocol = family == Family::kIpv4 ? protocol::kIgmp : protocol::kIcmpv6;
  bytes.resize(bytes.size() - cut);
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  parse(packet);
  packet.malformed = Reason::kNone;
  packet.length = packet.captured;
  packet.fields[Field::kProtocol] = protocol;
  observe_membership(packet, host);
}

std::vector<uint8_t> with_group(Family family, std::vector<uint8_t> before,
                                std::vector<uint8_t> after = {}) {
  uint8_t bytes[16];
  Address::parse(family, family == Family::kIpv4 ? kGroup4 : kGroup6)->to_wire(family, bytes);
  before.insert(before.end(), bytes, bytes + bits_of(family) / 8);
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

bool joined(const Host& host, Family family) {
  return host.has_joined(family,
                         *Address::parse(family, family == Family::kIpv4 ? kGroup4 : kGroup6));
}

std::vector<uint8_t> report(uint8_t type, uint8_t record, uint8_t sources) {
  return {type, 0, 0, 0, 0, 0, 0, 1, record, 0, 0, sources};
}

TEST(Membership, OldReportsJoinAndLeavesLeave) {
  struct Case {
    Family family;
    uint8_t join, leave;
    size_t header;
  };
  for (const Case& c : {Case{Family::kIpv4, 0x16, 0x17, 4}, Case{Family::kIpv6, 131, 132, 8}}) {
    Host host;
    std::vector<uint8_t> header(c.header);
    header[0] = c.join;
    observe(c.family, with_group(c.family, header), host);
    EXPECT_TRUE(joined(host, c.family));
    header[0] = c.leave;
    observe(c.family, with_group(c.family, header), host);
    EXPECT_FALSE(joined(host, c.family));
  }
}

TEST(Membership, NewReportsFollowTheFilterMode) {
  struct Case {
    uint8_t record, sources;
    bool member;
  };
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    uint8_t type = family == Family::kIpv4 ? 0x22 : 143;
    for (bool before : {false, true}) {
      for (const Case& c :
           {Case{1, 0, false}, Case{1, 1, true}, Case{2, 0, true}, Case{3, 0, false},
            Case{4, 0, true}, Case{5, 1, true}, Case{6, 1, before}}) {
        Host host;
        Address group = *Address::parse(family, family == Family::kIpv4 ? kGroup4 : kGroup6);
        if (before) host.join(family, group);
        observe(family,
                with_group(family, report(type, c.record, c.sources), std::vector<uint8_t>(16)),
                host);
        EXPECT_EQ(joined(host, family), c.member) << int{c.record} << before;
      }
    }
  }
}

TEST(Membership, ASecondRecordIsFoundBehindTheFirstOnesSources) {
  Host host;
  std::vector<uint8_t> message = {0x22, 0, 0,  0, 0, 0, 0, 2, 4, 1, 0, 1, 224, 0,
                                  0,    9, 10, 0, 0, 9, 0, 0, 0, 0, 4, 0, 0,   0};
  observe(Family::kIpv4, with_group(Family::kIpv4, message), host);
  EXPECT_TRUE(joined(host, Family::kIpv4));
}

TEST(Membership, WhatIsCutShortOrNoGroupChangesNothing) {
  Host host;
  observe(Family::kIpv4, with_group(Family::kIpv4, report(0x22, 4, 0)), host, 1);
  EXPECT_FALSE(joined(host, Family::kIpv4));
  observe(Family::kIpv4, {0x16, 0, 0, 0, 10, 0, 0, 9}, host);
  EXPECT_FALSE(host.has_joined(Family::kIpv4, *Address::parse(Family::kIpv4, "10.0.0.9")));
}

}  // namespace
}  // namespace sallyport
