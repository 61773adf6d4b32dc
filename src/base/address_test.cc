#include "base/address.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Address, ParsesOnlyWholeAddresses) {
  EXPECT_EQ(Address::parse(Family::kIpv4, "192.168.1.2"), Address::ipv4(0xc0a80102));
  EXPECT_FALSE(Address::parse(Family::kIpv4, "192.168.1"));
  EXPECT_FALSE(Address::parse(Family::kIpv4, "192.168.1.2 "));
  EXPECT_FALSE(Address::parse(Family::kIpv4, std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(Address::parse(Family::kIpv6, "1.2.3.4"));
}

TEST(Address, PrintsIpv6Compressed) {
  EXPECT_EQ(Address::parse(Family::kIpv6, "FF02:0:0::C")->text(Family::kIpv6), "ff02::c");
}

TEST(Address, MaskAndLengthAreInverse) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    for (int length = 0; length <= bits_of(family); length++) {
      EXPECT_EQ(length_of(family, mask_of(family, length)), length);
    }
  }
  EXPECT_FALSE(length_of(Family::kIpv4, Address::ipv4(0xff00ff00)));
}

TEST(Prefix, ContainsItsHosts) {
  Prefix prefix = *Prefix::parse("192.168.1.2/24");
  EXPECT_TRUE(prefix.contains(Address::ipv4(0xc0a80107)));
  EXPECT_FALSE(prefix.contains(Address::ipv4(0xc0a80207)));
  EXPECT_EQ(Prefix::parse("fe80::1")->length, 128);
  EXPECT_FALSE(Prefix::parse("10.0.0.0/33"));
  EXPECT_FALSE(Prefix::parse("10.0.0.0/-1"));
  EXPECT_FALSE(Prefix::parse("10.0.0.0/"));
}

}  // namespace
}  // namespace sallyport
