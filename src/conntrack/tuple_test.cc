#include "conntrack/tuple.h"

#include <gtest/gtest.h>

#include "packet/packet.h"

namespace sallyport {
namespace {

Tuple tuple(uint8_t protocol, uint16_t source_port, uint16_t destination_port) {
  return {.source = Address::ipv4(0x0a000001),
          .destination = Address::ipv4(0x0a000002),
          .source_port = source_port,
          .destination_port = destination_port,
          .family = Family::kIpv4,
          .protocol = protocol};
}

TEST(Tuple, TheAnswerToPortsIsPortsSwapped) {
  Tuple answer = invert(tuple(protocol::kUdp, 40000, 53));
  EXPECT_EQ(answer.text(), "udp 10.0.0.2:53 > 10.0.0.1:40000");
}

TEST(Tuple, TheAnswerToAnIcmpQueryKeepsTheIdAndChangesTheType) {
  struct Row {
    uint8_t protocol, query, answer;
  };
  for (Row row : {Row{1, 8, 0}, Row{1, 13, 14}, Row{1, 15, 16}, Row{1, 17, 18}, Row{58, 128, 129},
                  Row{58, 139, 140}}) {
    Tuple query = tuple(row.protocol, 77, static_cast<uint16_t>(row.query << 8));
    Tuple answer = invert(query);
    EXPECT_EQ(answer.source_port, 77);
    EXPECT_EQ(answer.destination_port >> 8, row.answer);
    EXPECT_EQ(invert(answer), query);
  }
}

TEST(Tuple, Text) {
  EXPECT_EQ(tuple(protocol::kIcmp, 7, 8 << 8).text(),
            "icmp 10.0.0.1 > 10.0.0.2 type 8 code 0 id 7");
  EXPECT_EQ(tuple(protocol::kIgmp, 0, 0).text(), "igmp 10.0.0.1 > 10.0.0.2");
  EXPECT_EQ(tuple(253, 0, 0).text(), "253 10.0.0.1 > 10.0.0.2");
  Tuple six{.source = *Address::parse(Family::kIpv6, "fe80::1"),
            .destination = *Address::parse(Family::kIpv6, "ff02::c"),
            .source_port = 5000,
            .destination_port = 1900,
            .family = Family::kIpv6,
            .protocol = protocol::kUdp};
  EXPECT_EQ(six.text(), "udp [fe80::1]:5000 > [ff02::c]:1900");
}

TEST(Zone, ADirectionThatIsNotNamedIsInZoneZero) {
  EXPECT_EQ((Zone{7}.in(Direction::kReply)), 7);
  EXPECT_EQ((Zone{7, Zone::Directions::kOriginal}.in(Direction::kOriginal)), 7);
  EXPECT_EQ((Zone{7, Zone::Directions::kOriginal}.in(Direction::kReply)), 0);
  EXPECT_EQ((Zone{7, Zone::Directions::kReply}.in(Direction::kReply)), 7);
  EXPECT_EQ((Zone{7, Zone::Directions::kReply}.in(Direction::kOriginal)), 0);
}

}  // namespace
}  // namespace sallyport
