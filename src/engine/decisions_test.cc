#include "engine/decisions.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

Decision decision(uint32_t rule, uint32_t status = 0) {
  Decision result;
  result.situation = {.in = InterfaceName("eth0"),
                      .out = {},
                      .status = status,
                      .connmark = 0,
                      .path = Way::Path::kInput};
  result.outcome.fate = Outcome::Fate::kAccept;
  result.outcome.rule = rule;
  result.rule_count = 1;
  result.rules[0] = rule;
  return result;
}

TEST(Decisions, OneNumberForEqualOnes) {
  Decisions decisions;
  decisions.reserve(4);
  EXPECT_EQ(decisions.add(decision(7)), 1);
  EXPECT_EQ(decisions.add(decision(8)), 2);
  EXPECT_EQ(decisions.add(decision(7)), 1);
  EXPECT_EQ(decisions.add(decision(7, 1)), 3);
}

TEST(Decisions, CountInTheirSituationOnly) {
  Decisions decisions;
  decisions.reserve(4);
  uint16_t number = decisions.add(decision(7, ct_status::kSeenReply));
  struct Arrival {
    FlowCopy flow;
    InterfaceName in{"eth0"}, out{"eth1"};
    Way way{.path = Way::Path::kInput, .in = &in};
  };
  struct {
    const char* what;
    void (*change)(Arrival&);
    bool found;
  } const cases[] = {
      {"nothing", [](Arrival&) {}, true},
      {"in", [](Arrival& a) { a.in = InterfaceName("eth1"); }, false},
      {"no in", [](Arrival& a) { a.way.in = nullptr; }, false},
      {"out", [](Arrival& a) { a.way.out = &a.out; }, false},
      {"status", [](Arrival& a) { a.flow.status |= ct_status::kAssured; }, false},
      {"connmark", [](Arrival& a) { a.flow.connmark = 1; }, false},
      {"state", [](Arrival& a) { a.flow.status = 0; }, false},
      {"path", [](Arrival& a) { a.way.path = Way::Path::kForward; }, false},
  };
  for (const auto& test : cases) {
    Arrival arrival;
    arrival.flow.status = ct_status::kSeenReply;
    test.change(arrival);
    const Decision* found = decisions.find(number, arrival.flow, arrival.way);
    EXPECT_EQ(found != nullptr, test.found) << test.what;
    EXPECT_EQ(decisions.find(0, arrival.flow, arrival.way), nullptr);
  }
}

TEST(Decisions, FindThemselvesAgainAfterGrowth) {
  Decisions decisions;
  decisions.reserve(2);
  for (uint32_t i = 0; i < 1000; i++) {
    decisions.reserve(1);
    ASSERT_EQ(decisions.add(decision(i)), i + 1);
  }
  for (uint32_t i = 0; i < 1000; i++) EXPECT_EQ(decisions.add(decision(i)), i + 1);
}

TEST(Decisions, WithoutRoomThereIsNoNumber) {
  Decisions decisions;
  EXPECT_EQ(decisions.add(decision(1)), 0);
  decisions.reserve(2 * Decisions::kMost);
  for (uint32_t i = 0; i < Decisions::kMost; i++) ASSERT_NE(decisions.add(decision(i)), 0);
  EXPECT_EQ(decisions.add(decision(Decisions::kMost)), 0);
  EXPECT_EQ(decisions.add(decision(5)), 6) << "known ones are found";
  decisions.clear();
  EXPECT_EQ(decisions.add(decision(Decisions::kMost)), 1);
}

}  // namespace
}  // namespace sallyport
