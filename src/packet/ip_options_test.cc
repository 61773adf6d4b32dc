#include "packet/ip_options.h"

#include <gtest/gtest.h>
#include <vector>

namespace sallyport {
namespace {

std::vector<uint8_t> bytes_of(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Each was put to Linux 6.18, to the host and to a router.
TEST(IpOptions, ThatLinuxTakes) {
  for (const char* good : {
           "00ffffff",         "01010101",
           "01000007",  // what follows the end is nothing
           "02040000",         "ff040000",
           "0a020a02",                              // not known
           "07030400",         "0704050000000000",  // a full record of the route
           "07070400000000",   "0708050000000000",  // one with room
           "44040500",         "440405e0",
           "440405f3",                                      // a full list of times
           "4408050000000000", "440c05110000000000000000",  // with room, and with addresses
           "440805f000000000", "440809e100000000",
           "94040000",         "94040001",
           "9404000094040000", "0703070044040e00",
       }) {
    EXPECT_TRUE(are_good_ip_options(bytes_of(good))) << good;
  }
}

TEST(IpOptions, ThatLinuxDropsThePacketFor) {
  for (const char* bad : {
           "02000000",         "02010000",         "02080000",         "0a0a0a0a",
           "01010107",  // no length, or too long
           "07020400",         "0703030000",       "0704040000000000", "0707050000000000",
           "44030500",         "4404040000",       "440405f0",         "440405f2",
           "4408060000000000", "4408050100000000", "4408050300000000", "94030000",
           "83030400",         "89030400",         "8606000000010000", "0703040703040000",
           "4404050044040500",
       }) {
    EXPECT_FALSE(are_good_ip_options(bytes_of(bad))) << bad;
  }
  EXPECT_TRUE(are_good_ip_options({}));
}

}  // namespace
}  // namespace sallyport
