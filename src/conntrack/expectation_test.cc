#include "conntrack/expectation.h"

#include <gtest/gtest.h>

#include "conntrack/conntrack_text.h"
#include "conntrack/test_conntrack.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

constexpr const char* kClient = "10.0.1.1";
constexpr const char* kServer = "10.0.2.1";

PacketSpec udp(const char* from, uint16_t from_port, const char* to, uint16_t to_port,
               std::string_view payload) {
  PacketSpec result = spec(protocol::kUdp, from, from_port, to, to_port);
  result.payload.assign(payload.begin(), payload.end());
  return result;
}
PacketSpec request(uint16_t port, const char* server = kServer) {
  using namespace std::string_view_literals;
  return udp(kClient, port, server, 69, "\0\1file\0octet\0"sv);
}
PacketSpec data(uint16_t from_port, uint16_t port, const char* server = kServer) {
  using namespace std::string_view_literals;
  return udp(server, from_port, kClient, port, "\0\3\0\1"sv);
}

class Tftp : public Firewall {
 public:
  explicit Tftp(const Knobs& knobs = {}) : Firewall(knobs) {
    conntrack.enable_extensions();
    helper = &kTftpHelper;
  }
  std::vector<std::string> expectations(double seconds) {
    std::vector<std::string> lines;
    conntrack.each_expectation(at(seconds), [&](const Expectation& expectation) {
      lines.push_back(expectation_text(expectation, at(seconds)));
    });
    return lines;
  }
};

Knobs long_lived() {
  Knobs knobs;
  knobs.udp_timeout = knobs.udp_timeout_stream = 10'000;
  return knobs;
}

// What Linux 6.18 said to the same packets, but for deadlines: docs/kernel-differences.md.

TEST(Expectation, MakesAFlowRelatedOnce) {  // kernel-facts 42, 43
  Tftp firewall;
  EXPECT_EQ(firewall.pass(0, request(1000)), "NEW original");
  EXPECT_EQ(firewall.pass(0, data(1111, 1000, "10.0.2.2")), "NEW original");
  EXPECT_EQ(firewall.pass(0, data(1111, 1001)), "NEW original");
  EXPECT_EQ(firewall.pass(0, data(1111, 1000)), "RELATED original");
  EXPECT_EQ(firewall.pass(0, data(1111, 1000)), "RELATED original") << "until it is answered";
  EXPECT_EQ(firewall.pass(0, data(2222, 1000)), "NEW original");
  EXPECT_EQ(firewall.pass(0, udp(kClient, 1000, kServer, 1111, "")), "ESTABLISHED reply");
  EXPECT_EQ(firewall.pass(0, data(1111, 1000)), "ESTABLISHED original");
  const Flow* flow = firewall.conntrack.find(firewall.tracked.flow);
  EXPECT_TRUE(flow->status & ct_status::kExpected);
  EXPECT_EQ(firewall.conntrack.expected_by(firewall.tracked.flow), &kTftpHelper);
  EXPECT_EQ(firewall.conntrack.helper(firewall.tracked.flow), nullptr);
}

TEST(Expectation, IsUsedUpByAPacketThatIsDropped) {
  Tftp firewall;
  firewall.pass(0, request(1000));
  EXPECT_EQ(firewall.drop(0, data(1111, 1000)), "RELATED");
  EXPECT_EQ(firewall.pass(0, data(1111, 1000)), "NEW original");
}

TEST(Expectation, TheFlowHasItsMastersMark) {
  Tftp firewall;
  firewall.pass(0, request(1000));
  firewall.conntrack.set_connmark(firewall.tracked.flow, 7);
  firewall.pass(0, data(1111, 1000));
  EXPECT_EQ(firewall.conntrack.find(firewall.tracked.flow)->connmark, 7u);
  const Flow* master = firewall.conntrack.find(firewall.conntrack.master(firewall.tracked.flow));
  ASSERT_NE(master, nullptr);
  EXPECT_EQ(master->tuple(), (Tuple{.source = *Address::parse(Family::kIpv4, kClient),
                                    .destination = *Address::parse(Family::kIpv4, kServer),
                                    .source_port = 1000,
                                    .destination_port = 69,
                                    .protocol = protocol::kUdp}));
}

TEST(Expectation, NothingIsExpectedOfAPacketThatIsDropped) {
  Tftp firewall;
  firewall.drop(0, request(1000));
  EXPECT_EQ(firewall.pass(0, data(1111, 1000)), "NEW original");
}

TEST(Expectation, OneWaitsAtATimeAndIsRenewed) {
  Tftp firewall(long_lived());
  firewall.pass(0, request(1000));
  firewall.pass(100, request(1000));
  EXPECT_EQ(firewall.expectations(100).size(), 1u);
  EXPECT_EQ(firewall.pass(400, data(1111, 1000)), "RELATED original");
}

TEST(Expectation, LastsUntilItsDeadline) {
  for (double age : {300.0, 300.004}) {
    Tftp firewall(long_lived());
    firewall.pass(0, request(1000));
    EXPECT_EQ(firewall.expectations(age).size(), age == 300 ? 1u : 0u);
    EXPECT_EQ(firewall.pass(age, data(1111, 1000)),
              age == 300 ? "RELATED original" : "NEW original");
  }
}

TEST(Expectation, DiesWithItsMaster) {
  Tftp firewall;
  firewall.pass(0, request(1000));
  EXPECT_EQ(firewall.pass(30, data(1111, 1000)), "NEW original");
}

TEST(Expectation, OfAnotherMasterStandsInTheWay) {
  Tftp firewall(long_lived());
  // Two requests of one socket, to two ports of one server.
  firewall.pass(0, request(1000));
  PacketSpec second = request(1000);
  second.destination_port = 70;
  EXPECT_EQ(firewall.pass(0, second), "NEW original helper-drop");
  EXPECT_EQ(firewall.conntrack.count(), 1u) << "what was dropped left no flow";
  EXPECT_EQ(firewall.pass(0, request(1000, "10.0.2.2")), "NEW original");
  EXPECT_EQ(firewall.expectations(0).size(), 2u);
  EXPECT_EQ(firewall.pass(301, second), "NEW original") << "the first one is over";
}

TEST(Expectation, ThereAreNoMoreThanTheKnobSays) {
  Knobs knobs = long_lived();
  knobs.expect_max = 2;
  Tftp firewall(knobs);
  EXPECT_EQ(firewall.pass(0, request(1000)), "NEW original");
  EXPECT_EQ(firewall.pass(0, request(1001)), "NEW original");
  EXPECT_EQ(firewall.pass(0, request(1002)), "NEW original helper-drop");
  EXPECT_EQ(firewall.pass(0, request(1000)), "NEW original") << "its own gives way";
  EXPECT_EQ(firewall.pass(0, data(1111, 1001)), "RELATED original");
  EXPECT_EQ(firewall.pass(0, request(1002)), "NEW original");
  EXPECT_EQ(firewall.pass(301, request(1003)), "NEW original") << "those that are over make room";
}

TEST(Expectation, WithoutRoomForItAnFtpCommandIsDropped) {
  Knobs knobs;
  knobs.expect_max = 1;
  Firewall firewall(knobs);
  firewall.conntrack.enable_extensions();
  firewall.helper = &kFtpHelper;
  auto command = [&](uint16_t port) {
    auto segment = [&](bool answer, uint8_t flags, uint32_t seq, uint32_t ack,
                       std::string_view text) {
      PacketSpec result = answer ? spec(protocol::kTcp, kServer, 21, kClient, port)
                                 : spec(protocol::kTcp, kClient, port, kServer, 21);
      result.tcp.flags = flags;
      result.tcp.seq = seq;
      result.tcp.ack = ack;
      result.payload.assign(text.begin(), text.end());
      return firewall.pass(0, result);
    };
    segment(false, 0x02, 100, 0, "");
    segment(true, 0x12, 500, 101, "");
    segment(false, 0x10, 101, 501, "");
    segment(false, 0x18, 101, 501, "USER x\r\n");
    return segment(false, 0x18, 109, 501, fmt::format("PORT 10,0,1,1,4,{}\r\n", port % 10));
  };
  EXPECT_EQ(command(40000), "ESTABLISHED original");
  EXPECT_EQ(command(40001), "ESTABLISHED original helper-drop");
}

TEST(Expectation, IsOfItsZone) {
  Tftp firewall;
  firewall.pass(0, request(1000), Zone{3});
  EXPECT_EQ(firewall.pass(0, data(1111, 1000)), "NEW original");
  EXPECT_EQ(firewall.pass(0, data(1111, 1000), Zone{3}), "RELATED original");
}

TEST(Expectation, WithoutAHelperNothingIsExpected) {  // kernel-facts 39
  Tftp firewall;
  firewall.helper = nullptr;
  firewall.pass(0, request(1000));
  EXPECT_EQ(firewall.pass(0, data(1111, 1000)), "NEW original");
}

TEST(Expectation, NetbiosIsPermanentForThreeSeconds) {  // kernel-facts 44
  Tftp firewall;
  Host host;
  host.add(firewall.interface, *Prefix::parse("192.168.1.2/24"));
  firewall.conntrack.know_host(host);
  firewall.helper = &kNetbiosNsHelper;
  auto ask = [&](double seconds) {
    Packet packet = firewall.arrive(udp("192.168.1.2", 40000, "192.168.1.255", 137, "x"));
    packet.in = nullptr;
    packet.out = &firewall.interface;
    return firewall.pass(seconds, packet);
  };
  auto answer = [&](double seconds, const char* from, uint16_t port = 137) {
    return firewall.pass(seconds, udp(from, port, "192.168.1.2", 40000, "x"));
  };
  EXPECT_EQ(ask(0), "NEW original");
  EXPECT_EQ(firewall.left(0), 3);
  EXPECT_EQ(answer(0, "192.168.1.9"), "RELATED original");
  EXPECT_EQ(answer(0, "192.168.1.10"), "RELATED original");
  EXPECT_EQ(answer(0, "192.168.1.11", 138), "NEW original");
  EXPECT_EQ(answer(0, "192.168.2.9"), "NEW original");
  EXPECT_EQ(firewall.expectations(0),
            std::vector<std::string>{
                "3 proto=17 src=192.168.1.255 dst=192.168.1.2 sport=137 dport=40000 "
                "mask-src=255.255.255.0 mask-dst=255.255.255.255 sport=65535 dport=65535 "
                "master-src=192.168.1.2 master-dst=192.168.1.255 sport=40000 dport=137 "
                "PERMANENT class=0 helper=netbios-ns"});
  EXPECT_EQ(ask(2), "NEW original");
  EXPECT_EQ(answer(4.9, "192.168.1.12"), "RELATED original");
  EXPECT_EQ(answer(5, "192.168.1.13"), "NEW original") << "the question's flow is over";
}

TEST(Expectation, AsConntrackListsIt) {
  Tftp firewall;
  firewall.pass(0, request(1000));
  EXPECT_EQ(firewall.expectations(0.1),
            std::vector<std::string>{
                "299 proto=17 src=10.0.2.1 dst=10.0.1.1 sport=0 dport=1000 "
                "mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 "
                "master-src=10.0.1.1 master-dst=10.0.2.1 sport=1000 dport=69 class=0 "
                "helper=tftp"});
  FlowLine line = list_flows(firewall.conntrack, Firewall::at(0.1)).at(0);
  EXPECT_TRUE(list_text(line).ends_with(" mark=0 helper=tftp use=1")) << list_text(line);
}

// As `conntrack -E expect` told it on Linux 6.18 (with the rest of the line as it lists them).
TEST(Expectation, EventsTellOfItsLife) {
  Tftp firewall;
  firewall.conntrack.keep_expectation_events(8);
  uint64_t seen = 0;
  std::vector<ExpectationEvent> storage;
  auto heard = [&] {
    std::string text;
    for (const ExpectationEvent& event :
         firewall.conntrack.expectation_events_since(seen, storage)) {
      std::string line = event_text(event);
      text += (text.empty() ? "" : ", ") + line.substr(0, line.find(" proto="));
      EXPECT_EQ(event.sequence, ++seen);
    }
    return text;
  };
  firewall.pass(0, request(1000));
  EXPECT_EQ(heard(), "    [NEW] 300");
  firewall.pass(0.5, request(1000));
  EXPECT_EQ(heard(), "[DESTROY] 299,     [NEW] 300") << "it gave way";
  firewall.pass(1, data(1111, 1000));
  EXPECT_EQ(heard(), "[DESTROY] 299") << "fulfilled";
  firewall.pass(1, data(2222, 1000));
  EXPECT_EQ(heard(), "");
  firewall.pass(1, request(1001));
  firewall.conntrack.reserve(1, Firewall::at(32));
  EXPECT_EQ(heard(), "    [NEW] 300, [DESTROY] 270") << "with its master, after 30 s";
}

TEST(Expectation, EventsTellOfItsDeadline) {
  Tftp firewall(long_lived());
  firewall.conntrack.keep_expectation_events(8);
  firewall.pass(0, request(1000));
  firewall.conntrack.reserve(1, Firewall::at(400));
  std::vector<ExpectationEvent> storage;
  auto events = firewall.conntrack.expectation_events_since(1, storage);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].when, Firewall::at(300));
  EXPECT_TRUE(event_text(events[0]).starts_with("[DESTROY] 0 proto=17 src=10.0.2.1 "));
}

}  // namespace
}  // namespace sallyport
