#include "attach/observation.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

ExpectedOutcome expected(std::string_view text) {
  Diagnostics diagnostics;
  std::string line = "in udp 1.1.1.1:1 > 2.2.2.2:2 => " + std::string(text);
  std::optional<ScriptPacket> packet = parse_script_line(line, 1, std::nullopt, diagnostics);
  EXPECT_TRUE(packet) << diagnostics.render("test", line);
  return *packet->expected;
}

// Accepted by filter/INPUT/2, in the reply direction of a TCP flow with 60 s to live.
Observation seen() {
  Observation observation;
  observation.fate = Outcome::Fate::kAccept;
  observation.state = CtInfo::kEstablished;
  observation.direction = Direction::kReply;
  observation.flow = SeenFlow{.status = ct_status::kConfirmed | ct_status::kSeenReply,
                              .timeout = 60,
                              .tcp = TcpState::kSynRecv};
  observation.rule = ExpectedOutcome::Rule{"filter", "INPUT", 2};
  observation.reason = Reason::kRule;
  observation.answer = {{0x45, 0xff}};
  return observation;
}

TEST(Compare, SaysWhatWasSeenWhereItDiffers) {
  struct {
    const char* expected;
    const char* difference;
  } rows[] = {
      {"ACCEPT", ""},
      {"DROP", "ACCEPT"},
      {"STOLEN INVALID", "ACCEPT, ESTABLISHED"},
      {"ACCEPT ESTABLISHED reply", ""},
      {"ACCEPT - original", "ESTABLISHED, reply"},
      {"ACCEPT timeout 60 tcp SYN_RECV status SEEN_REPLY", ""},
      {"ACCEPT timeout 59", "timeout 60"},
      {"ACCEPT timeout 61", "timeout 60"},
      {"ACCEPT tcp ESTABLISHED", "tcp SYN_RECV"},
      {"ACCEPT status SEEN_REPLY,ASSURED", "status SEEN_REPLY"},
      {"ACCEPT gone", "its flow is still there"},
      {"ACCEPT rule filter/INPUT/2 reason rule", ""},
      {"ACCEPT rule filter/INPUT/policy", "rule filter/INPUT/2"},
      {"ACCEPT rule raw/INPUT/2", "rule filter/INPUT/2"},
      {"ACCEPT rule filter/OUTPUT/2", "rule filter/INPUT/2"},
      {"ACCEPT reason policy", "reason rule"},
      {"ACCEPT answer 45ff", ""},
      {"ACCEPT answer 4500", "answer 45ff"},
      {"ACCEPT answer none", "answer 45ff"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(compare(expected(row.expected), seen()), row.difference) << row.expected;
  }
}

TEST(Compare, SaysWhatIsMissing) {
  Observation nothing = seen();
  nothing.state = CtInfo::kNone;
  nothing.direction.reset();
  nothing.flow.reset();
  nothing.rule.reset();
  nothing.answer->clear();
  struct {
    const char* expected;
    const char* difference;
  } rows[] = {
      {"ACCEPT - gone", ""},
      {"ACCEPT NEW original", "-, no direction"},
      {"ACCEPT timeout 60", "there is no flow"},
      {"ACCEPT status -", "there is no flow"},
      {"ACCEPT rule filter/INPUT/2", "no rule"},
      {"ACCEPT answer 4500", "answer none"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(compare(expected(row.expected), nothing), row.difference) << row.expected;
  }
}

TEST(Compare, AllowsForWhatTheObserverCannotTell) {
  Observation vague = seen();
  vague.fate = Outcome::Fate::kStolen;
  vague.perhaps = Outcome::Fate::kDrop;
  vague.seconds_late = 2;
  vague.reason.reset();
  vague.answer.reset();
  EXPECT_EQ(compare(expected("DROP timeout 61 reason hotdrop answer 45"), vague), "");
  EXPECT_EQ(compare(expected("STOLEN timeout 60"), vague), "");
  EXPECT_EQ(compare(expected("ACCEPT timeout 63"), vague), "STOLEN, timeout 60");
  EXPECT_EQ(compare(expected("DROP timeout 62"), vague), "");
  EXPECT_EQ(compare(expected("DROP timeout 59"), vague), "timeout 60");
  vague.flow.reset();
  EXPECT_EQ(compare(expected("DROP timeout 1"), vague), "");
  EXPECT_EQ(compare(expected("DROP timeout 2"), vague), "there is no flow");
}

TEST(TupleOf, IsTheFlowsThatAPacketSpeaksOf) {
  struct {
    const char* packet;
    const char* source;
    const char* destination;
    uint8_t protocol;
    uint16_t source_port, destination_port;
  } rows[] = {
      {"udp 1.1.1.1:7 > 2.2.2.2:9", "1.1.1.1", "2.2.2.2", protocol::kUdp, 7, 9},
      // A fragment's is the whole datagram's.
      {"udp 1.1.1.1:7 > 2.2.2.2:9 len 100 frag 40 8", "1.1.1.1", "2.2.2.2", protocol::kUdp, 7, 9},
      {"igmp 1.1.1.1 > 224.0.0.22", "1.1.1.1", "224.0.0.22", protocol::kIgmp, 0, 0},
      {"icmp 1.1.1.1 > 2.2.2.2 type 8 icmp-id 5", "1.1.1.1", "2.2.2.2", protocol::kIcmp, 5, 0x800},
      // An error speaks of the packet that it quotes.
      {"icmp 9.9.9.9 > 1.1.1.1 type 3 about ( udp 1.1.1.1:7 > 2.2.2.2:9 )", "1.1.1.1", "2.2.2.2",
       protocol::kUdp, 7, 9},
      {"gre 1.1.1.1 > 2.2.2.2 call-id 77", "1.1.1.1", "2.2.2.2", protocol::kGre, 0, 77},
      {"gre 1.1.1.1 > 2.2.2.2 key 77", "1.1.1.1", "2.2.2.2", protocol::kGre, 0, 0},
      {"udp [fd00::1]:7 > [fd00::2]:9 ext hop,dst,ah", "fd00::1", "fd00::2", protocol::kUdp, 7, 9},
  };
  for (const auto& row : rows) {
    Diagnostics diagnostics;
    std::string line = std::string("in ") + row.packet;
    std::optional<ScriptPacket> packet = parse_script_line(line, 1, std::nullopt, diagnostics);
    ASSERT_TRUE(packet) << diagnostics.render("test", line);
    Tuple tuple = tuple_of(packet->packet);
    EXPECT_EQ(tuple.source.text(tuple.family), row.source) << row.packet;
    EXPECT_EQ(tuple.destination.text(tuple.family), row.destination) << row.packet;
    EXPECT_EQ(tuple.protocol, row.protocol) << row.packet;
    EXPECT_EQ(tuple.source_port, row.source_port) << row.packet;
    EXPECT_EQ(tuple.destination_port, row.destination_port) << row.packet;
  }
}

}  // namespace
}  // namespace sallyport
