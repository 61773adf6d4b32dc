#include "conntrack/discovery/payload.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

Payload payload(std::string_view held, size_t cut_off = 0) {
  return {{reinterpret_cast<const uint8_t*>(held.data()), held.size()}, held.size() + cut_off};
}

PayloadTest begins(std::vector<std::string> texts) {
  return {.kind = PayloadTest::Kind::kBegins, .texts = std::move(texts), .values = {}};
}
PayloadTest has(std::string text) {
  return {.kind = PayloadTest::Kind::kContains, .texts = {std::move(text)}, .values = {}};
}
PayloadTest byte(uint16_t offset, uint8_t mask, std::vector<uint8_t> values) {
  return {PayloadTest::Kind::kByte, {}, offset, mask, std::move(values)};
}
const PayloadTest kDnsUnicast{.kind = PayloadTest::Kind::kDnsUnicast, .texts = {}, .values = {}};

// A DNS message: the header with its number of questions, then what follows.
std::string dns(uint8_t questions, std::string_view rest) {
  return "\0\0\0\0\0"s + static_cast<char>(questions) + "\0\0\0\0\0\0"s + std::string(rest);
}

TEST(PayloadTests, Answer) {
  struct Case {
    const char* what;
    PayloadTest test;
    std::string held;
    size_t cut_off;
    Holds expected;
  };
  const Case kCases[] = {
      {"begins so", begins({"M-SEARCH "}), "M-SEARCH * HTTP/1.1", 0, Holds::kYes},
      {"begins otherwise", begins({"M-SEARCH "}), "NOTIFY * HTTP/1.1", 0, Holds::kNo},
      {"begins with the second", begins({"BJNP", "MFNP"}), "MFNP\1", 0, Holds::kYes},
      {"the case counts", begins({"M-SEARCH "}), "m-search * HTTP/1.1", 0, Holds::kNo},
      {"ends too early", begins({"M-SEARCH "}), "M-SEARCH", 0, Holds::kNo},
      {"empty", begins({"M-SEARCH "}), "", 0, Holds::kNo},
      {"cut off, agrees so far", begins({"M-SEARCH "}), "M-SE", 100, Holds::kUnknown},
      {"cut off, nothing held", begins({"M-SEARCH "}), "", 100, Holds::kUnknown},
      {"cut off, differs already", begins({"M-SEARCH "}), "M-SX", 100, Holds::kNo},
      {"cut off, but too short anyway", begins({"M-SEARCH "}), "M-SE", 2, Holds::kNo},

      {"contains", has("/Probe"), "<a>http://x/Probe</a>", 0, Holds::kYes},
      {"contains not", has("/Probe"), "<a>http://x/Hello</a>", 0, Holds::kNo},
      {"contains, perhaps", has("/Probe"), "<a>http://x", 9, Holds::kUnknown},
      {"not searched so far", has("/Probe"), std::string(kSearched - 1, 'x') + "/Probe", 0,
       Holds::kNo},
      {"cut off where nothing is searched", has("/Probe"), std::string(kSearched, 'x'), 9,
       Holds::kNo},

      {"byte", byte(2, 0x80, {0x00}), "\0\0\1\0"s, 0, Holds::kYes},
      {"byte, other bits", byte(2, 0x80, {0x00}), "\0\0\x85\0"s, 0, Holds::kNo},
      {"byte, second value", byte(1, 0xff, {1, 6}), "\2\6"s, 0, Holds::kYes},
      {"byte, beyond the end", byte(2, 0x80, {0x00}), "\0\0"s, 0, Holds::kNo},
      {"byte, cut off", byte(2, 0x80, {0x00}), "\0\0"s, 1, Holds::kUnknown},
      {"byte, cut off, beyond the end", byte(3, 0x80, {0x00}), "\0\0"s, 1, Holds::kNo},

      {"QU", kDnsUnicast, dns(1, "\2tv\5local\0\0\1\x80\1"sv), 0, Holds::kYes},
      {"QM", kDnsUnicast, dns(1, "\2tv\5local\0\0\1\0\1"sv), 0, Holds::kNo},
      {"the second is QU", kDnsUnicast, dns(2, "\2tv\0\0\1\0\1\xc0\x0c\0\1\x80\1"sv), 0,
       Holds::kYes},
      {"no questions", kDnsUnicast, dns(0, "\2tv\0\0\1\x80\1"sv), 0, Holds::kNo},
      {"no such label", kDnsUnicast, dns(1, "\x80\0\1\x80\1"sv), 0, Holds::kNo},
      {"ends inside a label", kDnsUnicast, dns(1, "\x3ftv"), 0, Holds::kNo},
      {"ends inside the class", kDnsUnicast, dns(1, "\0\0\1"sv), 0, Holds::kNo},
      {"cut off inside the class", kDnsUnicast, dns(1, "\0\0\1"sv), 2, Holds::kUnknown},
      {"no header", kDnsUnicast, "\0\0"s, 0, Holds::kNo},
      {"says 65535 questions", kDnsUnicast, "\0\0\0\0\xff\xff\0\0\0\0\0\0"s, 0, Holds::kNo},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(holds(c.test, payload(c.held, c.cut_off)), c.expected) << c.what;
  }
}

TEST(PayloadTests, HoldTogetherAsTheWeakestDoes) {
  const PayloadTest yes = begins({"ab"}), no = begins({"x"}), unknown = begins({"abc"});
  EXPECT_EQ(all_hold({}, payload("ab")), Holds::kYes);
  EXPECT_EQ(all_hold({yes, unknown}, payload("ab", 1)), Holds::kUnknown);
  EXPECT_EQ(all_hold({yes, unknown, no}, payload("ab", 1)), Holds::kNo);
}

TEST(HeaderNumber, IsReadAsDevicesReadIt) {
  struct Case {
    std::string text;
    std::optional<uint32_t> expected;
  };
  const std::string start = "M-SEARCH * HTTP/1.1\r\n";
  const Case kCases[] = {
      {start + "HOST: 239.255.255.250:1900\r\nMX: 3\r\n\r\n", 3},
      {start + "mx:3\r\n\r\n", 3},
      {start + "MX \t:\t 3 \r\n", 3},
      {start + "MX: 3\n", 3},
      {start + "MX: 3", 3},
      {start + "MX: 0\r\n", 0},
      {start + "MX: 99999999999999999999\r\n", 65535},
      {start + "MX: -1\r\n", std::nullopt},
      {start + "MX: 3s\r\n", std::nullopt},
      {start + "MX:\r\n", std::nullopt},
      {start + "MX\r\n", std::nullopt},
      {start + "MXX: 3\r\n", std::nullopt},
      {start + "\r\nMX: 3\r\n", std::nullopt},  // behind the headers' end
      {start + "X: " + std::string(kSearched, 'x') + "\r\nMX: 3\r\n", std::nullopt},
      {"", std::nullopt},
      {"\0\0\0\xff"s, std::nullopt},
  };
  for (const Case& c : kCases) EXPECT_EQ(header_number(c.text, "MX"), c.expected) << c.text;
}

}  // namespace
}  // namespace sallyport
