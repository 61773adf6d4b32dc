#include "rules/parse.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "rules/lower.h"
#include "rules/print.h"

namespace sallyport {
namespace {

std::string errors(std::string_view text, Family family = Family::kIpv4) {
  auto rules = parse_rules(text, family);
  if (rules) return "";
  std::string result;
  for (const Diag& diag : rules.error().list()) {
    result += std::to_string(diag.span.line) + ":" + std::to_string(diag.span.column) + " " +
              diag.what + "\n";
  }
  return result;
}

TEST(ParseRules, PrintsAsIptablesSaveDoes) {
  auto rules = parse_rules(
      "# a comment\n"
      "*filter\n"
      ":INPUT DROP [5:6]\n"
      ":FORWARD ACCEPT [0:0]\n"
      ":OUTPUT ACCEPT [0:0]\n"
      ":zeta - [0:0]\n"
      ":alpha - [0:0]\n"
      "[1:2] -A INPUT -p tcp --dport ssh -j ACCEPT\n"
      "-A INPUT -s 10.0.0.0/8,192.168.0.1 ! -i eth+ -m state --state ESTABLISHED,RELATED -j zeta\n"
      "-I INPUT -j alpha\n"
      "-A zeta -g alpha\n"
      "COMMIT\n",
      Family::kIpv4);
  ASSERT_TRUE(rules) << rules.error().render("rules", "");
  EXPECT_EQ(
      print_rules(*rules, {.counters = true}),
      "*filter\n"
      ":INPUT DROP [5:6]\n"
      ":FORWARD ACCEPT [0:0]\n"
      ":OUTPUT ACCEPT [0:0]\n"
      ":alpha - [0:0]\n"
      ":zeta - [0:0]\n"
      "[0:0] -A INPUT -j alpha\n"
      "[1:2] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
      "[0:0] -A INPUT -s 10.0.0.0/8 ! -i eth+ -m state --state RELATED,ESTABLISHED -j zeta\n"
      "[0:0] -A INPUT -s 192.168.0.1/32 ! -i eth+ -m state --state RELATED,ESTABLISHED -j zeta\n"
      "[0:0] -A zeta -g alpha\n"
      "COMMIT\n");
  const Rule* rule = rules->rule(TableId::kFilter, "INPUT", 2);
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->span.line, 8u);
  EXPECT_EQ(rule->span.column, 7u);
  EXPECT_EQ(rules->rule(TableId::kFilter, "INPUT", 0), nullptr);
  EXPECT_EQ(rules->rule(TableId::kFilter, "INPUT", 5), nullptr);
  EXPECT_EQ(rules->rule(TableId::kNat, "INPUT", 1), nullptr);
}

TEST(ParseRules, FindsAllErrorsOfAFile) {
  EXPECT_EQ(errors("*filter\n"
                   "-A INPUT --dport 22 -j ACCEPT\n"
                   "-A NOWHERE -j ACCEPT\n"
                   "-A INPUT -j ACEPT\n"
                   "-A INPUT -p tcp --dport 65536\n"
                   "COMMIT\n"),
            "2:10 --dport needs -p tcp\n"
            "3:4 there is no chain 'NOWHERE' here\n"
            "4:13 unknown target or chain 'ACEPT'\n"
            "5:25 --dport: '65536' is not a number from 0 to 65535\n");
}

TEST(ParseRules, WantsTheFramesOfATable) {
  struct {
    const char* text;
    const char* errors;
  } rows[] = {
      {"", ""},
      {"# nothing\n\n", ""},
      {"*filter\nCOMMIT\n", ""},
      {"*filter\nCOMMIT", ""},
      {"*filter\n", "2:1 COMMIT is missing at the end of the table\n"},
      {"-A INPUT\n-A OUTPUT\n", "1:1 this line stands in no table\n"},
      {"COMMIT\n", "1:1 COMMIT without a table\n"},
      {"*filter\nCOMMIT\n-A INPUT --bogus\n", "3:1 this line stands in no table\n"},
      {"*filter\nCOMMIT\nCOMMIT\n", "3:1 COMMIT without a table\n"},
      {"*flter\n-A INPUT\nCOMMIT\nfoo\n",
       "1:1 there is no table 'flter'\n4:1 this line stands in no table\n"},
      {"*bogus\n-A INPUT\nCOMMIT\n", "1:1 there is no table 'bogus'\n"},
      {"*filter\n*nat\nCOMMIT\n", "2:1 COMMIT is missing before this table\n"},
      {"*filter\nCOMMIT\n*filter\nCOMMIT\n", "3:1 table filter is given twice\n"},
      {"*filter\r\nCOMMIT\r\n", "1:8 the lines end in carriage returns\n"},
      {"*filter\n:u DROP [0:0]\nCOMMIT\n", "2:4 chain u is no built-in one and has no policy\n"},
      {"*filter\n:INPUT REJECT\nCOMMIT\n", "2:8 'REJECT' is not a policy\n"},
      {"*filter\n:INPUT\nCOMMIT\n", "2:1 a chain's line is ':NAME POLICY [packets:bytes]'\n"},
      {"*filter\n:INPUT DROP [x:y]\nCOMMIT\n", "2:13 '[x:y]' is not [packets:bytes]\n"},
      {"*filter\n-A INPUT\n-D INPUT 1\n-F\n-Z OUTPUT\nCOMMIT\n",
       "3:1 -D does not belong in a rule file\n4:1 -F does not belong in a rule file\n"
       "5:1 -Z does not belong in a rule file\n"},
      {"*filter\n[1:2\nCOMMIT\n", "2:1 the counters before a rule are [packets:bytes]\n"},
      {"*filter\n[1:2]\nCOMMIT\n", "2:1 counters without a rule\n"},
      {"*filter\n:ACCEPT - [0:0]\nCOMMIT\n",
       "2:2 a chain cannot be called ACCEPT, which is a target\n"},
      {"*filter\n:abcdefghijklmnopqrstuvwxyz012 -\nCOMMIT\n",
       "2:2 chain name 'abcdefghijklmnopqrstuvwxyz012' has more than 28 bytes\n"},
  };
  for (const auto& row : rows) EXPECT_EQ(errors(row.text), row.errors) << row.text;
}

TEST(ParseRules, RefusesCircles) {
  EXPECT_EQ(errors("*filter\n:a -\n:b -\n-A INPUT -j a\n-A a -j b\n-A b -g a\nCOMMIT\n"),
            "6:1 chains jump in a circle: b leads back to a\n");
  EXPECT_EQ(errors("*filter\n:a -\n-A a -j a\nCOMMIT\n"),
            "3:1 chains jump in a circle: a leads back to a\n");
  EXPECT_EQ(errors("*filter\n:a -\n:b -\n-A INPUT -j a\n-A INPUT -j b\n-A a -j b\nCOMMIT\n"), "");
}

TEST(ParseRules, RefusesAnAbyss) {
  auto nest = [](int depth) {
    std::string text = "*filter\n";
    for (int i = 0; i < depth; i++) text += ":c" + std::to_string(i) + " -\n";
    for (int i = 0; i + 1 < depth; i++) {
      text += "-A c" + std::to_string(i) + " -j c" + std::to_string(i + 1) + "\n";
    }
    return text + "COMMIT\n";
  };
  EXPECT_EQ(errors(nest(512)), "");
  EXPECT_EQ(errors(nest(513)), "2:2 chains are nested deeper than 512\n");
}

// As iptables-legacy-save prints it after this text.
TEST(ParseRules, InsertsInReverseWhereOneLineIsSeveralRules) {
  auto rules = parse_rules(
      "*filter\n-A INPUT -s 9.9.9.9 -j DROP\n-I INPUT -s 1.1.1.1,2.2.2.2 -j ACCEPT\n"
      "-I INPUT 2 -s 3.3.3.3,4.4.4.4 -d 5.5.5.5,6.6.6.6\n-I INPUT 8 -s 7.7.7.7\n"
      "-P OUTPUT DROP\n-N x\n-A x\nCOMMIT\n",
      Family::kIpv4);
  ASSERT_TRUE(rules) << rules.error().render("rules", "");
  EXPECT_EQ(print_rules(*rules),
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n"
            ":x - [0:0]\n"
            "-A INPUT -s 2.2.2.2/32 -j ACCEPT\n"
            "-A INPUT -s 4.4.4.4/32 -d 6.6.6.6/32\n"
            "-A INPUT -s 4.4.4.4/32 -d 5.5.5.5/32\n"
            "-A INPUT -s 3.3.3.3/32 -d 6.6.6.6/32\n"
            "-A INPUT -s 3.3.3.3/32 -d 5.5.5.5/32\n"
            "-A INPUT -s 1.1.1.1/32 -j ACCEPT\n"
            "-A INPUT -s 9.9.9.9/32 -j DROP\n"
            "-A INPUT -s 7.7.7.7/32\n"
            "-A x\nCOMMIT\n");
  EXPECT_EQ(errors("*filter\n-A INPUT\n-I INPUT 3\nCOMMIT\n"),
            "3:10 3 is past the end of chain INPUT, which has 1 so far\n");
  EXPECT_EQ(errors("*filter\n-I INPUT 0\nCOMMIT\n"), "2:10 '0' is not a rule number, from 1\n");
  EXPECT_EQ(errors("*filter\n-N INPUT\n-P x DROP\n-P INPUT REJECT\nCOMMIT\n"),
            "2:4 there is a chain 'INPUT' already\n3:4 'x' is not a built-in chain\n"
            "4:10 'REJECT' is not a policy\n");
}

TEST(ParseRules, OneLineStandsForSoManyRulesAndNoMore) {
  auto line = [](int sources, int destinations) {
    std::string text = "*filter\n-A INPUT -s 10.0.0.1";
    for (int i = 1; i < sources; i++) text += ",10.0.0.1";
    text += " -d 10.0.0.2";
    for (int i = 1; i < destinations; i++) text += ",10.0.0.2";
    return text + "\nCOMMIT\n";
  };
  auto rules = parse_rules(line(256, 256), Family::kIpv4);
  ASSERT_TRUE(rules);
  EXPECT_NE(rules->rule(TableId::kFilter, "INPUT", 65536), nullptr);
  EXPECT_EQ(errors(line(257, 256)), "2:1 this line stands for more than 65536 rules\n");
}

TEST(Lowering, MakesAProgramWithTheRulesOfTheText) {
  auto rules = parse_rules(
      "*filter\n:u -\n-A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j u\n"
      "-A INPUT -m state --state NEW -j DROP\n-A u -j ACCEPT\n-A u -j ACCEPT\nCOMMIT\n",
      Family::kIpv4);
  ASSERT_TRUE(rules);
  auto program = compile(*rules);
  EXPECT_TRUE(program->needs_conntrack);
  std::vector<uint64_t> identities;
  for (const RuleInfo& info : program->rules) {
    if (info.number > 0) identities.push_back(info.identity);
  }
  ASSERT_EQ(identities.size(), 4u);
  std::ranges::sort(identities);
  EXPECT_EQ(std::ranges::adjacent_find(identities), identities.end());
  EXPECT_EQ(program->rules[0].text, "-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j u");
  EXPECT_EQ(program->rules[0].target, "u");
  EXPECT_EQ(program->rules[0].span.line, 3u);
}

TEST(Lowering, GivesEachLimitAMemoryOfItsOwn) {
  auto rules = parse_rules(
      "*filter\n-A INPUT -m limit --limit 1/s -m limit --limit 2/s -j ACCEPT\n"
      "-A INPUT -j DROP\n-A OUTPUT -m limit -j ACCEPT\nCOMMIT\n",
      Family::kIpv4);
  ASSERT_TRUE(rules);
  EXPECT_EQ(compile(*rules)->memories, 3u);
}

}  // namespace
}  // namespace sallyport
