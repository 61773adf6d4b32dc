#include "base/label_names.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

// Each seen with iptables-save 1.8.9 on such a file.
TEST(LabelNames, AreReadAsIptablesReadsThem) {
  LabelNames names(
      "# names of labels\n"
      "0    eth0-in\n"
      "5 five\n"
      "  7\tseven  \n"
      "0x9 nine\r\n"
      "010 eight\n"
      "\n"
      "5 cinq\n"
      "127 last\n"
      "15 123abc\n"
      "25 after");
  EXPECT_EQ(names.of(0), "eth0-in");
  EXPECT_EQ(names.of(5), "five");
  EXPECT_EQ(names.of(7), "seven");
  EXPECT_EQ(names.of(9), "nine");
  EXPECT_EQ(names.of(8), "eight");
  EXPECT_EQ(names.of(127), "last");
  EXPECT_EQ(names.of(25), "after");
  EXPECT_EQ(names.of(6), "");
  EXPECT_EQ(names.find("123abc"), 15);
  EXPECT_EQ(names.find("five"), 5);
  EXPECT_EQ(names.find("cinq"), std::nullopt);
  EXPECT_EQ(names.find("FIVE"), std::nullopt);
  EXPECT_EQ(names.find(""), std::nullopt);
}

TEST(LabelNames, OtherLinesArePassedOver) {
  for (const char* line : {"9 nine extra", "10 \"quoted\"", "10 ten # comment", "1 under_score",
                           "2 do.t", "4 a,b", "128 beyond", "-1 below", "11", "name 11", "5x five",
                           "0x five", "", "99999999999999999999 x", "08 eight"}) {
    LabelNames names(line);
    for (uint8_t label = 0; label < kMostLabels; label++) EXPECT_EQ(names.of(label), "") << line;
  }
}

}  // namespace
}  // namespace sallyport
