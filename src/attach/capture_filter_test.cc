#include "attach/capture_filter.h"

#include <gtest/gtest.h>

#include "attach/test_captures.h"

namespace sallyport {
namespace {

const std::vector<uint8_t> kUdp = {0x45, 0, 0,  28, 0, 0, 0,    0,   64, 17, 0, 0, 10, 0,
                                   0,    1, 10, 0,  0, 2, 0x03, 232, 0,  53, 0, 8, 0,  0};

// The same packet behind Ethernet, cooked and raw.
std::vector<uint8_t> mixed() {
  std::vector<uint8_t> ethernet = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0};
  std::vector<uint8_t> cooked = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0};
  ethernet.insert(ethernet.end(), kUdp.begin(), kUdp.end());
  cooked.insert(cooked.end(), kUdp.begin(), kUdp.end());
  testing::CaptureBuilder file;
  file.section();
  for (uint16_t type : {link_type::kEthernet, link_type::kLinuxCooked, link_type::kRaw}) {
    file.interface(type, file.nothing());
  }
  file.packet(0, 1, ethernet).packet(1, 1, cooked).packet(2, 1, kUdp);
  return file.bytes;
}

// Which of the three match, as digits.
std::string matching(const char* expression) {
  auto filter = CaptureFilter::compile(expression);
  if (!filter) return filter.error();
  auto capture = Capture::from_memory(mixed());
  std::string result;
  for (const Record& record : testing::read_all(*capture)) {
    if (filter->matches(record)) result += std::to_string(record.index);
  }
  return result;
}

TEST(CaptureFilter, IsTcpdumps) {
  EXPECT_EQ(matching("udp port 53"), "012");
  EXPECT_EQ(matching("src host 10.0.0.1 and less 60"), "012");
  EXPECT_EQ(matching("tcp"), "");
  EXPECT_EQ(matching(""), "012");
  EXPECT_EQ(matching("ether src 02:00:00:00:00:09"), "0");  // the others have no Ethernet header
}

TEST(CaptureFilter, SaysWhatLibpcapSays) {
  EXPECT_EQ(matching("udp prot 53"), "can't parse filter expression: syntax error");
  EXPECT_FALSE(CaptureFilter::compile("port 99999").has_value());
}

}  // namespace
}  // namespace sallyport
