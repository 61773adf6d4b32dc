#include "cli/queueing.h"

#include <gtest/gtest.h>

#include "attach/queue_rules.h"

namespace sallyport {
namespace {

using Texts = std::vector<std::string>;

HostRules with_iptables(const QueueRules& rules, const std::string& added = {}) {
  HostRules host;
  for (Family family : kFamilies) {
    // As iptables-save prints what -I has put in front.
    std::string text = iptables_text(rules, family);
    for (size_t at = 0; (at = text.find("\n-I ", at)) != std::string::npos;) text[at + 2] = 'A';
    text.insert(text.find("\n-A ") + 1, added);
    for (HostTable& table : parse_saved(text, "-nft", family)) host.tables.push_back(table);
  }
  return host;
}

// As nft 1.0.6 lists what we put in.
constexpr const char* kNft =
    "table inet sallyport {\n"
    "\tchain input {\n"
    "\t\ttype filter hook input priority security; policy accept;\n"
    "\t\tiif \"lo\" accept\n"
    "\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit } queue flags bypass to 7202\n"
    "\t\tmeta l4proto udp fib daddr type { broadcast, multicast } queue to 7201\n"
    "\t\tqueue to 7200\n"
    "\t}\n\n"
    "\tchain output {\n"
    "\t\ttype filter hook output priority security; policy accept;\n"
    "\t\tmeta mark 0x00005a11 accept\n"
    "\t}\n\n"
    "\tchain forward {\n"
    "\t\ttype filter hook forward priority security; policy accept;\n"
    "\t\tqueue to 7200\n"
    "\t}\n"
    "}\n";

TEST(Queueing, Nothing) {
  const Queueing queueing = queueing_of(HostRules{});
  EXPECT_TRUE(queueing.by.empty());
  EXPECT_EQ(queueing.missing.size(), 6u);
}

TEST(Queueing, Iptables) {
  const Queueing queueing = queueing_of(with_iptables({}));
  EXPECT_EQ(queueing.by, (Texts{"iptables-nft", "ip6tables-nft"}));
  EXPECT_EQ(queueing.missing, Texts{});
  EXPECT_EQ(queueing.preceded, Texts{});
  EXPECT_EQ(queueing.queues, (std::set<unsigned>{7200, 7201, 7202}));
  EXPECT_TRUE(queueing.closed);
  EXPECT_FALSE(queueing_of(with_iptables({.failing = QueueRules::Failing::kOpen})).closed);
}

TEST(Queueing, RulesInFront) {
  const Queueing queueing = queueing_of(with_iptables({}, "-A INPUT -i eth0 -j ACCEPT\n"));
  EXPECT_EQ(queueing.preceded, (Texts{"IPv4 INPUT", "IPv6 INPUT"}));
}

// An empty chain queues nothing, and neither does one that nothing jumps to.
TEST(Queueing, ChainsThatLackSomething) {
  HostRules host = with_iptables({});
  std::erase(host.tables[0].own, "-A INPUT -j SALLYPORT-INPUT");
  std::erase_if(host.tables[1].own,
                [](const std::string& line) { return line.starts_with("-A SALLYPORT-FORWARD "); });
  EXPECT_EQ(queueing_of(host).missing, (Texts{"IPv4 INPUT", "IPv6 FORWARD"}));
}

TEST(Queueing, Nft) {
  HostRules host;
  host.queueing = kNft;
  const Queueing queueing = queueing_of(host);
  EXPECT_EQ(queueing.by, Texts{"nft"});
  EXPECT_EQ(queueing.missing, (Texts{"IPv4 OUTPUT", "IPv6 OUTPUT"}));
  EXPECT_EQ(queueing.queues, (std::set<unsigned>{7200, 7201, 7202}));
  EXPECT_TRUE(queueing.closed);
}

// As nft listed them before 0.9.9.
TEST(Queueing, OlderNft) {
  HostRules host;
  host.queueing =
      "\tchain input {\n\t\ttype filter hook input priority 50;\n\t\tqueue num 7200 bypass\n\t}\n";
  const Queueing queueing = queueing_of(host);
  EXPECT_EQ(queueing.queues, std::set<unsigned>{7200});
  EXPECT_FALSE(queueing.closed);
}

}  // namespace
}  // namespace sallyport
