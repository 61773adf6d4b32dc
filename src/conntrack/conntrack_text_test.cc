#include "conntrack/conntrack_text.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>

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
  for (const FlowLine& line : list_flows(conntrack, now)) {
    lines.push_back(list_text(line, {.extended = true}));
  }
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

// Flows of all kinds in every form that Linux and conntrack print: record_listings.sh.
TEST(ConntrackText, EveryLineThatLinuxPrintsLoads) {
  std::ifstream file(SALLYPORT_SOURCE_DIR "/tests/kernel/listings.txt");
  size_t listings = 0;
  Firewall firewall;
  auto finish = [&] {
    if (listings == 0) return;
    Tick now = Firewall::at(0);
    std::string printed = listing_of(firewall.conntrack, now);
    Firewall other;
    Diagnostics diagnostics;
    other.conntrack.load(printed, now, diagnostics);
    EXPECT_EQ(diagnostics.render("flows", printed), "");
    EXPECT_EQ(listing_of(other.conntrack, now), printed);
  };
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# ")) continue;
    if (line.starts_with("##")) {
      finish();
      std::destroy_at(&firewall);
      std::construct_at(&firewall);
      listings++;
      continue;
    }
    size_t count = firewall.conntrack.count();
    Diagnostics diagnostics;
    firewall.conntrack.load(line, Firewall::at(0), diagnostics);
    EXPECT_EQ(diagnostics.render("listings.txt", line), "");
    EXPECT_EQ(firewall.conntrack.count(), count + 1) << line;
  }
  finish();
  EXPECT_EQ(listings, 6u);
}

// Each recorded line is read, and printed again to the letter.
TEST(ConntrackText, EveryLineIsPrintedAsLinuxPrintsIt) {
  std::ifstream file(SALLYPORT_SOURCE_DIR "/tests/kernel/listings.txt");
  std::string listing;
  size_t lines = 0;
  for (std::string text; std::getline(file, text);) {
    if (text.starts_with("#")) {
      listing = text;
      continue;
    }
    Result<std::optional<FlowLine>> line = parse_flow(text, 1);
    ASSERT_TRUE(line && *line) << text;
    FlowLine& flow = **line;
    if (listing.starts_with("## cat")) {
      flow.uses--;  // the reader's
      EXPECT_EQ(proc_text(flow), text);
    } else {
      EXPECT_EQ(list_text(flow, {.extended = listing.find("extended") != std::string::npos,
                                 .id = listing.find("id") != std::string::npos}),
                text);
    }
    lines++;
  }
  EXPECT_EQ(lines, 145u);
}

// With accounting and timestamps, which a listing that was loaded goes on with.
TEST(ConntrackText, ListFlowsSaysAllThatIsKnownOfAFlow) {
  Knobs knobs;
  knobs.acct = 1;
  knobs.timestamp = 1;
  Firewall firewall(knobs);
  Diagnostics diagnostics;
  firewall.conntrack.load(
      "udp      17 20 src=10.0.0.2 dst=10.0.0.9 sport=7 dport=9 packets=1 bytes=100 [UNREPLIED] "
      "src=10.0.0.9 dst=10.0.0.2 sport=9 dport=7 packets=0 bytes=0 mark=5 delta-time=10 use=1\n",
      Firewall::at(0), diagnostics);
  EXPECT_EQ(firewall.pass(1, spec(protocol::kUdp, "10.0.0.9", 9, "10.0.0.2", 7)),
            "ESTABLISHED reply");
  EXPECT_EQ(firewall.pass(1.5, spec(protocol::kUdp, "10.0.0.1", 7, "10.0.0.9", 9)), "NEW original");
  EXPECT_EQ(firewall.pass(1.5, spec(protocol::kUdp, "fe80::1", 7, "fe80::9", 9)), "NEW original");
  std::vector<FlowLine> lines = list_flows(firewall.conntrack, Firewall::at(2.5));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(list_text(lines[0]),
            "udp      17 29 src=10.0.0.1 dst=10.0.0.9 sport=7 dport=9 packets=1 bytes=28 "
            "[UNREPLIED] src=10.0.0.9 dst=10.0.0.1 sport=9 dport=7 packets=0 bytes=0 mark=0 "
            "delta-time=1 use=1");
  EXPECT_EQ(list_text(lines[1]),
            "udp      17 28 src=10.0.0.2 dst=10.0.0.9 sport=7 dport=9 packets=1 bytes=100 "
            "src=10.0.0.9 dst=10.0.0.2 sport=9 dport=7 packets=1 bytes=28 mark=5 delta-time=12 "
            "use=1");
  EXPECT_EQ(proc_text(lines[2]),
            "ipv6     10 udp      17 29 src=fe80:0000:0000:0000:0000:0000:0000:0001 "
            "dst=fe80:0000:0000:0000:0000:0000:0000:0009 sport=7 dport=9 packets=1 bytes=48 "
            "[UNREPLIED] src=fe80:0000:0000:0000:0000:0000:0000:0009 "
            "dst=fe80:0000:0000:0000:0000:0000:0000:0001 sport=9 dport=7 packets=0 bytes=0 mark=0 "
            "zone=0 delta-time=1 use=2");
  EXPECT_EQ(list_flows(firewall.conntrack, Firewall::at(31)).size(), 2u);
  EXPECT_EQ(list_flows(firewall.conntrack, Firewall::at(31.5)).size(), 0u);
}

// As a router's documentation shows them (Linux, nf_flowtable.rst): no timer, no TCP state.
TEST(ConntrackText, AnOffloadedFlowIsAlive) {
  Firewall firewall;
  Diagnostics diagnostics;
  firewall.conntrack.load(
      "tcp      6 src=10.141.10.2 dst=192.168.10.2 sport=52728 dport=5201 src=192.168.10.2 "
      "dst=192.168.10.1 sport=5201 dport=52728 [HW_OFFLOAD] mark=0 secctx=(null) use=2\n",
      Firewall::at(0), diagnostics);
  EXPECT_EQ(diagnostics.render("flows", {}), "");
  PacketSpec data = spec(protocol::kTcp, "192.168.10.2", 5201, "192.168.10.1", 52728);
  data.tcp.flags = 16;
  EXPECT_EQ(firewall.pass(1000, data), "ESTABLISHED reply");
}

// Found by both of its tuples and by the inverse of neither; its packets are uncertain.
TEST(ConntrackText, AFlowThroughNatIsFoundEitherWay) {
  Firewall firewall;
  Diagnostics diagnostics;
  constexpr std::string_view kLines =
      "udp 17 29 src=10.0.0.2 dst=8.8.8.8 sport=1000 dport=53 src=8.8.8.8 dst=9.9.9.9 sport=53 "
      "dport=2000 mark=0 use=1\n"
      "tcp 6 29 ESTABLISHED src=7.7.7.7 dst=9.9.9.9 sport=1000 dport=80 src=10.0.0.2 dst=7.7.7.7 "
      "sport=8080 dport=1000 [ASSURED] mark=0 use=1\n";
  firewall.conntrack.load(kLines, Firewall::at(0), diagnostics);
  ASSERT_EQ(firewall.conntrack.count(), 2u);
  auto pass = [&](const PacketSpec& packet) { return firewall.pass(1, packet); };
  auto status = [&] {
    return firewall.conntrack.find(firewall.tracked.flow)->status &
           (ct_status::kSourceNat | ct_status::kDestinationNat | ct_status::kNatNotDone);
  };
  EXPECT_EQ(pass(spec(protocol::kUdp, "8.8.8.8", 53, "9.9.9.9", 2000)), "ESTABLISHED reply");
  EXPECT_EQ(status(), ct_status::kSourceNat | ct_status::kNatNotDone);
  EXPECT_EQ(pass(spec(protocol::kUdp, "10.0.0.2", 1000, "8.8.8.8", 53)), "ESTABLISHED original");
  PacketSpec data = spec(protocol::kTcp, "10.0.0.2", 8080, "7.7.7.7", 1000);
  data.tcp.flags = 16;
  EXPECT_EQ(pass(data), "ESTABLISHED reply");
  EXPECT_EQ(status(), ct_status::kDestinationNat | ct_status::kNatNotDone);
  EXPECT_EQ(pass(spec(protocol::kUdp, "8.8.8.8", 53, "10.0.0.2", 1000)), "NEW original");
  EXPECT_EQ(pass(spec(protocol::kUdp, "9.9.9.9", 2000, "8.8.8.8", 53)), "NEW original");
  firewall.conntrack.reserve(1, Firewall::at(600000));
  EXPECT_EQ(firewall.conntrack.count(), 0u);
  EXPECT_EQ(pass(spec(protocol::kUdp, "8.8.8.8", 53, "9.9.9.9", 2000)), "NEW original");
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

// Printed by conntrack 1.4.7 with -o labels and such a connlabel.conf.
TEST(ConntrackText, LabelsAndHelpersComeBack) {
  LabelNames names("0 eth0-in\n5 bulk\n127 last\n");
  constexpr std::string_view kLines =
      "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=69 [UNREPLIED] src=10.0.0.2 "
      "dst=10.0.0.1 sport=69 dport=1000 mark=0 helper=tftp use=1 labels=eth0-in,bulk,last\n"
      "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=5060 [UNREPLIED] src=10.0.0.2 "
      "dst=10.0.0.1 sport=5060 dport=1000 mark=0 use=1 labels=bulk\n";
  // Where no label of a flow has a name:
  constexpr std::string_view kNameless =
      "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=70 [UNREPLIED] src=10.0.0.2 "
      "dst=10.0.0.1 sport=70 dport=1000 mark=0 use=1 labels";
  Firewall firewall;
  Diagnostics diagnostics;
  firewall.conntrack.load(kLines, Firewall::at(0), diagnostics, &names);
  EXPECT_EQ(diagnostics.render("flows", kLines), "");
  std::string printed;
  std::string without_names;
  for (const FlowLine& line : list_flows(firewall.conntrack, Firewall::at(0))) {
    printed += list_text(line, {.labels = &names}) + "\n";
    without_names += list_text(line) + "\n";
  }
  EXPECT_EQ(printed, kLines);
  EXPECT_EQ(without_names.find("labels"), std::string::npos);
  Result<std::optional<FlowLine>> nameless = parse_flow(kNameless, 1, &names);
  ASSERT_TRUE(nameless && *nameless);
  (*nameless)->labels.set(9);
  EXPECT_EQ(list_text(**nameless, {.labels = &names}), kNameless);
  // The helper reads on.
  PacketSpec read = spec(protocol::kUdp, "10.0.0.1", 1000, "10.0.0.2", 69);
  read.payload = {0, 1, 'f', 0, 'o', 'c', 't', 'e', 't', 0};
  EXPECT_EQ(firewall.pass(1, read), "NEW original");
  EXPECT_EQ(firewall.pass(1, spec(protocol::kUdp, "10.0.0.2", 3000, "10.0.0.1", 1000)),
            "RELATED original");
}

// A helper that is not here reads nothing here; labels without names mean nothing.
TEST(ConntrackText, WhatIsNotKnownHereIsPassedOver) {
  Firewall firewall;
  Diagnostics diagnostics;
  firewall.conntrack.load(
      "udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=5060 src=10.0.0.2 dst=10.0.0.1 "
      "sport=5060 dport=1000 mark=0 helper=sip use=1 labels=bulk\n",
      Firewall::at(0), diagnostics);
  ASSERT_EQ(firewall.conntrack.count(), 1u);
  EXPECT_EQ(firewall.pass(1, spec(protocol::kUdp, "10.0.0.1", 1000, "10.0.0.2", 5060)),
            "ESTABLISHED original");
  EXPECT_EQ(firewall.conntrack.helper(firewall.tracked.flow), nullptr);
  EXPECT_FALSE(firewall.conntrack.labels(firewall.tracked.flow).any());
}

TEST(ConntrackText, ALabelWithoutANameIsAnError) {
  LabelNames names("0 eth0-in\n");
  Firewall firewall;
  Diagnostics diagnostics;
  firewall.conntrack.load(
      "udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 "
      "dport=1 mark=0 use=1 labels=eth0-in,bulk",
      Firewall::at(0), diagnostics, &names);
  ASSERT_EQ(diagnostics.count(), 1u);
  EXPECT_EQ(diagnostics.list()[0].what, "no label has the name 'bulk'");
  EXPECT_EQ(firewall.conntrack.count(), 0u);
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
      {"ipv4 2 tcp 6 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1", 1,
       "a TCP flow needs its state"},
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
