#include "conntrack/discovery/descriptor.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace sallyport {
namespace {

std::vector<Descriptor> parse_well(std::string_view text) {
  std::vector<Descriptor> out;
  Diagnostics diagnostics;
  parse_descriptors(text, out, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.render("text", text);
  return out;
}

std::string errors(std::string_view text) {
  std::vector<Descriptor> out;
  Diagnostics diagnostics;
  parse_descriptors(text, out, diagnostics);
  EXPECT_TRUE(out.empty()) << "a text with an error adds nothing";
  return diagnostics.render("my", text);
}

TEST(Descriptors, EveryFileOfShareDiscoveryIsRight) {
  EXPECT_GE(builtin_descriptor_texts().size(), 12u);
  std::vector<Descriptor> all;
  for (const DescriptorText& builtin : builtin_descriptor_texts()) {
    Diagnostics diagnostics;
    parse_descriptors(builtin.text, all, diagnostics);
    EXPECT_TRUE(diagnostics.empty()) << diagnostics.render(std::string(builtin.file), builtin.text);
  }
  EXPECT_EQ(all.size(), builtin_descriptors().size());
  for (const Descriptor& descriptor : all) {
    EXPECT_FALSE(descriptor.reference.empty()) << descriptor.name << " names no source";
  }
}

TEST(Descriptors, SayEverythingInSentences) {
  std::vector<Descriptor> all = parse_well(
      "# A comment\n"
      "protocol one   # named so\r\n"
      "  reference   RFC 1, 2 \"and\" 3  # not this\n"
      "question to 224.0.0.251, ff0x::c, broadcast port 5, 0x10-20\n"
      "question to ff02::1 ports 7\n"
      "question from port 1000-2000\n"
      "question begins \"A\\r\\n\\t\\0\\\\\\\"\\x7f#,\" or \"B\"\n"
      "question contains \"C\"\n"
      "question byte 3 & 0xf0=0x10 or 32\n"
      "question dns-unicast\n"
      "answer from port 49152-65535\n"
      "answer to port 4002\n"
      "answer within header MX, 1 to 5 s, plus 1500 ms\n"
      "announcement to port 9\n"
      "announcement from port 8\n"
      "announcement begins \"D\"\n"
      "\n"
      "protocol two\n"
      "question to broadcast port 65535\n"
      "question from other port\n"
      "answer from any port\n"
      "answer within 250 ms");
  ASSERT_EQ(all.size(), 2u);
  const Descriptor& one = all[0];
  EXPECT_EQ(one.name, "one");
  EXPECT_EQ(one.reference, "RFC 1, 2 \"and\" 3");
  ASSERT_EQ(one.question.targets.size(), 4u);
  EXPECT_FALSE(one.question.targets[0].any_scope);
  EXPECT_TRUE(one.question.targets[1].any_scope);
  EXPECT_TRUE(one.question.targets[2].is_broadcast());
  EXPECT_TRUE(one.question.targets[2].has_port(5));
  EXPECT_TRUE(one.question.targets[0].has_port(16));
  EXPECT_FALSE(one.question.targets[0].has_port(7));
  EXPECT_TRUE(one.question.targets[3].has_port(7));
  EXPECT_TRUE(contains(one.question.from_ports, 2000));
  ASSERT_EQ(one.question.tests.size(), 4u);
  EXPECT_EQ(one.question.tests[0].texts[0], std::string("A\r\n\t\0\\\"\x7f#,", 10));
  EXPECT_EQ(one.question.tests[0].texts[1], "B");
  EXPECT_EQ(one.question.tests[2].offset, 3);
  EXPECT_EQ(one.question.tests[2].mask, 0xf0);
  EXPECT_EQ(one.question.tests[2].values, (std::vector<uint8_t>{0x10, 0x20}));
  EXPECT_EQ(one.question.tests[3].kind, PayloadTest::Kind::kDnsUnicast);
  EXPECT_EQ(one.answer.from, Descriptor::Answer::From::kPorts);
  EXPECT_TRUE(contains(one.answer.from_ports, 50000));
  EXPECT_EQ(one.answer.to_port, 4002);
  EXPECT_EQ(one.answer.header, "MX");
  EXPECT_EQ(one.answer.least, 1u);
  EXPECT_EQ(one.answer.most, 5u);
  EXPECT_EQ(one.answer.longest(), 6500u);
  EXPECT_TRUE(contains(one.announcement.ports, 9));
  EXPECT_TRUE(contains(one.announcement.from_ports, 8));
  EXPECT_EQ(one.announcement.tests.size(), 1u);
  const Descriptor& two = all[1];
  EXPECT_TRUE(two.question.from_other_port);
  EXPECT_EQ(two.answer.from, Descriptor::Answer::From::kAnyPort);
  EXPECT_EQ(two.answer.milliseconds, 250u);
  EXPECT_TRUE(two.announcement.ports.empty());
}

TEST(Descriptors, WithoutAnAnswerLineTheAnswerComesFromTheAskedPortWithin5Seconds) {
  std::vector<Descriptor> all = parse_well("protocol p\nquestion to 224.0.0.1 port 1\n");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].answer.from, Descriptor::Answer::From::kAskedPort);
  EXPECT_EQ(all[0].answer.longest(), 5000u);
}

TEST(Descriptors, AGroupInAnyScopeIsThatGroupInEachScopeAndNoOther) {
  std::vector<Descriptor> all = parse_well("protocol p\nquestion to ff0x::c port 1\n");
  const Descriptor::Target& target = all.at(0).question.targets.at(0);
  for (const char* same : {"ff02::c", "ff05::c", "ff08::c", "ff0e::c"}) {
    EXPECT_TRUE(target.is_group(Family::kIpv6, *Address::parse(Family::kIpv6, same))) << same;
  }
  for (const char* other : {"ff02::d", "ff12::c", "ff02::1:c", "fe80::c"}) {
    EXPECT_FALSE(target.is_group(Family::kIpv6, *Address::parse(Family::kIpv6, other))) << other;
  }
}

TEST(Descriptors, ThatComeLaterTakeThePlaceOfTheirNamesakes) {
  std::vector<Descriptor> all = parse_well(
      "protocol a\nquestion to 224.0.0.1 port 1\nprotocol b\nquestion to 224.0.0.1 port 2\n");
  Diagnostics diagnostics;
  parse_descriptors("protocol a\nquestion to 224.0.0.1 port 3\n", all, diagnostics);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].question.targets[0].has_port(3));
}

TEST(Descriptors, ErrorsPointAndAreGivenAllAtOnce) {
  EXPECT_EQ(errors("protocol p\n"
                   "question to 239.255.255.250 port 70000\n"
                   "answer form any port\n"
                   "answer within 10 m\n"),
            "my:2:34: error: expected a port from 1 to 65535, or a range of them, but found "
            "'70000'\n"
            "  question to 239.255.255.250 port 70000\n"
            "                                   ^~~~~\n"
            "my:3:8: error: expected from, to or within, but found 'form'\n"
            "  answer form any port\n"
            "         ^~~~\n"
            "my:4:18: error: expected s or ms, but found 'm'\n"
            "  answer within 10 m\n"
            "                   ^\n");
}

TEST(Descriptors, AWrongLineIsNotAlsoAMissingOne) {
  EXPECT_EQ(errors("protocol p\nquestion to 239.1.2.3 prot 1\n"),
            "my:2:23: error: expected a group's address, or broadcast, but found 'prot'\n"
            "  question to 239.1.2.3 prot 1\n"
            "                        ^~~~\n");
}

TEST(Descriptors, ThatAreWrongAreRefused) {
  struct Case {
    std::string text;      // of one descriptor, without its first line where it begins with '+'
    std::string expected;  // found in the errors
  };
  const std::string good = "question to 224.0.0.1 port 1\n";
  const Case kCases[] = {
      {"question to 224.0.0.1 port 1", "1:1: error: a descriptor begins with 'protocol NAME'"},
      {"protocol", "1:9: error: expected a name, but found the line ends"},
      {"protocol My_Own", "1:10: error: 'My_Own' is no name for a protocol"},
      {"protocol \"p\"", "is no name for a protocol"},
      {"protocol " + std::string(40, 'A'), "'" + std::string(40, 'A') + "' is no name"},
      {"protocol " + std::string(41, 'A'), "'" + std::string(40, 'A') + "...' is no name"},
      {"protocol p q\n" + good, "1:12: error: expected the end of the line, but found 'q'"},
      {"protocol p\n" + good + "protocol p\n" + good, "3:10: error: there is a protocol 'p' above"},
      {"protocol p\nanswer within 1 s", "1:1: error: p does not say where its question goes"},
      {"+reference", "expected the specification"},
      {"+reference a\nreference b", "'reference' is said twice"},
      {"+ask", "expected protocol, reference, question, answer or announcement"},
      {"+question to port 1", "expected groups, or broadcast"},
      {"+question to 224.0.0.1", "expected port, but found the line ends"},
      {"+question to 192.168.1.9 port 1", "'192.168.1.9' is no group"},
      {"+question to fe80::1 port 1", "'fe80::1' is no group"},
      {"+question to 255.255.255.255 port 1", "255.255.255.255 is written 'broadcast'"},
      {"+question to 224.0.0 port 1", "expected a group's address"},
      {"+question to 224.0.0.1 port", "expected a port from 1 to 65535"},
      {"+question to 224.0.0.1 port 0", "expected a port from 1 to 65535"},
      {"+question to 224.0.0.1 port 1-x", "expected a port from 1 to 65535"},
      {"+question to 224.0.0.1 port 9-8", "this range runs backwards"},
      {"+question to 224.0.0.1 port \"1\"", "expected a port from 1 to 65535"},
      {"+question to 224.0.0.1 port 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
       "more than 16 ports"},
      {"+question from other", "expected port, but found the line ends"},
      {"+question from port 1\nquestion from other port", "'question from' is said twice"},
      {"+question begins M-SEARCH", "expected a string in double quotes"},
      {"+question begins \"\"", "an empty string says nothing"},
      {"+question begins \"abc", "this string has no end"},
      {"+question begins \"a\\q\"", "no such escape in a string"},
      {"+question begins \"a\\x4\"", "no such escape in a string"},
      {"+question begins \"a\\", "no such escape in a string"},
      {"+question begins \"a\" or", "expected a string in double quotes, but found the line ends"},
      {"+question begins \"" + std::string(129, 'x') + "\"", "more than 128 bytes"},
      {"+question byte 2048 = 1", "expected a number from 0 to 2047"},
      {"+question byte 2 & 0 = 0", "expected a number from 1 to 255"},
      {"+question byte 2 & 0x80 = 1", "under the mask 0x80 no byte is 0x01"},
      {"+question byte 2", "expected & or ="},
      {"+question byte 2 = 1 or 2 or 3 or 4 or 5 or 6 or 7 or 8 or 9 or 10 or 11 or 12 or 13 or 14 "
       "or 15 or 16 or 17",
       "more than 16 alternatives"},
      {"+question byte 2 = 256", "expected a number from 0 to 255"},
      {"+answer from port", "expected a port from 1 to 65535"},
      {"+answer from some port", "expected asked port, any port, or port N"},
      {"+answer from any port\nanswer from asked port", "'answer from' is said twice"},
      {"+answer to port 1-2", "an answer goes to one port"},
      {"+answer within", "expected a number from 0 to 300000"},
      {"+answer within 0 s", "a window of no time lets nothing in"},
      {"+answer within 301 s", "a window of more than 300 s"},
      {"+answer within 99999999999 s", "expected a number from 0 to 300000"},
      {"+answer within header MX", "expected a number from 0 to 300"},
      {"+answer within header MX 5 to 1 s", "a header counts whole seconds, the least first"},
      {"+answer within header MX 1 to 1500 ms", "a header counts whole seconds"},
      {"+answer within header MX 0 to 0 s", "a window of no time lets nothing in"},
      {"+announcement begins \"x\"", "3:1: error: the announcement's port is missing"},
      {"+announcement to port 1\nannouncement to port 2", "'announcement to' is said twice"},
      {std::string("protocol \xff\x00\x1b[31m", 16), "'???[31m' is no name"},
  };
  for (const Case& c : kCases) {
    bool whole = !c.text.starts_with('+');
    std::string text = whole ? c.text : "protocol p\n" + good + c.text.substr(1);
    EXPECT_NE(errors(text).find(c.expected), std::string::npos) << text << "\n" << errors(text);
  }
}

TEST(Descriptors, AreBoundedHoweverLongTheText) {
  std::string many;
  for (int i = 0; i < 257; i++) {
    many += "protocol p" + std::to_string(i) + "\nquestion to 224.0.0.1 port 1\n";
  }
  EXPECT_NE(errors(many).find("more than 256 descriptors"), std::string::npos);
  EXPECT_NE(errors(std::string(1 << 20, ',')).find("1:2049: error: a line of more than 2048"),
            std::string::npos);
  std::string groups = "protocol p\n";
  for (int i = 0; i < 33; i++) groups += "question to 224.0.0.1 port 1\n";
  EXPECT_NE(errors(groups).find("more than 32 addresses"), std::string::npos);
  std::string tests = "protocol p\nquestion to 224.0.0.1 port 1\n";
  for (int i = 0; i < 9; i++) tests += "question begins \"x\"\n";
  EXPECT_NE(errors(tests).find("more than 8 conditions"), std::string::npos);
}

// docs/discovery.md.

std::string manual() {
  std::ifstream file(SALLYPORT_SOURCE_DIR "/docs/discovery.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string ports_text(const std::vector<AnswerPorts>& ranges) {
  std::string out;
  for (const AnswerPorts& range : ranges) {
    out += out.empty() ? "" : ", ";
    out += range.low == range.high ? fmt::format("{}", range.low)
                                   : fmt::format("{}-{}", range.low, range.high);
  }
  return out;
}

// A descriptor as a row of the manual's table.
std::string manual_row(const Descriptor& d) {
  std::string asked;
  for (const Descriptor::Target& target : d.question.targets) {
    std::string group = target.is_broadcast() ? "broadcast" : target.group.text(target.family);
    if (target.any_scope) group[3] = 'x';
    asked += (asked.empty() ? "" : ", ") + group;
  }
  asked += " port " + ports_text(d.question.targets[0].ports);
  if (d.question.from_other_port) asked += ", from another port";
  if (!d.question.from_ports.empty()) asked += ", from port " + ports_text(d.question.from_ports);
  std::string from = d.answer.from == Descriptor::Answer::From::kAnyPort ? "any port" : "that port";
  if (d.answer.to_port != 0) from += fmt::format(", to port {}", d.answer.to_port);
  std::string window = fmt::format("{} s", d.answer.milliseconds / 1000);
  if (!d.answer.header.empty()) {
    window =
        fmt::format("{} ({} to {} s) + {}", d.answer.header, d.answer.least, d.answer.most, window);
  }
  std::string announced =
      d.announcement.ports.empty() ? "-" : "port " + ports_text(d.announcement.ports);
  return fmt::format("| {} | {} | {} | {} | {} |\n", d.name, asked, from, window, announced);
}

TEST(Manual, HasTheTableOfTheBuiltInDescriptors) {
  std::string table;
  for (const Descriptor& descriptor : builtin_descriptors()) table += manual_row(descriptor);
  EXPECT_NE(manual().find("|---|---|---|---|---|\n" + table + "\n"), std::string::npos) << table;
}

TEST(Manual, ShowsTheSsdpFileAsItIs) {
  for (const DescriptorText& builtin : builtin_descriptor_texts()) {
    if (builtin.file != "ssdp.discovery") continue;
    EXPECT_NE(manual().find("```\n" + std::string(builtin.text) + "```\n"), std::string::npos);
  }
}

TEST(Manual, ItsTenLineExampleIsRightAndHasTenLines) {
  std::string text = manual();
  size_t begin = text.find("```\n# Yeelight");
  ASSERT_NE(begin, std::string::npos);
  begin += 4;
  std::string example = text.substr(begin, text.find("```", begin) - begin);
  EXPECT_EQ(parse_well(example).size(), 1u);
  EXPECT_LE(std::ranges::count(example, '\n'), 10);
}

}  // namespace
}  // namespace sallyport
