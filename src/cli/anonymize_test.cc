#include "cli/anonymize.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Anonymizer, IsConsistentAndKeepsNetworksTogether) {
  Anonymizer anonymize;
  EXPECT_EQ(anonymize("udp 192.168.1.7:1900 > 192.168.1.2:40000"),
            "udp 198.18.0.1:1900 > 198.18.0.2:40000");
  EXPECT_EQ(anonymize("-s 192.168.1.0/24 -d 192.168.1.7/32"), "-s 198.18.0.0/24 -d 198.18.0.1/32");
  EXPECT_EQ(anonymize("from 203.0.113.66, not on-link."), "from 198.18.1.1, not on-link.");
  EXPECT_EQ(anonymize("[2001:470::9]:1900 fe80::17, fe80::17"),
            "[2001:db8::a:0:1]:1900 fe80::a:0:1, fe80::a:0:1");
}

TEST(Anonymizer, LeavesWhatMeansTheSameEverywhere) {
  Anonymizer anonymize;
  for (std::string_view same : {"239.255.255.250:1900", "255.255.255.255:67", "127.0.0.1",
                                "[ff02::c]:1900", "::1", "0.0.0.0/0", "10 packets at 4.600 s",
                                "filter/INPUT:3", "--dport 1024:65535", "-s 0.0.0.0/255.255.0.255",
                                "nf_conntrack_udp_timeout of 32", "eth0", "cafe", "face: dead"}) {
    EXPECT_EQ(anonymize(same), same);
  }
}

TEST(Anonymizer, FindsAddressesInWords) {
  Anonymizer anonymize;
  EXPECT_EQ(anonymize("-A from_192.0.2.7 -j to-192.0.2.8x"),
            "-A from_198.18.0.1 -j to-198.18.0.2x");
  EXPECT_EQ(anonymize("/home/192.0.2.7/a.rules"), "/home/198.18.0.1/a.rules");
  EXPECT_EQ(anonymize("192.0.2.0/255.255.255.0"), "198.18.0.0/255.255.255.0");
  EXPECT_EQ(anonymize("udp:1900 v1.2.3 1.2.3.4.5"), "udp:1900 v1.2.3 1.2.3.4.5");
}

TEST(Anonymizer, HardwareAddressesAreReplaced) {
  Anonymizer anonymize;
  EXPECT_EQ(anonymize("--mac-source 00:1A:2b:3c:4d:5e."), "--mac-source 02:00:00:00:00:01.");
}

}  // namespace
}  // namespace sallyport
