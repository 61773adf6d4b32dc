#include "conntrack/knobs.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Knobs, AreSetByTheirSysctlNames) {
  Knobs knobs;
  EXPECT_TRUE(knobs.set("net.netfilter.nf_conntrack_udp_timeout", "60"));
  EXPECT_EQ(knobs.udp_timeout, 60u);
  EXPECT_TRUE(knobs.set("net/netfilter/nf_conntrack_tcp_loose", " 0 "));
  EXPECT_EQ(knobs.tcp_loose, 0u);
  EXPECT_EQ(knobs.get("net.netfilter.nf_conntrack_udp_timeout"), 60u);
  EXPECT_EQ(knobs.get("net.netfilter.nonsense"), std::nullopt);
}

TEST(Knobs, OneThatChangesNothingHereIsAccepted) {
  Knobs knobs;
  EXPECT_TRUE(knobs.set("net.netfilter.nf_conntrack_buckets", "65536"));
}

TEST(Knobs, ATimeoutMayBe0) {
  for (const char* name : {"generic_timeout",
                           "icmp_timeout",
                           "icmpv6_timeout",
                           "udp_timeout",
                           "udp_timeout_stream",
                           "gre_timeout",
                           "gre_timeout_stream",
                           "tcp_timeout_syn_sent",
                           "tcp_timeout_syn_recv",
                           "tcp_timeout_established",
                           "tcp_timeout_fin_wait",
                           "tcp_timeout_close_wait",
                           "tcp_timeout_last_ack",
                           "tcp_timeout_time_wait",
                           "tcp_timeout_close",
                           "tcp_timeout_max_retrans",
                           "tcp_timeout_unacknowledged",
                           "sctp_timeout_closed",
                           "sctp_timeout_cookie_wait",
                           "sctp_timeout_cookie_echoed",
                           "sctp_timeout_established",
                           "sctp_timeout_shutdown_sent",
                           "sctp_timeout_shutdown_recd",
                           "sctp_timeout_shutdown_ack_sent",
                           "sctp_timeout_heartbeat_sent",
                           "frag6_timeout"}) {
    Knobs knobs;
    const std::string sysctl = std::string("net.netfilter.nf_conntrack_") + name;
    EXPECT_TRUE(knobs.set(sysctl, "0")) << name;
    EXPECT_EQ(knobs.get(sysctl), 0u) << name;
  }
}

TEST(Knobs, WhatIsRefusedAndWhy) {
  struct Row {
    const char *name, *value, *what;
  };
  const Row rows[] = {
      {"net.netfilter.nf_conntrack_tcp_loose", "2",
       "net.netfilter.nf_conntrack_tcp_loose takes a number from 0 to 1, not \"2\""},
      {"net.netfilter.nf_conntrack_udp_timeout", "-1",
       "net.netfilter.nf_conntrack_udp_timeout takes a number from 0 to 2147483647, not \"-1\""},
      {"net.netfilter.nf_conntrack_udp_timeout", "",
       "net.netfilter.nf_conntrack_udp_timeout takes a number from 0 to 2147483647, not \"\""},
      {"net.netfilter.nf_conntrack_udp_timeout", "99999999999999999999",
       "net.netfilter.nf_conntrack_udp_timeout takes a number from 0 to 2147483647, not "
       "\"99999999999999999999\""},
      {"nf_conntrack_udp_timeout", "3", "no such knob: nf_conntrack_udp_timeout"},
      {"net.ipv4.ip_forward", "1", "no such knob: net.ipv4.ip_forward"},
  };
  for (const Row& row : rows) {
    Knobs knobs;
    auto result = knobs.set(row.name, row.value);
    ASSERT_FALSE(result) << row.name;
    EXPECT_EQ(result.error().what, row.what);
    EXPECT_EQ(knobs.udp_timeout, Knobs{}.udp_timeout);
  }
  Knobs knobs;
  EXPECT_EQ(knobs.set("nf_conntrack_max", "3").error().hint,
            "the name is net.netfilter.nf_conntrack_max");
}

TEST(Knobs, AFileOfAWholeHost) {
  Knobs knobs;
  Diagnostics diagnostics;
  knobs.set_all(
      "# a comment\n; another\n\nnet.ipv4.ip_forward = 1\nkernel.panic=10\n"
      "net.netfilter.nf_conntrack_udp_timeout = 45\r\n"
      "-net.netfilter.nf_conntrack_max=1000\nnet.ipv4.ipfrag_time=20",
      diagnostics);
  EXPECT_TRUE(diagnostics.empty());
  EXPECT_EQ(knobs.udp_timeout, 45u);
  EXPECT_EQ(knobs.max, 1000u);
  EXPECT_EQ(knobs.ipfrag_time, 20u);
}

TEST(Knobs, AFileWithErrorsChangesNothingAndPointsAtEach) {
  Knobs knobs;
  Diagnostics diagnostics;
  knobs.set_all(
      "net.netfilter.nf_conntrack_udp_timeout = 45\n"
      "net.netfilter.nf_conntrack_udp_timeuot = 45\n"
      "  net.netfilter.nf_conntrack_tcp_loose = yes\n"
      "net.netfilter.nf_conntrack_max\n",
      diagnostics);
  ASSERT_EQ(diagnostics.count(), 3u);
  EXPECT_EQ(diagnostics.list()[0].span.line, 2u);
  EXPECT_EQ(diagnostics.list()[0].span.column, 1u);
  EXPECT_EQ(diagnostics.list()[1].span.line, 3u);
  EXPECT_EQ(diagnostics.list()[1].span.column, 42u);
  EXPECT_EQ(diagnostics.list()[1].span.length, 3u);
  EXPECT_EQ(diagnostics.list()[2].span.line, 4u);
  EXPECT_EQ(knobs.udp_timeout, 30u);
}

}  // namespace
}  // namespace sallyport
