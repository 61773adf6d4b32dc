#include "cli/when.h"

#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sallyport {
namespace {

// "1700000000.500000000", or nothing.
std::string when(const char* text, Instant start) {
  std::optional<Instant> at = parse_when(text, start);
  if (!at) return {};
  int64_t ns = at->time_since_epoch().count();
  return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

class When : public ::testing::Test {
 protected:
  void SetUp() override { zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  void TearDown() override { zone("UTC"); }

  // 2023-11-14 22:13:20 UTC, 23:13:20 in the zone.
  Instant start_{std::chrono::seconds(1'700'000'000) + std::chrono::milliseconds(250)};

 private:
  static void zone(const char* name) {
    setenv("TZ", name, 1);
    tzset();
  }
};

TEST_F(When, EveryFormThatIsTaken) {
  struct Row {
    const char* text;
    const char* at;
  };
  const Row rows[] = {
      {"0", "1700000000.250000000"},
      {"12.5", "1700000012.750000000"},
      {"0.000000001", "1700000000.250000001"},
      {"999999999", "2699999999.250000000"},
      {"1700000003", "1700000003.000000000"},
      {"1700000003.123456", "1700000003.123456000"},
      {"2023-11-14 23:13:25", "1700000005.000000000"},
      {"2023-11-14 23:13:25.75", "1700000005.750000000"},
      {"2023-11-14T22:13:25Z", "1700000005.000000000"},
      {"2023-07-14 22:13:25", "1689365605.000000000"},  // summer time
      {"23:13:25.5", "1700000005.500000000"},
      {"22:13:25Z", "1700000005.000000000"},
      {"23:13:20", "1700000000.000000000"},  // the second in which the capture begins
      {"00:00:01", "1700002801.000000000"},  // past midnight
  };
  for (const Row& row : rows) EXPECT_EQ(when(row.text, start_), row.at) << row.text;
}

TEST_F(When, WhatIsNoTime) {
  for (const char* text :
       {"", "x", "-1", "1.", ".5", "1.5x", "1.0000000001", "9000000001", "99999999999999999999",
        "25:00:00", "12:61:00", "12:00", "2023-11-14", "2023-11-14 12:00", "2023-13-01 12:00:00",
        "2023-11-14 12:00:00 UTC", "12:00:00.", "12:00:00Zx", "2023-11-14x12:00:00"}) {
    EXPECT_EQ(when(text, start_), "") << text;
  }
  EXPECT_EQ(when("9999-11-14 12:00:00", start_), "");  // later than an Instant can say
  EXPECT_EQ(when("1", Instant::max()), "");
}

}  // namespace
}  // namespace sallyport
