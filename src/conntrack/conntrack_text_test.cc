#include "conntrack/conntrack_text.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "conntrack/test_conntrack.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

// Printed by conntrack 1.4.7 on Linux 6.18.
constexpr std::string_view kListing =
    "ipv4     2 icmp     1 29 src=10.0.1.1 dst=10.0.2.1 type=8 code=0 id=77 [UNREPLIED] "
    "src=10.0.2.1 dst=10.0.1.1 type=0 code=0 id=77 mark=0 use=1\n"
    "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.1.1 dst=10.0.2.1 sport=1000 dport=80 "
    "src=10.0.2.1 dst=10.0.1.1 sport=80 dport=1000 [ASSURED] mark=7 use=1\n"
    "ipv4     2 tcp      6 119 SYN_SENT src=10.0.1.1 dst=10.0.2.1 sport=1001 dport=80 "
    "[UNREPLIED] src=10.0.2.1 dst=10.0.1.1 sport=80 dport=1001 mark=0 zone=5 use=1\n"
    "ipv4     2 gre      47 29 src=10.0.1.1 dst=10.0.2.1 srckey=0x0 dstkey=0x9 [UNREPLIED] "
    "src=10.0.2.1 dst=10.0.1.1 srckey=0x9 dstkey=0x0 mark=0 use=1\n"
    "ipv4     2 unknown  50 599 src=10.0.1.1 dst=10.0.2.1 [UNREPLIED] src=10.0.2.1 "
    "dst=10.0.1.1 mark=0 use=1\n";

std::string listing_of(const Conntrack& conntrack, Tick now) {
  std::vector<std::string> lines;
  conntrack.each(now, [&](FlowId, const Flow& flow) { lines.push_back(flow_text(flow, now)); });
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string sorted(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  std::ranges::sort(lines);
  std::string result;
  for (const std::string& line : lines) result += line + "\n";
  return result;
}

TEST(ConntrackText, AListingComesBackAsItWas) {
  Firewall firewall;
  Diagnostics diagnostics;
  firewall.conntrack.load(kListing, Firewall::at(0), diagnostics);
  EXPECT_EQ(diagnostics.render("flows", kListing), "");
  EXPECT_EQ(firewall.conntrack.count(), 5u);
  EXPECT_EQ(listing_of(firewall.conntrack, Firewall::at(0)), sorted(kListing));
}

TEST(ConntrackText, TheOtherFormsSayTheSame) {
  for (std::string_view line :
       {"udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=53 src=10.0.0.2 "
        "dst=10.0.0.1 sport=53 dport=1000 mark=0 use=1",
        "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=53 packets=1 "
        "bytes=40 src=10.0.0.2 dst=10.0.0.1 sport=53 dport=1000 packets=0 bytes=0 mark=0 zone=0 "
        "use=2\r",
        "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=53 src=10.0.0.2 "
        "dst=10.0.0.1 sport=53 dport=1000 mark=0 use=1 id=2858961224 [start=Sat Nov 21 2026]"}) {
    auto parsed = parse_flow(line, 1);
    ASSERT_TRUE(parsed && *parsed) << line;
    EXPECT_EQ((*parsed)->tuple.text(), "udp 10.0.0.1:1000 > 10.0.0.2:53");
    EXPECT_EQ((*parsed)->timeout, 29u);
    EXPECT_EQ((*parsed)->status, ct_status::kConfirmed | ct_status::kSeenReply);
  }
  EXPECT_FALSE(
      *parse_flow("conntrack v1.4.7 (conntrack-tools): 9 flow entries have been shown.", 1));
  EXPECT_FALSE(*parse_flow("", 1));
}

TEST(ConntrackText, LoadedFlowsGoOn) {
  Firewall firewall;
  Diagnostics diagnostics;
  firewall.conntrack.load(kListing, Firewall::at(0), diagnostics);
  PacketSpec data = spec(protocol::kTcp, "10.0.2.1", 80, "10.0.1.1", 1000);
  data.tcp.flags = 16;
  data.tcp.seq = 1u << 31;
  EXPECT_EQ(firewall.pass(1, data), "ESTABLISHED reply");
  EXPECT_EQ(firewall.conntrack.find(firewall.tracked.flow)->connmark, 7u);
}

TEST(ConntrackText, ErrorsPointAndLoadNothing) {
  struct Row {
    const char* line;
    uint32_t column;
    const char* what;
  };
  const Row rows[] = {
      {"nonsense", 1, "not a line of conntrack -L"},
      {"ipv4 2 udp seventeen 29 src=10.0.0.1", 12, "expected the protocol's number"},
      {"ipv4 2 udp 17 29 src=10.0.0.999 dst=10.0.0.2", 18, "not an address of this family"},
      {"ipv4 2 udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=70000", 44, "not a number that fits here"},
      {"ipv4 2 udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2", 1,
       "a flow needs src= and dst= for both directions"},
      {"ipv4 2 tcp 6 29 OPEN src=10.0.0.1", 17, "no such TCP state"},
      {"ipv4 2 udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.9.9.9 "
       "sport=2 dport=1",
       1, "the flow goes through NAT, which is not supported yet"},
  };
  for (const Row& row : rows) {
    std::string text = std::string(kListing) + row.line;
    Firewall firewall;
    Diagnostics diagnostics;
    firewall.conntrack.load(text, Firewall::at(0), diagnostics);
    ASSERT_EQ(diagnostics.count(), 1u) << row.line;
    EXPECT_EQ(diagnostics.list()[0].what, row.what);
    EXPECT_EQ(diagnostics.list()[0].span.line, 6u);
    EXPECT_EQ(diagnostics.list()[0].span.column, row.column) << row.line;
    EXPECT_EQ(firewall.conntrack.count(), 0u);
  }
}

}  // namespace
}  // namespace sallyport
