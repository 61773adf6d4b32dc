#include "cli/table.h"

#include <gtest/gtest.h>
#include <sstream>

namespace sallyport {
namespace {

using Mood = Cell::Mood;

const TextTable kTable{
    .header = {"policy", "first answer", "x", "what else"},
    .rows = {{{{"one"}}, {{"yes"}, Mood::kGood}, {{"NO"}, Mood::kBad}, {{"nothing"}}},
             {{{"größer, and a name that is longer than any"}},
              {{"no"}},
              {{"yes"}},
              {{"anyone on the Internet, for 3 s", "hosts"}}}}};

std::string text(const Style& style, size_t width) {
  std::ostringstream out;
  kTable.print(out, style, width);
  return out.str();
}

TEST(TextTable, WrapsHeadersAndCellsAndLeavesNoBlanksAtLineEnds) {
  EXPECT_EQ(text({}, 74), R"(                                  first
policy                            answer  x       what else

one                               yes     NO      nothing

größer, and a name that is        no      yes     anyone on the Internet,
  longer than any                                   for 3 s
                                                  hosts
)");
}

TEST(TextTable, TheLastColumnKeepsAWidthOfItsOwn) {
  EXPECT_EQ(text({}, 10), text({}, 74));
}

TEST(TextTable, ColourIsAroundTextAndChangesNoColumn) {
  std::string coloured = text({.colour = true}, 74);
  EXPECT_NE(coloured.find("\x1b[32myes\x1b[0m     \x1b[31mNO\x1b[0m      nothing\n"),
            std::string::npos)
      << coloured;
}

TEST(TextTable, MarkdownEscapesAndMarksWhatIsBad) {
  std::ostringstream out;
  TextTable{.header = {"a|b", "c"},
            .rows = {{{{"x_y <z>"}}, {{"1", "2"}}}, {{{"q"}}, {{"NO"}, Mood::kBad}}}}
      .print_markdown(out);
  EXPECT_EQ(out.str(), R"(| a\|b | c |
|---|---|
| x\_y \<z> | 1<br>2 |
| q | **NO** |
)");
}

}  // namespace
}  // namespace sallyport
