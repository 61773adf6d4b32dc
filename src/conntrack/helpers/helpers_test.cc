// What helpers make of packets; every row was put to Linux 6.18 and its answer written down.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "conntrack/helpers/helper.h"

namespace sallyport {
namespace {

constexpr std::string_view kClient = "10.0.1.1", kServer = "10.0.2.1";

Address ipv4(std::string_view text) {
  return *Address::parse(Family::kIpv4, text);
}

Tuple control(uint8_t protocol, uint16_t port) {
  return {.source = ipv4(kClient),
          .destination = ipv4(kServer),
          .source_port = 3000,
          .destination_port = port,
          .protocol = protocol};
}

// "expect 10.0.2.1:* > 10.0.1.1:4000"
std::string text_of(const HelperAnswer& answer) {
  switch (answer.kind) {
    case HelperAnswer::Kind::kNothing: return "";
    case HelperAnswer::Kind::kDrop: return "drop";
    case HelperAnswer::Kind::kUnknown: return "unknown";
    case HelperAnswer::Kind::kExpect: break;
  }
  const Expected& expected = answer.expected;
  const Tuple& tuple = expected.tuple;
  std::string port = expected.source_port_mask ? std::to_string(tuple.source_port) : "*";
  return fmt::format("expect {}:{} > {}:{}", tuple.source.text(tuple.family), port,
                     tuple.destination.text(tuple.family), tuple.destination_port);
}

// One control connection, each line a segment of its own.
class Ftp {
 public:
  explicit Ftp(Family family = Family::kIpv4) {
    if (family == Family::kIpv4) return;
    tuple_.family = family;
    tuple_.source = *Address::parse(family, "fd00::1");
    tuple_.destination = *Address::parse(family, "fd01::1");
  }

  std::string say(Direction direction, std::string_view text) {
    uint32_t& next = next_[static_cast<size_t>(direction)];
    std::string answer = say_at(direction, next, text);
    next += static_cast<uint32_t>(text.size());
    return answer;
  }
  std::string say_at(Direction direction, uint32_t sequence, std::string_view text,
                     bool whole = true, bool established = true) {
    return text_of(kFtpHelper.read({.packet = packet_,
                                    .payload = text,
                                    .whole = whole,
                                    .sequence = sequence,
                                    .tuple = tuple_,
                                    .direction = direction,
                                    .established = established},
                                   memory_));
  }
  std::string client(std::string_view text) { return say(Direction::kOriginal, text); }
  std::string server(std::string_view text) { return say(Direction::kReply, text); }

 private:
  Packet packet_;
  Tuple tuple_ = control(protocol::kTcp, 21);
  HelperMemory memory_;
  std::array<uint32_t, 2> next_{0xfffffff0, 500};  // the client's numbers wrap
};

struct Row {
  std::string_view text;
  uint16_t port;  // that is expected; 0 where `answer` says what else
  std::string_view answer = {};
};
constexpr uint16_t kNoPort = 0;
constexpr std::string_view kDrop = "drop", kNothing = "";

constexpr Row kOfClient[] = {
    {"PORT 10,0,1,1,15,160\r\n", 4000},
    {"port 10,0,1,1,15,160\r\n", 4000},
    {"PORT 10,0,1,1,15,160\r", 4000},
    {"PORT 10,0,1,1,15,160\r\nLIST\r\n", 4000},
    {"PORTX 10,0,1,1,15,160\r\n", 4000},
    {"PORT 10,0,1,1,15,160", kNoPort, kDrop},
    {"PORT 10,0,1,1,15,160\n", kNoPort, kDrop},
    {"PORT 10,0,1,1,15,160 \r\n", kNoPort, kDrop},
    {"PORT 10,0,1,1,15,160x\r\n", kNoPort, kDrop},
    {"PORT  10,0,1,1,15,160\r\n", kNoPort, kDrop},
    {"PORT\t10,0,1,1,15,160\r\n", kNoPort, kDrop},
    {"PORT 10,0,1,1, 15,160\r\n", kNoPort, kDrop},
    {"PORT 10,0,1,1,15\r\n", kNoPort, kDrop},
    {"PORT 10,0,1,1,15,160,3\r\n", kNoPort, kDrop},
    {"PORT 10,0,1,1,15,160,\r\n", kNoPort, kDrop},
    {"PORT 10.0.1.1.15.160\r\n", kNoPort, kDrop},
    {"PORTX\r\n", kNoPort, kDrop},
    {"P", kNoPort, kDrop},
    {"POR", kNoPort, kDrop},
    {"PORT", kNoPort, kDrop},
    {"PORT ", kNoPort, kDrop},
    {"PORT 10,0,1", kNoPort, kDrop},
    {" PORT 10,0,1,1,15,160\r\n", kNoPort, kNothing},
    {"NOOP\r\nPORT 10,0,1,1,15,160\r\n", kNoPort, kNothing},
    {"USER PORT 10,0,1,1,15,160\r\n", kNoPort, kNothing},
    {"227 (10,0,1,1,15,160)\r\n", kNoPort, kNothing},
    {"229 (|||4000|)\r\n", kNoPort, kNothing},
    {"PASV\r\n", kNoPort, kNothing},
    // Numbers wrap, and octets are ORed together.
    {"PORT 10,0,1,1,256,160\r\n", 160},
    {"PORT 10,0,1,1,15,256\r\n", 3840},
    {"PORT 266,0,1,1,15,160\r\n", 4000},
    {"PORT 010,000,001,001,015,160\r\n", 4000},
    {"PORT 10,0,0,257,15,160\r\n", 4000},
    {"PORT 10,0,1,1,15,99999999999\r\n", 61439},
    {"PORT 10,0,1,4294967297,15,160\r\n", 4000},
    {"PORT 10,0,1,1,,160\r\n", 160},
    {"PORT 10,0,1,1,15,\r\n", 3840},
    // Another host's address opens nothing.
    {"PORT 10,0,1,2,15,160\r\n", kNoPort, kNothing},
    {"PORT 10,0,2,1,15,160\r\n", kNoPort, kNothing},
    {"PORT ,0,1,1,15,1\r\n", kNoPort, kNothing},

    {"EPRT |1|10.0.1.1|4000|\r\n", 4000},
    {"eprt |1|10.0.1.1|4000|\r\n", 4000},
    {"EPRT |1|10.0.1.1|4000|", 4000},
    {"EPRT |1|10.0.1.1|4000|x\r\n", 4000},
    {"EPRT !1!10.0.1.1!4000!\r\n", 4000},
    {"EPRT x1x10.0.1.1x4000x\r\n", 4000},
    {"EPRT ~1~10.0.1.1~4000~\r\n", 4000},
    {"EPRT |1|010.0.1.1|4000|\r\n", 4000},
    {"EPRT |1|10.0.1.257|4000|\r\n", 4000},
    {"EPRT |1|10.0.1.1|004000|\r\n", 4000},
    {"EPRT |1|10.0.1.1|65535|\r\n", 65535},
    {"EPRT |1|10.0.1.1|99999|\r\n", 34463},
    {"EPRT |1|10.0.1.1|65536|\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1.1|0|\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1.1|4000\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1.1|4000", kNoPort, kDrop},
    {"EPRT |1|10.0.1.1", kNoPort, kDrop},
    {"EPRT |1|", kNoPort, kDrop},
    {"EPRT |1", kNoPort, kDrop},
    {"EPRT ", kNoPort, kDrop},
    {"E", kNoPort, kDrop},
    {"EPRT |2|10.0.1.1|4000|\r\n", kNoPort, kDrop},
    {"EPRT |12|10.0.1.1|4000|\r\n", kNoPort, kDrop},
    {"EPRT ||10.0.1.1|4000|\r\n", kNoPort, kDrop},
    {"EPRT |1!10.0.1.1|4000|\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1.1!4000!\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1.1|4000!\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1|4000|\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1.1.4|4000|\r\n", kNoPort, kDrop},
    {"EPRT |1||4000|\r\n", kNoPort, kDrop},
    {"EPRT |1|10,0,1,1|4000|\r\n", kNoPort, kDrop},
    {"EPRT  1 10.0.1.1 4000 \r\n", kNoPort, kDrop},
    {"EPRT \x7f"
     "1\x7f"
     "10.0.1.1\x7f"
     "4000\x7f\r\n",
     kNoPort, kDrop},
    {"EPRT .1.10.0.1.1.4000.\r\n", kNoPort, kDrop},
    {"EPRT |1|10.0.1.2|4000|\r\n", kNoPort, kNothing},
    {"EPRT |1|10...1|4000|\r\n", kNoPort, kNothing},
};

constexpr Row kOfServer[] = {
    {"227 Entering Passive Mode (10,0,2,1,15,160)\r\n", 4000},
    {"227 Entering Passive Mode 10,0,2,1,15,160\r\n", 4000},
    {"227 10,0,2,1,15,160\r\n", 4000},
    {"227 =10,0,2,1,15,160\r\n", 4000},
    {"227 (10,0,2,1,15,160", kNoPort, kDrop},
    {"227 (10,0,2,1,15,160)", 4000},
    {"227 (10,0,2,1,15,16x)\r\n", 3856},
    {"227 a\r\n(10,0,2,1,15,160)\r\n", 4000},
    {"227 a 7 (10,0,2,1,15,160)\r\n", kNoPort, kDrop},
    {"227 (10,0,2,1,15,160,1)\r\n", kNoPort, kDrop},
    {"227 (1,10,0,2,1,15,160)\r\n", kNoPort, kDrop},
    {"227 none\r\n", kNoPort, kDrop},
    {"227", kNoPort, kDrop},
    {"2", kNoPort, kDrop},
    {"227-foo\r\n 227 (10,0,2,1,15,160)\r\n", kNoPort, kNothing},
    {"227(10,0,2,1,15,160)\r\n", kNoPort, kNothing},
    {"227 (10,0,1,1,15,160)\r\n", kNoPort, kNothing},
    {"227 (10,0,2,9,15,160)\r\n", kNoPort, kNothing},
    {"200 227 (10,0,2,1,15,160)\r\n", kNoPort, kNothing},
    {"PORT 10,0,2,1,15,160\r\n", kNoPort, kNothing},

    {"229 Entering Extended Passive Mode (|||4000|)\r\n", 4000},
    {"229 (|||4000|", 4000},
    {"229 (!!!4000!)\r\n", 4000},
    {"229 (~~~4000~)\r\n", 4000},
    {"229 (|||65535|)\r\n", 65535},
    {"229 (|||70000|)\r\n", 4464},
    {"229 (|||004000|)\r\n", 4000},
    {"229 (|||4000|) (|||5000|)\r\n", 4000},
    {"229 (|||65536|)\r\n", kNoPort, kDrop},
    {"229 (|||0|)\r\n", kNoPort, kDrop},
    {"229 (|||4000", kNoPort, kDrop},
    {"229 (|||4000)\r\n", kNoPort, kDrop},
    {"229 (|||4000!)\r\n", kNoPort, kDrop},
    {"229 (||!4000|)\r\n", kNoPort, kDrop},
    {"229 (|1||4000|)\r\n", kNoPort, kDrop},
    {"229 (||| 4000|)\r\n", kNoPort, kDrop},
    {"229 (|||-4000|)\r\n", kNoPort, kDrop},
    {"229 (   4000 )\r\n", kNoPort, kDrop},
    {"229 |||4000|\r\n", kNoPort, kDrop},
    {"229 x\r\n", kNoPort, kDrop},
    {"229 ", kNoPort, kDrop},
    {"229(|||4000|)\r\n", kNoPort, kNothing},
};

TEST(FtpHelper, ReadsWhatTheClientSays) {
  for (const Row& row : kOfClient) {
    Ftp ftp;
    ftp.client("USER a\r\n");
    std::string expected = row.port ? fmt::format("expect 10.0.2.1:* > 10.0.1.1:{}", row.port)
                                    : std::string(row.answer);
    EXPECT_EQ(ftp.client(row.text), expected) << row.text;
  }
}

TEST(FtpHelper, ReadsWhatTheServerSays) {
  for (const Row& row : kOfServer) {
    Ftp ftp;
    ftp.server("220 hi\r\n");
    std::string expected = row.port ? fmt::format("expect 10.0.1.1:* > 10.0.2.1:{}", row.port)
                                    : std::string(row.answer);
    EXPECT_EQ(ftp.server(row.text), expected) << row.text;
  }
  Ftp zero;
  zero.server("220 hi\r\n");
  EXPECT_EQ(zero.server("227 (10,0,2,1,0,0)\r\n"), "expect 10.0.1.1:* > 10.0.2.1:0");
}

TEST(FtpHelper, ReadsEprtAnd229OfIpv6) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"EPRT |2|fd00::1|4000|\r\n", "expect fd01::1:* > fd00::1:4000"},
      {"EPRT |2|FD00:0:0::1|4000|\r\n", "expect fd01::1:* > fd00::1:4000"},
      {"EPRT |2|fd00:0:0:0:0:0:0.0.0.1|4000|\r\n", "expect fd01::1:* > fd00::1:4000"},
      {"EPRT a2afd00::1a4000a\r\n", "expect fd01::1:* > fd00::1:4000"},
      {"EPRT z2zfd00::1z4000z\r\n", "expect fd01::1:* > fd00::1:4000"},
      {"EPRT |2|fd00::2|4000|\r\n", ""},
      {"EPRT |1|10.0.1.1|4000|\r\n", "drop"},
      {"EPRT |2|fd00::00001|4000|\r\n", "drop"},  // Linux takes it
      {"EPRT |2|fd00:::1|4000|\r\n", "drop"},
      {"EPRT |2||4000|\r\n", "drop"},
      {"EPRT :2:fd00::1:4000:\r\n", "drop"},
      {"PORT 10,0,1,1,15,160\r\n", ""},
  };
  for (const auto& [text, expected] : rows) {
    Ftp ftp(Family::kIpv6);
    ftp.client("USER a\r\n");
    EXPECT_EQ(ftp.client(text), expected) << text;
  }
  Ftp ftp(Family::kIpv6);
  ftp.server("220 hi\r\n");
  EXPECT_EQ(ftp.server("229 x (|||4000|)\r\n"), "expect fd00::1:* > fd01::1:4000");
  EXPECT_EQ(ftp.server("227 x (10,0,2,1,15,160)\r\n"), "");
}

constexpr std::string_view kPort = "PORT 10,0,1,1,15,160\r\n";
constexpr std::string_view kExpect = "expect 10.0.2.1:* > 10.0.1.1:4000";
constexpr Direction kOriginal = Direction::kOriginal, kReply = Direction::kReply;

TEST(FtpHelper, NeverReadsTheFirstLineOfADirection) {
  Ftp ftp;
  ftp.server("220 hi\r\n");
  EXPECT_EQ(ftp.client(kPort), "");
  EXPECT_EQ(ftp.client(kPort), kExpect);
}

TEST(FtpHelper, ReadsWhereALineBegins) {
  struct Scenario {
    std::vector<std::string_view> before;
    bool is_read;
  };
  const Scenario scenarios[] = {
      {{"USER a\r\n"}, true},
      {{"USER a\n"}, true},
      {{"USER a"}, false},
      {{"USER a\r"}, false},
      {{"USER a", "\r\n"}, true},
      {{"USER a\r\nNO", "OP\r\n"}, true},
      {{"USER a\r\n", "NOOP"}, false},
      {{"USER a\r\n", ""}, true},
  };
  for (const Scenario& scenario : scenarios) {
    Ftp ftp;
    for (std::string_view text : scenario.before) ftp.client(text);
    EXPECT_EQ(ftp.client(kPort), scenario.is_read ? kExpect : "") << scenario.before.back();
  }
}

TEST(FtpHelper, ACommandInTwoPiecesIsReadWhenItIsSentAgain) {
  Ftp ftp;
  ftp.say_at(kOriginal, 92, "USER a\r\n");
  EXPECT_EQ(ftp.say_at(kOriginal, 100, kPort.substr(0, 10)), "drop");
  EXPECT_EQ(ftp.say_at(kOriginal, 110, kPort.substr(10)), "");
  EXPECT_EQ(ftp.say_at(kOriginal, 100, kPort), kExpect);
}

TEST(FtpHelper, NothingIsRememberedOfAPacketThatItDrops) {
  Ftp ftp;
  ftp.say_at(kOriginal, 92, "USER a\r\n");
  EXPECT_EQ(ftp.say_at(kOriginal, 100, "PORT 1\r\n"), "drop");
  EXPECT_EQ(ftp.say_at(kOriginal, 108, kPort), "");
  EXPECT_EQ(ftp.say_at(kOriginal, 100, kPort), kExpect);
}

TEST(FtpHelper, RemembersTheTwoHighestPlaces) {
  struct Scenario {
    std::vector<uint32_t> ends;
    std::vector<uint32_t> read;
    uint32_t not_read;
  };
  const Scenario scenarios[] = {
      {{306, 56, 106}, {306, 106}, 56},   {{306, 206, 56}, {306, 206}, 56},
      {{306, 56, 56}, {306, 56}, 0},      {{306, 206, 406}, {306, 406}, 206},
      {{206, 306, 256}, {306, 256}, 206},
  };
  for (const Scenario& scenario : scenarios) {
    auto answer_at = [&](uint32_t at) {
      Ftp ftp;
      for (uint32_t end : scenario.ends) ftp.say_at(kOriginal, end - 6, "NOOP\r\n");
      return ftp.say_at(kOriginal, at, kPort);
    };
    for (uint32_t at : scenario.read) EXPECT_EQ(answer_at(at), kExpect) << at;
    EXPECT_EQ(answer_at(scenario.not_read), "") << scenario.not_read;
  }
}

TEST(FtpHelper, LearnsNothingBeforeAnAnswer) {
  Ftp ftp;
  EXPECT_EQ(ftp.say_at(kOriginal, 92, "USER a\r\n", true, false), "");
  EXPECT_EQ(ftp.say_at(kOriginal, 100, kPort), "");
}

TEST(FtpHelper, DoesNotGuessWhatTheCaptureCutOff) {
  Ftp ftp;
  ftp.say_at(kReply, 0, "220 hi\r\n");
  EXPECT_EQ(ftp.say_at(kReply, 8, "227 Ent", false), "unknown");
  EXPECT_EQ(ftp.say_at(kReply, 8, "", false), "unknown");
}

std::string tftp(std::string_view payload, Direction direction = kOriginal, bool whole = true) {
  Packet packet;
  HelperMemory memory;
  return text_of(kTftpHelper.read({.packet = packet,
                                   .payload = payload,
                                   .whole = whole,
                                   .tuple = control(protocol::kUdp, 69),
                                   .direction = direction},
                                  memory));
}

TEST(TftpHelper, ExpectsTheServerFromAnyPortAfterARequest) {
  using namespace std::string_view_literals;
  constexpr std::string_view kAnswer = "expect 10.0.2.1:* > 10.0.1.1:3000";
  EXPECT_EQ(tftp("\0\1file\0octet\0"sv), kAnswer);
  EXPECT_EQ(tftp("\0\2file\0octet\0"sv), kAnswer);
  EXPECT_EQ(tftp("\0\1"sv), kAnswer);
  EXPECT_EQ(tftp("\0\1file\0octet\0"sv, kReply), kAnswer);
  for (std::string_view other : {"\0\0x"sv, "\0\3\0\1"sv, "\0\4\0\1"sv, "\0\5\0\1"sv, "\0\6"sv,
                                 "\1\0"sv, "\1\1x"sv, "\0"sv, ""sv}) {
    EXPECT_EQ(tftp(other), "") << other.size();
  }
  EXPECT_EQ(tftp("\0"sv, kOriginal, false), "unknown");
}

class Netbios {
 public:
  Netbios() {
    host_.add(eth0_, *Prefix::parse("192.168.1.2/24"));
    host_.add(eth0_, *Prefix::parse("192.168.7.2/28"));
    host_.add(eth1_, *Prefix::parse("10.0.0.2/8"));
  }
  std::string ask(std::string_view from, std::string_view to, bool by_eth1 = false) {
    Packet packet;
    packet.out = by_eth1 ? &eth1_ : &eth0_;
    return read(packet, from, to, &host_);
  }
  std::string forwarded(std::string_view from, std::string_view to) {
    Packet packet;
    packet.in = &eth1_;
    packet.out = &eth0_;
    return read(packet, from, to, &host_);
  }
  std::string unknown_host(std::string_view from, std::string_view to) {
    Packet packet;
    packet.out = &eth0_;
    return read(packet, from, to, nullptr);
  }

 private:
  static std::string read(const Packet& packet, std::string_view from, std::string_view to,
                          const Host* host) {
    Tuple tuple{.source = ipv4(from),
                .destination = ipv4(to),
                .source_port = 40000,
                .destination_port = 137,
                .protocol = protocol::kUdp};
    HelperMemory memory;
    HelperAnswer answer =
        kNetbiosNsHelper.read({.packet = packet, .tuple = tuple, .host = host}, memory);
    std::string text = text_of(answer);
    if (!text.empty()) text += " " + answer.expected.source_mask.text(Family::kIpv4);
    return text;
  }

  InterfaceName eth0_{"eth0"}, eth1_{"eth1"};
  Host host_;
};

TEST(NetbiosNsHelper, ExpectsTheSubnetThatThisHostAsks) {
  Netbios netbios;
  EXPECT_EQ(netbios.ask("192.168.1.2", "192.168.1.255"),
            "expect 192.168.1.255:137 > 192.168.1.2:40000 255.255.255.0");
  EXPECT_EQ(netbios.ask("192.168.7.2", "192.168.7.15"),
            "expect 192.168.7.15:137 > 192.168.7.2:40000 255.255.255.240");
  EXPECT_EQ(netbios.ask("192.168.7.2", "192.168.1.255"),
            "expect 192.168.1.255:137 > 192.168.7.2:40000 255.255.255.0");
  EXPECT_EQ(netbios.ask("10.0.0.2", "10.255.255.255", true),
            "expect 10.255.255.255:137 > 10.0.0.2:40000 255.0.0.0");
  EXPECT_EQ(netbios.ask("192.168.1.2", "192.168.1.255", true), "") << "another link's broadcast";
  EXPECT_EQ(netbios.ask("192.168.1.2", "255.255.255.255"), "");
  EXPECT_EQ(netbios.ask("192.168.1.2", "192.168.1.20"), "");
  EXPECT_EQ(netbios.ask("192.168.1.2", "192.168.1.0"), "");
  EXPECT_EQ(netbios.ask("192.168.1.2", "224.0.0.251"), "");
  EXPECT_EQ(netbios.forwarded("10.0.0.9", "192.168.1.255"), "");
  EXPECT_EQ(netbios.unknown_host("192.168.1.2", "192.168.1.255"), "");
}

}  // namespace
}  // namespace sallyport
