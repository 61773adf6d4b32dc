#include "base/diagnostic.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Diagnostics, PointAtTheirPlace) {
  Diagnostics diagnostics;
  diagnostics.add({{2, 4, 7}, "no such option", "try --dport"});
  EXPECT_EQ(diagnostics.render("rules.v4", "*filter\n-A --dprot 1\nCOMMIT\n"),
            "rules.v4:2:4: error: no such option\n"
            "  -A --dprot 1\n"
            "     ^~~~~~~\n"
            "  hint: try --dport\n");
}

TEST(Diagnostics, NeverSendControlBytesToATerminal) {
  Diagnostics diagnostics;
  diagnostics.add({{1, 2, 1}, "strange byte", ""});
  EXPECT_EQ(diagnostics.render("f", "a\x1b[31m\n"), "f:1:2: error: strange byte\n  a?[31m\n   ^\n");
}

TEST(Diagnostics, ShowOfALongLineWhatIsAroundTheError) {
  std::string text = std::string(200, 'a') + "ERROR" + std::string(200, 'b');
  Diagnostics diagnostics;
  diagnostics.add({{1, 201, 5}, std::string(400, 'x'), ""});
  EXPECT_EQ(diagnostics.render("f", text),
            "f:1:201: error: " + std::string(300, 'x') + " ...\n  " + std::string(80, 'a') +
                "ERROR" + std::string(75, 'b') + "\n  " + std::string(80, ' ') + "^~~~~\n");
}

TEST(Diagnostics, CountWhatTheyDoNotKeep) {
  Diagnostics diagnostics;
  for (int i = 0; i < 250; i++) diagnostics.add({{1, 1, 0}, "x", ""});
  EXPECT_EQ(diagnostics.list().size(), Diagnostics::kMost);
  EXPECT_TRUE(diagnostics.render("f", "").ends_with("f: 150 more errors\n"));
}

TEST(Diagnostics, AnErrorPastTheEndOfTheTextIsShownWithoutItsLine) {
  Diagnostics diagnostics;
  diagnostics.add({{9, 1, 0}, "COMMIT is missing", ""});
  EXPECT_EQ(diagnostics.render("f", "*filter\n"), "f:9:1: error: COMMIT is missing\n  \n  ^\n");
}

}  // namespace
}  // namespace sallyport
