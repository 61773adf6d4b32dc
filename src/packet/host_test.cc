#include "packet/host.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

Address v4(const char* text) {
  return *Address::parse(Family::kIpv4, text);
}
Address v6(const char* text) {
  return *Address::parse(Family::kIpv6, text);
}

Host host_with(std::initializer_list<std::pair<const char*, const char*>> addresses) {
  Host host;
  for (auto [interface, prefix] : addresses) {
    host.add(InterfaceName(interface), *Prefix::parse(prefix));
  }
  return host;
}

const Host kHost = host_with({{"eth0", "192.168.1.2/24"},
                              {"eth0", "2001:db8::2:3:4567/64"},
                              {"eth1", "10.1.0.1/31"},
                              {"eth2", "172.16.0.9/32"}});

TEST(Host, WhatAnAddressIs) {
  struct Row {
    const char* address;
    bool local, broadcast, on_link;
  };
  constexpr Row kRows[] = {
      {"192.168.1.2", true, false, true},       // its own
      {"192.168.1.7", false, false, true},      // a neighbour
      {"192.168.1.255", false, true, false},    // directed broadcast
      {"255.255.255.255", false, true, false},  // limited broadcast
      {"192.168.2.7", false, false, false},     // elsewhere
      {"127.3.2.1", true, false, false},        // all of 127.0.0.0/8 is the host
      {"10.1.0.1", true, false, true},
      {"10.1.0.0", false, false, true},  // a /31 has two hosts and no broadcast
      {"172.16.0.9", true, false, true},
      {"172.16.0.10", false, false, false},  // nothing is on-link of a /32
      {"239.255.255.250", false, false, false},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.address);
    EXPECT_EQ(kHost.is_local(Family::kIpv4, v4(row.address)), row.local);
    EXPECT_EQ(kHost.is_broadcast(v4(row.address)), row.broadcast);
    EXPECT_EQ(kHost.is_on_link(Family::kIpv4, v4(row.address), nullptr), row.on_link);
  }
}

TEST(Host, WhatAnIpv6AddressIs) {
  EXPECT_TRUE(kHost.is_local(Family::kIpv6, v6("2001:db8::2:3:4567")));
  EXPECT_TRUE(kHost.is_local(Family::kIpv6, v6("::1")));
  EXPECT_FALSE(kHost.is_local(Family::kIpv6, v6("2001:db8::1")));
  EXPECT_TRUE(kHost.is_on_link(Family::kIpv6, v6("2001:db8::1"), nullptr));
  EXPECT_FALSE(kHost.is_on_link(Family::kIpv6, v6("2001:db8:0:1::1"), nullptr));
  EXPECT_TRUE(kHost.is_on_link(Family::kIpv6, v6("fe80::1"), nullptr));
  EXPECT_FALSE(kHost.is_on_link(Family::kIpv6, v6("ff02::c"), nullptr));
}

// The same words in the other family are another address.
TEST(Host, FamiliesAreApart) {
  Host host = host_with({{"eth0", "192.168.1.2/24"}});
  EXPECT_FALSE(host.is_local(Family::kIpv6, v4("192.168.1.2")));
  EXPECT_FALSE(host.is_on_link(Family::kIpv6, v4("192.168.1.7"), nullptr));
}

TEST(Host, OnLinkOfOneInterface) {
  InterfaceName eth0("eth0"), eth1("eth1");
  EXPECT_TRUE(kHost.is_on_link(Family::kIpv4, v4("192.168.1.7"), &eth0));
  EXPECT_FALSE(kHost.is_on_link(Family::kIpv4, v4("192.168.1.7"), &eth1));
  Host unnamed = host_with({{"", "192.168.1.2/24"}});
  EXPECT_TRUE(unnamed.is_on_link(Family::kIpv4, v4("192.168.1.7"), &eth1));
}

TEST(Host, AlwaysJoinedGroups) {
  EXPECT_TRUE(kHost.has_joined(Family::kIpv4, v4("224.0.0.1")));
  EXPECT_TRUE(kHost.has_joined(Family::kIpv6, v6("ff02::1")));
  EXPECT_TRUE(kHost.has_joined(Family::kIpv6, v6("ff01::1")));
  EXPECT_TRUE(kHost.has_joined(Family::kIpv6, v6("ff02::1:ff03:4567")));
  EXPECT_FALSE(kHost.has_joined(Family::kIpv6, v6("ff02::1:ff03:4568")));
  EXPECT_FALSE(kHost.has_joined(Family::kIpv4, v4("239.255.255.250")));
}

TEST(Host, JoinsAndLeaves) {
  Host host;
  EXPECT_TRUE(host.join(Family::kIpv4, v4("239.255.255.250")));
  EXPECT_TRUE(host.join(Family::kIpv6, v6("ff02::c")));
  EXPECT_TRUE(host.has_joined(Family::kIpv4, v4("239.255.255.250")));
  host.leave(Family::kIpv4, v4("239.255.255.250"));
  host.leave(Family::kIpv4, v4("239.255.255.250"));  // a second report changes nothing
  EXPECT_FALSE(host.has_joined(Family::kIpv4, v4("239.255.255.250")));
  EXPECT_TRUE(host.has_joined(Family::kIpv6, v6("ff02::c")));
}

TEST(Host, GroupsAreBounded) {
  Host host;
  for (uint32_t i = 0; i < Host::kMostGroups; i++) {
    ASSERT_TRUE(host.join(Family::kIpv4, Address::ipv4(0xe1000000 + i)));
  }
  EXPECT_FALSE(host.join(Family::kIpv4, Address::ipv4(0xe2000000)));
  EXPECT_FALSE(host.has_joined(Family::kIpv4, Address::ipv4(0xe2000000)));
  EXPECT_TRUE(host.join(Family::kIpv4, Address::ipv4(0xe1000000)));  // already there
}

TEST(Host, AnAddressTwiceIsOne) {
  Host host = host_with({{"eth0", "192.168.1.2/24"}, {"eth0", "192.168.1.2/24"}});
  ASSERT_EQ(host.interfaces().size(), 1u);
  EXPECT_EQ(host.interfaces()[0].addresses.size(), 1u);
}

}  // namespace
}  // namespace sallyport
