#include "cli/imported.h"

#include <gtest/gtest.h>

#include "cli/host_rules.h"

namespace sallyport {
namespace {

constexpr HashKey kKey{};

Imported import_text(std::string_view text, std::string_view sets = {}) {
  SetStore store(kKey);
  (void)import_sets(sets, store);
  return import_rules(text, Family::kIpv4, store, nullptr);
}

TEST(Imported, WhatIsKnownStaysToTheLetter) {
  const std::string text =
      "# a comment\n*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
      "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
  const Imported imported = import_text(text);
  EXPECT_EQ(imported.text, text);
  EXPECT_TRUE(imported.refused.empty());
  EXPECT_EQ(imported.taken, 1u);
  EXPECT_EQ(imported.taken_tables, std::vector<std::string>{"filter"});
}

// A chain whose line is refused takes its rules with it, and those that jump there.
TEST(Imported, WhatLeadsNowhereIsRefusedToo) {
  const Imported imported = import_text(
      "*filter\n:INPUT ACCEPT [0:0]\n:known PERHAPS [0:0]\n-A INPUT -j known\n-A known -j DROP\n"
      "-A INPUT -m time --weekdays Mon -j DROP\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n");
  ASSERT_EQ(imported.refused.size(), 4u);
  EXPECT_EQ(imported.refused[3].line, "-A INPUT -m time --weekdays Mon -j DROP");
  EXPECT_NE(imported.refused[3].why.find("time"), std::string::npos);
  EXPECT_NE(imported.text.find("\n# not taken: -A known -j DROP\n#   "), std::string::npos);
  EXPECT_EQ(imported.taken, 1u);
}

TEST(Imported, TheNatTableStays) {
  const Imported imported = import_text(
      "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j REDIRECT --to-ports 80\nCOMMIT\n"
      "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
  ASSERT_EQ(imported.refused.size(), 1u);
  EXPECT_EQ(imported.taken_tables, std::vector<std::string>{"filter"});
  EXPECT_TRUE(imported.text.starts_with("# not taken: *nat\n"));
}

TEST(Imported, SetsOfTypesThatAreNotThere) {
  SetStore sets(kKey);
  const Imported imported = import_sets(
      "create a hash:mac hashsize 1024\nadd a 00:11:22:33:44:55\nadd a 00:11:22:33:44:56\n"
      "create b hash:ip\nadd b 10.0.0.1\n",
      sets);
  ASSERT_EQ(imported.refused.size(), 1u);
  EXPECT_NE(imported.refused[0].why.find("(2 elements with it)"), std::string::npos);
  EXPECT_EQ(imported.taken, 1u);
  EXPECT_TRUE(sets.find("b") && !sets.find("a"));
}

// Nobody prints such a text; it ends all the same.
TEST(Imported, TextsThatAreNone) {
  for (const char* text : {"*filter\n", "*nat\n", "COMMIT\n", "*filter\n*nat\n", "nonsense\n",
                           "*filter\n-A INPUT\n*nat\n-A INPUT\n", "*a\n*a\nCOMMIT\nCOMMIT\n"}) {
    EXPECT_EQ(import_text(text).taken, 0u) << text;
  }
}

TEST(HostRules, OwnLines) {
  for (const char* line : {":SALLYPORT-INPUT - [0:0]", "-A INPUT -j SALLYPORT-INPUT",
                           "[5:300] -A SALLYPORT-INPUT -i lo -j RETURN"}) {
    EXPECT_TRUE(is_own_line(line)) << line;
  }
  for (const char* line :
       {":INPUT ACCEPT [0:0]", "-A INPUT -j mine",
        "-A INPUT -m comment --comment \"as -j SALLYPORT-INPUT does\" -j DROP"}) {
    EXPECT_FALSE(is_own_line(line)) << line;
  }
}

// Emptied, a table has its own chains no more, and keeps the queueing rules.
TEST(HostRules, Emptied) {
  const auto tables = parse_saved(
      "*security\n:INPUT DROP [7:8]\n:mine - [0:0]\n:SALLYPORT-INPUT - [0:0]\n"
      "[1:2] -A INPUT -j SALLYPORT-INPUT\n-A INPUT -j mine\nCOMMIT\n",
      "-nft", Family::kIpv6);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_TRUE(tables[0].has_effect());
  EXPECT_EQ(tables[0].program("-save"), "ip6tables-nft-save");
  EXPECT_EQ(tables[0].emptied(),
            "*security\n:INPUT ACCEPT [0:0]\n:SALLYPORT-INPUT - [0:0]\n"
            "[1:2] -A INPUT -j SALLYPORT-INPUT\nCOMMIT\n");
  EXPECT_EQ(tables[0].text(),
            "*security\n:INPUT DROP [7:8]\n:mine - [0:0]\n-A INPUT -j mine\nCOMMIT\n");
}

}  // namespace
}  // namespace sallyport
