#include "conntrack/flow_record.h"

#include <gtest/gtest.h>
#include <random>

#include "conntrack/conntrack.h"
#include "conntrack/helpers/helper.h"
#include "conntrack/test_conntrack.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

PacketSpec tcp(bool reply, uint8_t flags, uint32_t seq, uint32_t ack, size_t length = 0) {
  PacketSpec what = reply ? spec(protocol::kTcp, "10.0.0.9", 80, "10.0.0.1", 4000)
                          : spec(protocol::kTcp, "10.0.0.1", 4000, "10.0.0.9", 80);
  what.tcp.flags = flags;
  what.tcp.seq = seq;
  what.tcp.ack = ack;
  what.tcp.window = 1000;
  what.payload.resize(length);
  return what;
}

// All flows of one firewall, in another, through their bytes.
size_t carry_over(const Conntrack& from, Conntrack& to, Tick now) {
  size_t carried = 0;
  from.look_through(0, from.places(), [&](uint32_t place, const Flow* flow) {
    if (!flow) return;
    std::string bytes;
    append_record(from.record(place), bytes);
    const std::optional<FlowRecord> record = parse_flow_record(bytes);
    ASSERT_TRUE(record);
    carried += static_cast<bool>(to.restore(*record, {}, now));
  });
  return carried;
}

TEST(FlowRecord, AConnectionGoesOnWithItsWindows) {
  Firewall before;
  before.pass(0, tcp(false, 2, 100, 0));
  before.pass(0.1, tcp(true, 0x12, 500, 101));
  before.pass(0.2, tcp(false, 0x10, 101, 501));
  before.pass(0.3, tcp(false, 0x10, 101, 501, 200));
  Firewall after;
  ASSERT_EQ(carry_over(before.conntrack, after.conntrack, Firewall::at(1)), 1u);
  EXPECT_EQ(after.pass(1, tcp(true, 0x10, 5000, 301, 10)), "INVALID invalid-tcp-window");
  EXPECT_EQ(after.pass(1.1, tcp(true, 0x10, 501, 301, 10)), "ESTABLISHED reply");
}

TEST(FlowRecord, WhatIsOverStaysAwayAndAClockThatWasSetBackGivesNoTime) {
  Firewall before;
  before.pass(10, spec(protocol::kUdp, "10.0.0.1", 4000, "10.0.0.9", 53));
  Firewall late, early;
  EXPECT_EQ(carry_over(before.conntrack, late.conntrack, Firewall::at(40)), 0u);
  EXPECT_EQ(carry_over(before.conntrack, early.conntrack, Firewall::at(1)), 1u);
  const PacketSpec answer = spec(protocol::kUdp, "10.0.0.9", 53, "10.0.0.1", 4000);
  EXPECT_EQ(early.pass(32, answer), "NEW original");
}

TEST(FlowRecord, OneThatIsThereAlreadyStays) {
  Firewall before, after;
  before.pass(0, spec(protocol::kUdp, "10.0.0.1", 4000, "10.0.0.9", 53));
  after.pass(0, spec(protocol::kUdp, "10.0.0.9", 53, "10.0.0.1", 4000));
  EXPECT_EQ(carry_over(before.conntrack, after.conntrack, Firewall::at(1)), 0u);
}

// Whatever the bytes, what comes of them is a flow that is read from its own bytes again.
TEST(FlowRecord, BytesThatAreNoFlowAreRefused) {
  Firewall firewall;
  firewall.pass(0, tcp(false, 2, 100, 0));
  firewall.pass(0, spec(protocol::kUdp, "fd00::1", 4000, "fd00::9", 53));
  std::vector<std::string> records;
  firewall.conntrack.look_through(0, firewall.conntrack.places(),
                                  [&](uint32_t place, const Flow* flow) {
                                    if (!flow) return;
                                    FlowRecord record = firewall.conntrack.record(place);
                                    append_record(record, records.emplace_back());
                                    record.extension.emplace().helper = &kFtpHelper;
                                    append_record(record, records.emplace_back());
                                  });
  ASSERT_EQ(records.size(), 4u);
  for (const std::string& record : records) {
    EXPECT_TRUE(parse_flow_record(record));
    for (size_t length = 0; length < record.size(); length++) {
      EXPECT_FALSE(parse_flow_record(std::string_view(record).substr(0, length))) << length;
    }
    EXPECT_FALSE(parse_flow_record(record + '\0'));
  }
  std::mt19937 random(1);
  size_t refused = 0;
  for (int i = 0; i < 20000; i++) {
    std::string bytes = records[random() % records.size()];
    for (int n = 0; n < 3; n++) bytes[random() % bytes.size()] = static_cast<char>(random());
    const std::optional<FlowRecord> record = parse_flow_record(bytes);
    if (!record) {
      refused++;
      continue;
    }
    std::string again;
    append_record(*record, again);
    EXPECT_TRUE(parse_flow_record(again));
  }
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace sallyport
