// Which near misses are found, and which are not; their words are in tests/explain.
#include "cli/near_miss.h"

#include <gtest/gtest.h>
#include <iostream>

#include "attach/script_run.h"
#include "cli/inputs.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr std::string_view kRules =
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
    "-A OUTPUT -p udp -m udp --dport 999 -j DROP\n"
    "-A OUTPUT -m mark --mark 0x1 -j DROP\nCOMMIT\n";

class NearMissTest : public testing::Test {
 protected:
  // The near misses of the script's last packet. The host is 192.168.1.2/24.
  std::vector<NearMiss> of(std::string_view script, std::string_view sysctl = "") {
    Sources sources;
    sources.inputs.hosts = {"eth0=192.168.1.2/24"};
    sources.inputs.compat = compat_;
    sources.host.add(InterfaceName("eth0"), *Prefix::parse("192.168.1.2/24"));
    sources.rules = InputFile{"rules", std::string(kRules)};
    sources.conntrack = InputFile{"flows", ""};
    if (!sysctl.empty()) sources.sysctls.push_back({"sysctl", std::string(sysctl) + "\n"});
    auto setup = make_setup(sources, Instant{}, std::nullopt, std::cerr);
    Diagnostics diagnostics;
    std::optional<Script> packets = parse_script(script, diagnostics);
    EXPECT_TRUE(setup && packets) << diagnostics.render("script", script);
    if (!setup || !packets) return {};
    keep_history(*setup->engine);
    History history;
    std::vector<NearMiss> misses;
    for (size_t i = 0; i < packets->packets.size(); i++) {
      ScriptPacket& line = packets->packets[i];
      Packet packet = packet_of(line, line.packet.bytes, Instant{});
      Way way = way_of(line, packet, *setup->viewpoint);
      Judged judged;
      describe({.index = i, .time = packet.time}, packet, way, judged);
      Narrator narrator;
      judged.outcome = setup->engine->process_traced(packet, way, narrator);
      misses = near_misses(judged, narrator.tracked_packet(), *setup->engine, history,
                           setup->engine->now());
      history.add(judged, setup->engine->program(Family::kIpv4));
    }
    return misses;
  }

  // The start of each, enough to know it by.
  static std::vector<std::string> starts(const std::vector<NearMiss>& misses, size_t length) {
    std::vector<std::string> texts;
    texts.reserve(misses.size());
    for (const NearMiss& miss : misses) texts.push_back(miss.text.substr(0, length));
    return texts;
  }

  std::string compat_ = "linux";
};

using Texts = std::vector<std::string>;

constexpr std::string_view kQuestion = "out udp 192.168.1.2:4000 > 10.0.0.7:53\n";

TEST_F(NearMissTest, ThereIsNoneWhereNothingWasSeen) {
  EXPECT_TRUE(of("in udp 10.0.0.7:53 > 192.168.1.2:4000").empty());
}

TEST_F(NearMissTest, APacketOfAFlowHasNone) {
  EXPECT_TRUE(of(std::string(kQuestion) + "in udp 10.0.0.7:53 > 192.168.1.2:4000").empty());
}

TEST_F(NearMissTest, AFlowThatDiffersInOneThingIsToldTheNearestFirst) {
  EXPECT_EQ(starts(of("out udp 192.168.1.2:4000 > 10.0.0.7:54\n"
                      "out udp 192.168.1.2:4000 > 10.0.0.8:53\n"
                      "out udp 192.168.1.2:4001 > 10.0.0.7:53\n"
                      "out udp 192.168.1.2:4009 > 10.0.0.9:59\n"
                      "in udp 10.0.0.7:53 > 192.168.1.2:4000"),
                   48),
            (Texts{"a flow udp 192.168.1.2:4000 > 10.0.0.7:54 exists",
                   "a flow udp 192.168.1.2:4000 > 10.0.0.8:53 exists",
                   "a flow udp 192.168.1.2:4001 > 10.0.0.7:53 exists"}));
}

TEST_F(NearMissTest, AtMostAHandfulIsTold) {
  std::string script;
  for (int host = 1; host <= 9; host++) {
    script += "out udp 192.168.1.2:4000 > 10.0.1." + std::to_string(host) + ":53\n";
  }
  EXPECT_EQ(of(script + "in udp 10.0.0.7:53 > 192.168.1.2:4000").size(), 5u);
}

// Dead at the very second of its timeout (kernel-facts 11): what would have kept it is more.
TEST_F(NearMissTest, AnExpiredFlowNamesTheKnobAndTheLeastValueThatWouldHaveKeptIt) {
  struct Row {
    std::string_view after, value;
  };
  for (const Row& row : {Row{"+30", "31"}, Row{"+30.5", "31"}, Row{"+31", "32"}}) {
    std::vector<NearMiss> misses = of(std::string(kQuestion) + std::string(row.after) +
                                      " in udp 10.0.0.7:53 > 192.168.1.2:4000");
    ASSERT_EQ(misses.size(), 1u) << row.after;
    EXPECT_EQ(misses[0].knob, "net.netfilter.nf_conntrack_udp_timeout");
    EXPECT_EQ(misses[0].value, row.value) << row.after;
  }
}

// The value that is told is held against the engine: it lets the answer in.
TEST_F(NearMissTest, TheKnobsValueIsEnough) {
  std::string script = std::string(kQuestion) + "+30 in udp 10.0.0.7:53 > 192.168.1.2:4000";
  EXPECT_FALSE(of(script).empty());
  EXPECT_TRUE(of(script, "net.netfilter.nf_conntrack_udp_timeout=31").empty());
}

TEST_F(NearMissTest, AnUnansweredQuestionsRepetitionMissedNothing) {
  EXPECT_TRUE(
      of(std::string(kQuestion) + "+40 out udp 192.168.1.2:4000 > 10.0.0.7:53 mark 1").empty());
}

TEST_F(NearMissTest, AResetEndsAFlowAndNoTimerWouldHaveKeptIt) {
  std::vector<NearMiss> misses =
      of("out tcp 192.168.1.2:4000 > 10.0.0.7:80 flags S seq 1\n"
         "out tcp 192.168.1.2:4000 > 10.0.0.7:80 flags R seq 2\n"
         "in tcp 10.0.0.7:80 > 192.168.1.2:4000 flags SA seq 9 ack 2");
  ASSERT_EQ(misses.size(), 1u);
  EXPECT_EQ(misses[0].text.find("was ended by a reset"),
            std::string("the flow tcp 192.168.1.2:4000 > 10.0.0.7:80 ").size());
  EXPECT_EQ(misses[0].knob, "");
}

TEST_F(NearMissTest, AQuestionThatWasDroppedIsThePacketToLookAt) {
  std::vector<NearMiss> misses =
      of("out udp 192.168.1.2:4000 > 10.0.0.7:999\nin udp 10.0.0.7:999 > 192.168.1.2:4000");
  ASSERT_EQ(misses.size(), 1u);
  ASSERT_TRUE(misses[0].dropped);
  EXPECT_EQ(misses[0].dropped->index, 0u);
  EXPECT_EQ(misses[0].dropped->place, "filter/OUTPUT:1");
}

TEST_F(NearMissTest, AQuestionOfDiscoveryHidesTheFlowThatItMade) {
  std::string search =
      "out udp 192.168.1.2:4000 > 239.255.255.250:1900 data \"M-SEARCH * HTTP/1.1\\r\\nMX: "
      "1\\r\\nMAN: \\\"ssdp:discover\\\"\\r\\n\\r\\n\"\n+3 in udp 192.168.1.7:1900 > "
      "192.168.1.2:4000";
  EXPECT_EQ(starts(of(search), 48), (Texts{"a flow udp 192.168.1.2:4000 > 239.255.255.250:19"}));
  compat_ = "";
  EXPECT_EQ(starts(of(search), 48), (Texts{"the window of the ssdp question to 239.255.255.2"}));
}

// How long ago the question was last asked is what a set would have had to remember.
TEST_F(NearMissTest, AFlowSaysSinceWhenItHasBeenWaiting) {
  std::vector<NearMiss> misses = of(std::string(kQuestion) + "+4 " + std::string(kQuestion) +
                                    "+2.5 in udp 10.0.0.8:53 > 192.168.1.2:4000");
  ASSERT_EQ(misses.size(), 1u);
  EXPECT_EQ(misses[0].asked_ago, ticks(5) / 2);
}

TEST(History, RemembersTheLastThatLeftNoFlow) {
  Engine engine({.hash_key = make_hash_key(1)}, std::make_unique<SetStore>(make_hash_key(2)));
  History history;
  Judged judged;
  judged.family = Family::kIpv4;
  judged.outcome.fate = Outcome::Fate::kAccept;
  judged.outcome.info = CtInfo::kNew;
  history.add(judged, nullptr);
  EXPECT_TRUE(history.packets().empty()) << "its flow is in the table";
  judged.outcome.fate = Outcome::Fate::kDrop;
  for (uint64_t i = 0; i < History::kMost + 3; i++) {
    judged.record.index = i;
    history.add(judged, nullptr);
  }
  EXPECT_EQ(history.packets().size(), History::kMost);
  EXPECT_EQ(history.packets().front().index, 3u);
}

}  // namespace
}  // namespace sallyport
