#include "extensions/registry.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace sallyport {
namespace {

template <typename Types>
void expect_declared_well(Types types) {
  EXPECT_TRUE(std::ranges::is_sorted(types, {}, [](const auto* type) {
    return std::pair(type->traits.name, type->traits.families);
  }));
  for (const auto* type : types) {
    SCOPED_TRACE(type->traits.name);
    EXPECT_FALSE(type->traits.summary.empty());
    std::set<std::string_view> names;
    for (const OptionSpec& spec : type->options()) {
      EXPECT_TRUE(spec.name.starts_with("--"));
      EXPECT_FALSE(spec.help.empty()) << spec.name;
      EXPECT_EQ(spec.words == 0, spec.syntax.empty()) << spec.name;
      EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
      for (std::string_view alias : spec.also) {
        if (!alias.empty()) {
          EXPECT_TRUE(names.insert(alias).second) << alias;
        }
      }
    }
  }
}

TEST(Registry, MatchesAreSortedAndFullyDeclared) {
  expect_declared_well(matches());
}
TEST(Registry, TargetsAreSortedAndFullyDeclared) {
  expect_declared_well(targets());
}

TEST(Registry, WhatIsHereIsNotListedAsMissing) {
  for (const MatchType* type : matches()) EXPECT_FALSE(known_to_iptables(type->traits.name, false));
  for (const TargetType* type : targets()) EXPECT_FALSE(known_to_iptables(type->traits.name, true));
  EXPECT_TRUE(known_to_iptables("recent", false));
  EXPECT_TRUE(known_to_iptables("NFQUEUE", true));
  EXPECT_FALSE(known_to_iptables("recent", true));
}

}  // namespace
}  // namespace sallyport
