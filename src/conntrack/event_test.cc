#include "conntrack/event.h"

#include <gtest/gtest.h>

#include "conntrack/helpers/helper.h"
#include "conntrack/test_conntrack.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

constexpr const char* kClient = "10.0.1.1";
constexpr const char* kServer = "10.0.2.1";

// What `conntrack -E` tells of an event beside the tuples: "UPDATE 60 SYN_RECV", the TCP state
// where it is printed, and no timeout where the flow died of it.
std::string text_of(const FlowEvent& event) {
  std::string text;
  switch (event.kind) {
    case FlowEvent::Kind::kNew: text = "NEW"; break;
    case FlowEvent::Kind::kUpdate: text = "UPDATE"; break;
    case FlowEvent::Kind::kDestroy: text = "DESTROY"; break;
  }
  const Flow& flow = event.flow;
  if (event.when < flow.expires()) {
    text += fmt::format(" {}", (flow.expires() - event.when) / kTicksPerSecond);
  }
  bool told = event.kind != FlowEvent::Kind::kUpdate || event.changes & FlowEvent::kProtocol;
  if (told && flow.tcp().state != TcpState::kNone) {
    text += fmt::format(" {}", tcp_state_name(flow.tcp().state));
  }
  if (!(flow.status & ct_status::kSeenReply)) text += " [UNREPLIED]";
  if (flow.status & ct_status::kAssured) text += " [ASSURED]";
  if (flow.connmark) text += fmt::format(" mark={}", flow.connmark);
  return text;
}

class Listener {
 public:
  explicit Listener(const Knobs& knobs = {}) : firewall(knobs) {
    firewall.conntrack.keep_events(EventLog::kMost);
  }

  // What has happened since it was last asked.
  std::string heard() {
    std::string text;
    for (const FlowEvent& event : firewall.conntrack.events_since(last_, storage_)) {
      text += (text.empty() ? "" : ", ") + text_of(event);
      EXPECT_EQ(event.sequence, last_ + 1);
      last_ = event.sequence;
    }
    return text;
  }
  std::string tcp(double seconds, bool reply, uint8_t flags, uint32_t seq, uint32_t ack,
                  uint16_t length = 0) {
    PacketSpec what = reply ? spec(protocol::kTcp, kServer, 80, kClient, 2000)
                            : spec(protocol::kTcp, kClient, 2000, kServer, 80);
    what.tcp.flags = flags;
    what.tcp.seq = seq;
    what.tcp.ack = ack;
    what.payload.resize(length);
    firewall.pass(seconds, what);
    return heard();
  }

  Firewall firewall;

 private:
  uint64_t last_ = 0;
  std::vector<FlowEvent> storage_;
};

PacketSpec query() {
  return spec(protocol::kUdp, kClient, 1000, kServer, 53);
}
PacketSpec answer() {
  return spec(protocol::kUdp, kServer, 53, kClient, 1000);
}

constexpr uint8_t kFin = tcp_flag::kFin, kSyn = tcp_flag::kSyn, kRst = tcp_flag::kRst,
                  kAck = tcp_flag::kAck;

// Each expectation is what `conntrack -E` printed on Linux 6.18 for these packets.

TEST(Event, OfUdp) {
  Listener listener;
  Firewall& firewall = listener.firewall;
  firewall.pass(0, query());
  EXPECT_EQ(listener.heard(), "NEW 30 [UNREPLIED]");
  firewall.pass(0.1, query());
  EXPECT_EQ(listener.heard(), "");
  firewall.pass(0.2, answer());
  EXPECT_EQ(listener.heard(), "UPDATE 30");
  firewall.pass(0.3, answer());
  EXPECT_EQ(listener.heard(), "");
  firewall.pass(2.5, query());
  EXPECT_EQ(listener.heard(), "UPDATE 120 [ASSURED]");
  firewall.conntrack.reserve(1, Firewall::at(500));
  EXPECT_EQ(listener.heard(), "DESTROY [ASSURED]");
}

// A rule of REJECT resets the connection.
TEST(Event, OfAConnectionThatIsReset) {
  Listener listener;
  Conntrack& conntrack = listener.firewall.conntrack;
  listener.tcp(0, false, kSyn, 100, 0);
  listener.tcp(0.2, true, kSyn | kAck, 500, 101);
  listener.tcp(0.3, false, kAck, 101, 501);
  conntrack.close(listener.firewall.tracked.flow, Firewall::at(1));
  EXPECT_EQ(listener.heard(), "UPDATE 10 CLOSE [ASSURED]");
  conntrack.reserve(1, Firewall::at(11));
  EXPECT_EQ(listener.heard(), "DESTROY CLOSE [ASSURED]");
  conntrack.close(listener.firewall.tracked.flow, Firewall::at(12));  // there is none
  EXPECT_EQ(listener.heard(), "");
}

TEST(Event, OfTcp) {
  Listener listener;
  EXPECT_EQ(listener.tcp(0, false, kSyn, 100, 0), "NEW 120 SYN_SENT [UNREPLIED]");
  EXPECT_EQ(listener.tcp(0.1, false, kSyn, 100, 0), "");
  EXPECT_EQ(listener.tcp(0.2, true, kSyn | kAck, 500, 101), "UPDATE 60 SYN_RECV");
  EXPECT_EQ(listener.tcp(0.3, false, kAck, 101, 501), "UPDATE 432000 ESTABLISHED [ASSURED]");
  EXPECT_EQ(listener.tcp(0.4, false, kAck, 101, 501, 10), "");
  EXPECT_EQ(listener.tcp(0.5, true, kAck, 501, 111), "");
  EXPECT_EQ(listener.tcp(0.6, false, kFin | kAck, 111, 501), "UPDATE 120 FIN_WAIT [ASSURED]");
  EXPECT_EQ(listener.tcp(0.7, true, kFin | kAck, 501, 112), "UPDATE 30 LAST_ACK [ASSURED]");
  EXPECT_EQ(listener.tcp(0.8, false, kAck, 112, 502), "UPDATE 120 TIME_WAIT [ASSURED]");
  EXPECT_EQ(listener.tcp(0.9, false, kSyn, 90000, 0),
            "DESTROY 119 TIME_WAIT [ASSURED], NEW 120 SYN_SENT [UNREPLIED]");
  // The answer that ends the flow is not told as one.
  EXPECT_EQ(listener.tcp(1, true, kRst | kAck, 0, 90001), "DESTROY 119 CLOSE [UNREPLIED]");
}

TEST(Event, OfATcpFlowThatKeepsItsState) {
  Listener listener;
  EXPECT_EQ(listener.tcp(0, false, kAck, 5, 5), "NEW 300 ESTABLISHED [UNREPLIED]");
  EXPECT_EQ(listener.tcp(0.1, true, kAck, 5, 5), "UPDATE 300");
  EXPECT_EQ(listener.tcp(0.2, false, kAck, 5, 5), "UPDATE 432000 [ASSURED]");
}

TEST(Event, OfAMark) {
  Listener listener;
  Firewall& firewall = listener.firewall;
  auto pass_with_mark = [&](const PacketSpec& what, uint32_t mark) {
    Packet packet = firewall.arrive(what);
    firewall.conntrack.reserve(1, Firewall::at(0));
    Tracked tracked = firewall.conntrack.track(packet, {}, Firewall::at(0));
    firewall.conntrack.set_connmark(tracked.flow, mark);
    firewall.conntrack.confirm(packet, tracked, Firewall::at(0));
    return listener.heard();
  };
  EXPECT_EQ(pass_with_mark(query(), 5), "NEW 30 [UNREPLIED] mark=5");
  EXPECT_EQ(pass_with_mark(query(), 5), "");
  EXPECT_EQ(pass_with_mark(query(), 6), "UPDATE 30 [UNREPLIED] mark=6");
}

TEST(Event, OfALabel) {
  Listener listener;
  Firewall& firewall = listener.firewall;
  firewall.conntrack.enable_extensions();
  auto pass_with_label = [&](uint8_t label) {
    Packet packet = firewall.arrive(query());
    firewall.conntrack.reserve(1, Firewall::at(0));
    Tracked tracked = firewall.conntrack.track(packet, {}, Firewall::at(0));
    firewall.conntrack.set_label(tracked.flow, label);
    firewall.conntrack.confirm(packet, tracked, Firewall::at(0));
    return listener.heard();
  };
  EXPECT_EQ(pass_with_label(5), "NEW 30 [UNREPLIED]");
  EXPECT_EQ(pass_with_label(5), "");
  EXPECT_EQ(pass_with_label(127), "UPDATE 30 [UNREPLIED]");
  std::vector<FlowEvent> storage;
  auto events = firewall.conntrack.events_since(0, storage);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(events[0].labels.has(5));
  EXPECT_FALSE(events[0].labels.has(127));
  EXPECT_TRUE(events[1].labels.has(5) && events[1].labels.has(127));
  EXPECT_EQ(events[1].changes, FlowEvent::kLabels);
}

// The timer is netbios-ns's 3 s from the start, but the event has UDP's (seen on Linux 6.18).
TEST(Event, OfAQuestionThatAHelperTimes) {
  Listener listener;
  Firewall& firewall = listener.firewall;
  Host host;
  host.add(firewall.interface, *Prefix::parse("10.0.1.1/24"));
  firewall.conntrack.know_host(host);
  firewall.conntrack.enable_extensions();
  firewall.helper = &kNetbiosNsHelper;
  Packet question = firewall.arrive(spec(protocol::kUdp, kClient, 137, "10.0.1.255", 137));
  question.in = nullptr;
  question.out = &firewall.interface;
  firewall.pass(0, question);
  EXPECT_EQ(listener.heard(), "NEW 30 [UNREPLIED]");
  EXPECT_EQ(firewall.left(0), 3);
}

TEST(Event, WhatADroppedPacketChangedIsToldLater) {
  Listener listener;
  listener.firewall.drop(0, query());
  EXPECT_EQ(listener.heard(), "");
  listener.firewall.pass(0, query());
  EXPECT_EQ(listener.heard(), "NEW 30 [UNREPLIED]");
  listener.firewall.drop(1, answer());
  EXPECT_EQ(listener.heard(), "");
  listener.firewall.pass(1, query());
  EXPECT_EQ(listener.heard(), "UPDATE 30");
}

TEST(Event, OfAFlowThatIsGivenUp) {
  Knobs knobs;
  knobs.max = 1;
  knobs.acct = 1;
  Listener listener(knobs);
  listener.firewall.pass(0, query());
  listener.heard();
  listener.firewall.pass(1, spec(protocol::kUdp, kClient, 1001, kServer, 53));
  std::vector<FlowEvent> storage;
  auto events = listener.firewall.conntrack.events_since(1, storage);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].why, FlowEvent::Why::kEarlyDrop);
  EXPECT_EQ(events[0].reply, invert(events[0].flow.tuple()));
  EXPECT_TRUE(events[0].counted);
  EXPECT_EQ(events[0].counters.packets[0], 1u);
  EXPECT_EQ(events[1].kind, FlowEvent::Kind::kNew);
}

TEST(Event, NothingIsKeptBeforeSomebodyListens) {
  Firewall firewall;
  std::vector<FlowEvent> storage;
  firewall.pass(0, query());
  EXPECT_TRUE(firewall.conntrack.events_since(0, storage).empty());
  firewall.conntrack.keep_events(1);
  firewall.pass(1, answer());
  firewall.conntrack.reserve(1, Firewall::at(100));
  // Only the last of the two was kept, and its number says so.
  auto events = firewall.conntrack.events_since(0, storage);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].sequence, 2u);
  EXPECT_EQ(events[0].why, FlowEvent::Why::kTimeout);
  EXPECT_EQ(events[0].when, Firewall::at(31));
  EXPECT_EQ(events[0].flow.last_seen(), Firewall::at(1));
  EXPECT_TRUE(firewall.conntrack.events_since(2, storage).empty());
}

TEST(EventRing, WhoKeepsListensOnWhenOthersHaveComeAndGone) {
  EventRing<FlowEvent> ring;
  ring.keep(8);
  ring.add({});
  EXPECT_EQ(ring.join(), 1u);
  ring.add({});
  ring.leave();
  EXPECT_TRUE(ring.listening());
  EXPECT_NE(ring.at(1), nullptr);
  EXPECT_EQ(ring.last(), 2u);
}

TEST(EventRing, NobodyListensWhenTheLastHasGone) {
  EventRing<FlowEvent> ring;
  EXPECT_FALSE(ring.listening());
  ring.join();
  ring.join();
  ring.leave();
  EXPECT_TRUE(ring.listening());
  ring.leave();
  EXPECT_FALSE(ring.listening());
}

}  // namespace
}  // namespace sallyport
