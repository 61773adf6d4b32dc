#include "lang/value.h"

#include <gtest/gtest.h>

#include "lang/names.h"

namespace sallyport {
namespace {

constexpr Scope kIpv4{Family::kIpv4, "udp"};
constexpr Scope kIpv6{Family::kIpv6, "udp"};

// What it prints as, or "!" where it is refused.
template <typename T>
std::string canonical(Text text, const Scope& scope = kIpv4) {
  T value;
  if (!read(text, scope, value).empty()) return "!";
  std::string out;
  write(value, scope, out);
  return out;
}

struct Row {
  const char* text;
  const char* printed;
};

template <typename T>
void expect_rows(std::initializer_list<Row> rows, const Scope& scope = kIpv4) {
  for (const Row& row : rows) EXPECT_EQ(canonical<T>(row.text, scope), row.printed) << row.text;
}

TEST(Value, Numbers) {
  EXPECT_EQ(read_number("0x40"), 64u);
  EXPECT_EQ(read_number("010"), 8u);
  EXPECT_EQ(read_number("10"), 10u);
  EXPECT_EQ(read_number("0"), 0u);
  for (Text text : {"", "-1", "+1", " 1", "1 ", "0x", "08", "18446744073709551616", "1a"}) {
    EXPECT_FALSE(read_number(text)) << text;
  }
  expect_rows<Number<1, 9>>({{"1", "1"}, {"9", "9"}, {"0", "!"}, {"10", "!"}, {"0x9", "9"}});
}

TEST(Value, NumberRanges) {
  expect_rows<NumberRange<65535>>({{"40", "40"},
                                   {"40:100", "40:100"},
                                   {":100", "0:100"},
                                   {"100:", "100:65535"},
                                   {"3:3", "3"},
                                   {"100:40", "100:40"},
                                   {"65536", "!"},
                                   {"", "!"},
                                   {"a:b", "!"}});
}

TEST(Value, Ports) {
  expect_rows<PortRange>({{"53", "53"},
                          {"053", "53"},
                          {"1000:", "1000:65535"},
                          {":7", "0:7"},
                          {":", "0:65535"},
                          {"9:1", "9:1"},
                          {"domain:ntp", "53:123"},
                          {"0x35", "!"},
                          {"65536", "!"},
                          {"nosuchservice", "!"},
                          {"", "!"}});
  expect_rows<PortList>(
      {{"22,80:90,domain", "22,80:90,53"},
       {"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"},
       {"1,2,3,4,5,6,7,8,9,10,11,12,13,14:15,16", "!"},
       {"9:2", "!"},
       {"9:", "!"},
       {":9", "!"},
       {"1,,2", "!"}});
}

TEST(Value, Marks) {
  expect_rows<MarkMask>({{"16/0xff", "0x10/0xff"},
                         {"0x10", "0x10"},
                         {"1/0xffffffff", "0x1"},
                         {"010/0", "0x8/0x0"},
                         {"0x1ffffffff", "!"},
                         {"-1", "!"},
                         {"1/", "!"}});
}

TEST(Value, AddressesWithEveryMask) {
  expect_rows<MaskedAddress>({{"10.0.0.1", "10.0.0.1"},
                              {"10.1", "10.1.0.0"},
                              {"0x0a000001", "10.0.0.1"},
                              {"3232235777", "192.168.1.1"},
                              {"010.0.0.1", "8.0.0.1"},
                              {"10.0.0.5/8", "10.0.0.5/8"},
                              {"1.2.3.4/255.255.0.0", "1.2.3.4/16"},
                              {"1.2.3.4/0x10", "1.2.3.4/16"},
                              {"1.2.3.4/255.0.255.0", "1.2.3.4/255.0.255.0"},
                              {"1.2.3.4/33", "!"},
                              {"1.2.3.4/", "!"},
                              {"256.0.0.1", "!"},
                              {"1.2.3.4.5", "!"},
                              {"example.org", "!"},
                              {"::1", "!"}});
  expect_rows<MaskedAddress>({{"2001:DB8::1/32", "2001:db8::1/32"},
                              {"::/0", "::/0"},
                              {"fe80::1/ffff:ffff::", "fe80::1/32"},
                              {"fe80::1/ffff::ffff", "fe80::1/ffff::ffff"},
                              {"fe80::1%eth0", "!"},
                              {"1.2.3.4", "!"}},
                             kIpv6);
}

TEST(Value, AddressRanges) {
  expect_rows<AddressRange>({{"10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"},
                             {"10.0.0.1", "10.0.0.1-10.0.0.1"},
                             {"10.0.0-10.0.0.1", "10.0.0.0-10.0.0.1"},
                             {"10.0.0.9-", "!"},
                             {"-10.0.0.9", "!"}});
  expect_rows<AddressRange>({{"fe80::1-fe80::9", "fe80::1-fe80::9"}}, kIpv6);
}

TEST(Value, Macs) {
  expect_rows<MacAddress>({{"00:11:22:aa:BB:cc", "00:11:22:aa:bb:cc"},
                           {"0:1:2:a:B:c", "00:01:02:0a:0b:0c"},
                           {"0-1-2-a-B-c", "!"},
                           {"0:1:2:3:4", "!"},
                           {"000:1:2:3:4:5", "!"}});
}

TEST(Value, BitsOfNames) {
  constexpr Named kNames[] = {{"LOCAL", 1}, {"BROADCAST", 2}, {"UNICAST", 4}};
  uint32_t bits = 0;
  EXPECT_EQ(read_bits("broadcast,LOCAL", kNames, Spelling::kAnyCase, "type", bits), "");
  std::string out;
  write_bits(bits, kNames, out);
  EXPECT_EQ(out, "LOCAL,BROADCAST");
  EXPECT_EQ(read_bits("LOCAL,", kNames, Spelling::kAnyCase, "type", bits), "unknown type ''");
  EXPECT_EQ(read_bits("LOCLA", kNames, Spelling::kAnyCase, "type", bits),
            "unknown type 'LOCLA'; did you mean 'LOCAL'?");
}

TEST(Names, Protocols) {
  EXPECT_EQ(protocol_number("TCP"), 6);
  EXPECT_EQ(protocol_number("0x6"), 6);
  EXPECT_EQ(protocol_number("all"), 0);
  EXPECT_EQ(protocol_number("icmpv6"), 58);
  EXPECT_FALSE(protocol_number("256"));
  EXPECT_FALSE(protocol_number("nosuch"));
  EXPECT_EQ(protocol_name(6), "tcp");
  EXPECT_EQ(protocol_name(58), "ipv6-icmp");
  EXPECT_EQ(protocol_name(99), "99");
}

TEST(Nearest, FindsTyposAndNothingFar) {
  constexpr Text kWords[] = {"conntrack", "comment", "limit"};
  EXPECT_EQ(nearest("contrack", kWords), "conntrack");
  EXPECT_EQ(nearest("limti", kWords), "limit");
  EXPECT_EQ(nearest("zzz", kWords), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), kWords), "");
}

}  // namespace
}  // namespace sallyport
