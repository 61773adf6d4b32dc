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
                      .info = CtInfo::kEstablished,
                      .path = Way::Path::kInput};
  result.verdict = Verdict::kAccept;
  result.rule = result.filter_rule = rule;
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
  uint16_t number = decisions.add(decision(7));
  ASSERT_NE(decisions.find(number, decision(7).situation), nullptr);
  EXPECT_EQ(decisions.find(number, decision(7).situation)->rule, 7u);
  EXPECT_EQ(decisions.find(0, decision(7).situation), nullptr);
  struct {
    const char* what;
    void (*change)(Situation&);
  } const changes[] = {
      {"in", [](Situation& s) { s.in = InterfaceName("eth1"); }},
      {"out", [](Situation& s) { s.out = InterfaceName("eth1"); }},
      {"status", [](Situation& s) { s.status = ct_status::kAssured; }},
      {"connmark", [](Situation& s) { s.connmark = 1; }},
      {"state", [](Situation& s) { s.info = CtInfo::kNew; }},
      {"path", [](Situation& s) { s.path = Way::Path::kForward; }},
  };
  for (const auto& change : changes) {
    Situation other = decision(7).situation;
    change.change(other);
    EXPECT_EQ(decisions.find(number, other), nullptr) << change.what;
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
