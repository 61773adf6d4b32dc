#include "lang/lexer.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

std::vector<std::string> words(std::string_view line) {
  Lexer lexer;
  std::vector<std::string> result;
  if (!lexer.split(line, 1, 1)) return {"<error>"};
  for (const Token& token : lexer.tokens()) result.emplace_back(token.text);
  return result;
}
using Words = std::vector<std::string>;

// What iptables-legacy-restore 1.8.9 makes of each.
TEST(Lexer, SplitsAsIptablesRestoreDoes) {
  struct {
    const char* line;
    Words words;
  } rows[] = {
      {"-A INPUT -j ACCEPT", {"-A", "INPUT", "-j", "ACCEPT"}},
      {"  a\t b  ", {"a", "b"}},
      {"", {}},
      {R"("hello world")", {"hello world"}},
      {R"("")", {""}},
      {R"(a"b c"d)", {"ab c", "d"}},
      {R"("a\"b")", {"a\"b"}},
      {R"("a\\b")", {"a\\b"}},
      {R"("a\nb")", {"anb"}},
      {R"(a\nb)", {"a\\nb"}},
      {R"('a b')", {"'a", "b'"}},
      {"x # y", {"x", "#", "y"}},
      {"\"a\tb\"", {"a\tb"}},
  };
  for (const auto& row : rows) EXPECT_EQ(words(row.line), row.words) << row.line;
}

TEST(Lexer, KnowsWhereEachWordStands) {
  Lexer lexer;
  ASSERT_TRUE(lexer.split("a  \"b c\" d", 7, 3));
  const std::vector<Token>& tokens = lexer.tokens();
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[1].span.line, 7u);
  EXPECT_EQ(tokens[1].span.column, 6u);
  EXPECT_EQ(tokens[1].span.length, 5u);
  EXPECT_TRUE(tokens[1].quoted);
  EXPECT_EQ(tokens[2].span.column, 12u);
}

TEST(Lexer, RefusesAnOpenQuoteAndPointsAtIt) {
  Lexer lexer;
  for (std::string_view line : {"ab \"c d", "ab \"c\\\""}) {
    auto result = lexer.split(line, 2, 1);
    ASSERT_FALSE(result) << line;
    EXPECT_EQ(result.error().span.column, 4u) << line;
  }
}

TEST(Lexer, TakesAsManyWordsAsIptables) {
  Lexer lexer;
  std::string line;
  for (int i = 0; i < 251; i++) line += "w ";
  EXPECT_TRUE(lexer.split(line, 1, 1));
  auto result = lexer.split(line + "w", 1, 1);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().span.column, 503u);
}

TEST(Lexer, QuotesAsIptablesSaveDoes) {
  EXPECT_EQ(quote("hello_1"), "hello_1");
  EXPECT_EQ(quote("hello world"), "\"hello world\"");
  EXPECT_EQ(quote("a.b"), "\"a.b\"");
  EXPECT_EQ(quote("it's"), "\"it\\'s\"");
  EXPECT_EQ(quote("a\"b\\"), "\"a\\\"b\\\\\"");
  EXPECT_EQ(quote(""), "\"\"");
}

TEST(Lexer, ReadsBackWhatItQuotes) {
  for (std::string text : {"a b", "\"", "\\", "'", "", "#", "tab\there", "\xff\x01", "a\\"}) {
    EXPECT_EQ(words(quote(text)), Words{text}) << text;
  }
}

}  // namespace
}  // namespace sallyport
