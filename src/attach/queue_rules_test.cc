#include "attach/queue_rules.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

QueueRules with_administrators() {
  return {.administrators = {*Prefix::parse("192.0.2.7"), *Prefix::parse("2001:db8::/64")}};
}

TEST(QueueRules, OfNftStandInATableOfTheirOwn) {
  EXPECT_EQ(nft_text(with_administrators()), R"(table inet sallyport
delete table inet sallyport
table inet sallyport {
  chain input {
    type filter hook input priority security; policy accept;
    iif lo accept
    ip saddr 192.0.2.7/32 queue flags bypass to 7202
    ip6 saddr 2001:db8::/64 queue flags bypass to 7202
    icmpv6 type { 133, 134, 135, 136 } queue flags bypass to 7202
    meta l4proto udp fib daddr type { broadcast, multicast } queue to 7201
    queue to 7200
  }
  chain output {
    type filter hook output priority security; policy accept;
    meta mark 0x5a11 accept
    oif lo queue flags bypass to 7202
    ip daddr 192.0.2.7/32 queue flags bypass to 7202
    ip6 daddr 2001:db8::/64 queue flags bypass to 7202
    icmpv6 type { 133, 134, 135, 136 } queue flags bypass to 7202
    meta l4proto udp fib daddr type { broadcast, multicast } queue to 7201
    queue to 7200
  }
  chain forward {
    type filter hook forward priority security; policy accept;
    meta l4proto udp fib daddr type { broadcast, multicast } queue to 7201
    queue to 7200
  }
}
)");
}

TEST(QueueRules, SomeQueuesShareWhatIsJudgedByItsHeaders) {
  const QueueRules rules{.first_queue = 10, .balance = 4};
  EXPECT_TRUE(nft_text(rules).find("    queue to 10-13\n") != std::string::npos);
  const std::string text = iptables_text(rules, Family::kIpv6);
  EXPECT_TRUE(text.find("-A SALLYPORT-FORWARD -j NFQUEUE --queue-balance 10:13\n") !=
              std::string::npos);
  EXPECT_TRUE(text.find("-d ff00::/8 -p udp -j NFQUEUE --queue-num 14\n") != std::string::npos);
  EXPECT_TRUE(text.find("-o lo -j NFQUEUE --queue-num 15 --queue-bypass\n") != std::string::npos);
}

TEST(QueueRules, OfIptablesStandInChainsOfTheirOwn) {
  EXPECT_EQ(iptables_text({.first_queue = 5, .failing = QueueRules::Failing::kOpen}, Family::kIpv4),
            R"(*security
:SALLYPORT-INPUT - [0:0]
:SALLYPORT-OUTPUT - [0:0]
:SALLYPORT-FORWARD - [0:0]
-I INPUT -j SALLYPORT-INPUT
-I OUTPUT -j SALLYPORT-OUTPUT
-I FORWARD -j SALLYPORT-FORWARD
-A SALLYPORT-INPUT -i lo -j RETURN
-A SALLYPORT-INPUT -p udp -m addrtype --dst-type BROADCAST -j NFQUEUE --queue-num 6 --queue-bypass
-A SALLYPORT-INPUT -d 224.0.0.0/4 -p udp -j NFQUEUE --queue-num 6 --queue-bypass
-A SALLYPORT-INPUT -j NFQUEUE --queue-num 5 --queue-bypass
-A SALLYPORT-OUTPUT -m mark --mark 0x5a11 -j RETURN
-A SALLYPORT-OUTPUT -o lo -j NFQUEUE --queue-num 7 --queue-bypass
-A SALLYPORT-OUTPUT -p udp -m addrtype --dst-type BROADCAST -j NFQUEUE --queue-num 6 --queue-bypass
-A SALLYPORT-OUTPUT -d 224.0.0.0/4 -p udp -j NFQUEUE --queue-num 6 --queue-bypass
-A SALLYPORT-OUTPUT -j NFQUEUE --queue-num 5 --queue-bypass
-A SALLYPORT-FORWARD -p udp -m addrtype --dst-type BROADCAST -j NFQUEUE --queue-num 6 --queue-bypass
-A SALLYPORT-FORWARD -d 224.0.0.0/4 -p udp -j NFQUEUE --queue-num 6 --queue-bypass
-A SALLYPORT-FORWARD -j NFQUEUE --queue-num 5 --queue-bypass
COMMIT
)");
}

TEST(QueueRules, OfIptablesAreOfOneFamily) {
  const std::string six = iptables_text(with_administrators(), Family::kIpv6);
  EXPECT_EQ(six.find("192.0.2.7"), std::string::npos);
  EXPECT_EQ(six.find("BROADCAST"), std::string::npos);
  EXPECT_NE(
      six.find("-A SALLYPORT-INPUT -s 2001:db8::/64 -j NFQUEUE --queue-num 7202 --queue-bypass\n"),
      std::string::npos);
  EXPECT_NE(six.find("-A SALLYPORT-OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j NFQUEUE "
                     "--queue-num 7202 --queue-bypass\n"),
            std::string::npos);
}

}  // namespace
}  // namespace sallyport
