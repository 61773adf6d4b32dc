#include "kernel/shrink.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace sallyport::testing {
namespace {

constexpr std::chrono::seconds kLong{60};

// What is left of `text` where a script "differs" while it holds all of `needed`.
std::string shrunk(
    const std::string& text, const std::vector<std::string>& needed,
    const Shrinker::Check& check = [](const std::string&) { return true; }) {
  auto differs = [&](const std::string& candidate) {
    return std::ranges::all_of(
        needed, [&](const std::string& part) { return candidate.find(part) != std::string::npos; });
  };
  Shrinker shrinker(check, [&](const std::vector<std::string>& candidates) {
    EXPECT_LE(candidates.size(), Shrinker::kAtOnce);
    std::vector<bool> held;
    for (const std::string& candidate : candidates) {
      EXPECT_TRUE(check(candidate)) << "tried what does not parse: " << candidate;
      held.push_back(differs(candidate));
    }
    return held;
  });
  return shrinker.shrink(text, kLong);
}

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 0; i < count; i++) text += "in udp number" + std::to_string(i) + " end\n";
  return text;
}

TEST(Shrink, OneLineOfMany) {
  EXPECT_EQ(shrunk(numbered_lines(100), {"number57 "}), "number57 end\n");
}

TEST(Shrink, LinesThatNeedEachOther) {
  EXPECT_EQ(shrunk(numbered_lines(50), {"in udp number3 ", "in udp number40 "}),
            "in udp number3 end\nin udp number40 end\n");
}

TEST(Shrink, OptionsWithTheirValues) {
  EXPECT_EQ(shrunk("in udp a > b len 5 ttl 3 tos 4\n", {"ttl 3"}), "ttl 3\n");
}

TEST(Shrink, BlocksGoWhole) {
  auto whole = [](const std::string& text) {
    return (text.find("rules <<END") == std::string::npos) ==
           (text.find("*filter\nEND") == std::string::npos);
  };
  EXPECT_EQ(shrunk("rules <<END\n*filter\nEND\nin udp x\n", {"udp"}, whole), "udp\n");
}

TEST(Shrink, NothingCanGo) {
  EXPECT_EQ(shrunk("in udp\n", {"in udp\n"}), "in udp\n");
}

TEST(Shrink, EndsInTime) {
  Shrinker shrinker(
      [](const std::string&) { return true; },
      [](const std::vector<std::string>& texts) { return std::vector<bool>(texts.size(), true); });
  EXPECT_EQ(shrinker.shrink("a\nb\n", std::chrono::seconds(0)), "a\nb\n");
}

}  // namespace
}  // namespace sallyport::testing
