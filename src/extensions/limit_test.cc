// -m limit over time: kernel-facts 52.
#include <gtest/gtest.h>

#include "extensions/registry.h"

namespace sallyport {
namespace {

using Options = std::vector<std::pair<Text, Text>>;

class Limit {
 public:
  explicit Limit(const Options& options) : match_(find_match("limit", Family::kIpv4)->make()) {
    for (auto [name, value] : options) {
      for (const OptionSpec& spec : match_->options()) {
        if (spec.name != name) continue;
        EXPECT_EQ(spec.read(spec, match_->object(), std::array{value}, {}, false), "");
      }
    }
    EXPECT_EQ(match_->finish({}), "");
  }
  bool ask(double seconds, bool what_if = false) {
    Packet packet;
    Context context(packet);
    context.now = kStart + static_cast<Tick>(seconds * kTicksPerSecond);
    context.what_if = what_if;
    context.memory = memory_;
    return match_->eval(context) == MatchResult::kYes;
  }
  void forget() { memory_ = {}; }
  int ask_often(double seconds, int times) {
    int granted = 0;
    for (int i = 0; i < times; i++) granted += ask(seconds);
    return granted;
  }

 private:
  static constexpr Tick kStart = 1'000'000;
  std::unique_ptr<Match> match_;
  std::array<Memory, 1> memory_{};
};

TEST(LimitMatch, ABurstThenTheRate) {
  Limit limit(Options{{"--limit", "2/sec"}});
  EXPECT_EQ(limit.ask_often(0, 20), 5);
  EXPECT_FALSE(limit.ask(0.496));
  EXPECT_TRUE(limit.ask(0.5));
  EXPECT_FALSE(limit.ask(0.996));  // refusals cost nothing
  EXPECT_TRUE(limit.ask(1.0));
  EXPECT_EQ(limit.ask_often(100, 20), 5);  // no more than the burst, however long it rested
}

TEST(LimitMatch, AQuestionCostsNothing) {
  Limit limit(Options{{"--limit", "1/hour"}, {"--limit-burst", "1"}});
  EXPECT_TRUE(limit.ask(0, true));
  EXPECT_TRUE(limit.ask(0, true));
  EXPECT_TRUE(limit.ask(0));
  EXPECT_FALSE(limit.ask(0, true));
  EXPECT_FALSE(limit.ask(3599.9));
  EXPECT_TRUE(limit.ask(3600));
}

TEST(LimitMatch, WhoHasAMemoryOfHisOwnHasACreditOfHisOwn) {
  Limit limit(Options{{"--limit", "1/hour"}, {"--limit-burst", "1"}});
  EXPECT_TRUE(limit.ask(0));
  limit.forget();
  EXPECT_TRUE(limit.ask(0));
  EXPECT_FALSE(limit.ask(0));
}

TEST(LimitMatch, TimeThatRunsBackwardsGivesNothing) {
  Limit limit(Options{{"--limit", "1/sec"}, {"--limit-burst", "1"}});
  EXPECT_TRUE(limit.ask(10));
  EXPECT_FALSE(limit.ask(5));
  EXPECT_FALSE(limit.ask(10.5));
  EXPECT_TRUE(limit.ask(11));
}

}  // namespace
}  // namespace sallyport
