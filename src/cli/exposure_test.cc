// On the demonstration's capture: its search is record 3, at 0.687 s; the last record is 4.6 s
// after it.
#include "cli/exposure.h"

#include <gtest/gtest.h>
#include <iostream>

#include "engine/host_text.h"

namespace sallyport {
namespace {

constexpr uint64_t kSearch = 3;

constexpr std::string_view kHead =
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"
    ":OUTPUT ACCEPT [0:0]\n";
constexpr std::string_view kAsked =
    "-A INPUT -p udp -m set --match-set asked dst,dst -j ACCEPT\n"
    "-A OUTPUT -p udp -m addrtype --dst-type MULTICAST -j SET --add-set asked src,src --exist\n";

class ExposureTest : public testing::Test {
 protected:
  static Sources sources(std::string_view rules, std::string sets = {}) {
    Sources sources;
    sources.inputs.compat = "linux";
    sources.inputs.hosts = {"eth0=192.168.1.2/24"};
    EXPECT_TRUE(add_host_text("eth0=192.168.1.2/24", sources.host));
    sources.rules = InputFile{"rules", std::string(kHead) + std::string(rules) + "COMMIT\n"};
    sources.sets = InputFile{"sets", std::move(sets)};
    sources.conntrack = InputFile{"flows", ""};
    return sources;
  }

  static ScriptPacket line(std::string_view text) {
    Diagnostics diagnostics;
    std::optional<ScriptPacket> packet = parse_script_line(text, 1, std::nullopt, diagnostics);
    EXPECT_TRUE(packet) << diagnostics.render("line", text);
    return packet.value_or(ScriptPacket{});
  }

  // What is told, with its time, a line each.
  std::string measure(const Sources& sources, std::vector<PolicyFile::Probe> probes) {
    std::optional<CaptureFile> capture =
        CaptureFile::open(SALLYPORT_DEMO "/discovery.pcap", std::cerr);
    if (!capture) return "no capture";
    std::vector<Instant> times;
    Capture records = capture->read();
    for (Record record; records.read({&record, 1}) == 1;) times.push_back(record.time);
    PolicyFile::Exposure exposure{*CaptureFilter::compile("udp"), {}, std::move(probes)};
    std::string told;
    for (const Admission& one :
         ExposureMeter(sources, *capture, times).measure(exposure, kSearch)) {
      told += one.what + " " + one.time_text() + "\n";
    }
    return told;
  }

  const PolicyFile::Probe stranger_{
      "stranger", {}, line("in eth0 udp 198.51.100.9:7 > 192.168.1.2:43210")};
  const PolicyFile::Probe neighbour_{
      "neighbour", {}, line("in eth0 udp 192.168.1.99:7 > 192.168.1.2:43210")};
};

TEST_F(ExposureTest, TimesAreMeasured) {
  EXPECT_EQ(measure(sources(""), {stranger_}), "");
  EXPECT_EQ(measure(sources("-A INPUT -p udp -j ACCEPT\n"), {stranger_}), "stranger at any time\n");
  struct Case {
    std::string timeout, told;
  };
  for (const Case& one :
       {Case{"1", "stranger for 1 s\n"}, Case{"3", "stranger for 3 s\n"},
        Case{"45", "stranger for 45 s\n"}, Case{"100", "stranger for more than 60 s\n"}}) {
    std::string sets = "create asked hash:ip,port timeout " + one.timeout + "\n";
    EXPECT_EQ(measure(sources(kAsked, sets), {stranger_}), one.told);
  }
}

TEST_F(ExposureTest, WhatComesLaterInTheCaptureCounts) {
  // The last answer, 4.6 s after the search, opens the port anew, 1.6 s after it was closed.
  std::string rules = std::string(kAsked) +
                      "-A INPUT -s 192.168.1.10/32 -p udp -j SET --add-set asked dst,dst --exist\n";
  EXPECT_EQ(measure(sources(rules, "create asked hash:ip,port timeout 3\n"), {stranger_}),
            "stranger for 7.6 s\n");
}

TEST_F(ExposureTest, AQuestionIsJudgedFirst) {
  PolicyFile::Probe asked = stranger_;
  asked.packet = line("in eth0 udp 198.51.100.9:7 > 192.168.1.2:50000");
  Sources policy = sources(kAsked, "create asked hash:ip,port timeout 2\n");
  EXPECT_EQ(measure(policy, {asked}), "");
  asked.question = line("out eth0 udp 192.168.1.2:50000 > 224.0.0.9:6000");
  EXPECT_EQ(measure(policy, {asked}), "stranger for 2 s\n");
}

TEST_F(ExposureTest, AGroupThatIsNotJoinedIsNotReached) {
  PolicyFile::Probe joined{"joined", {}, line("in eth0 udp 192.168.1.9:7 > 239.255.255.250:9")};
  PolicyFile::Probe other{"other", {}, line("in eth0 udp 192.168.1.9:7 > 239.1.2.3:9")};
  EXPECT_EQ(measure(sources("-A INPUT -j ACCEPT\n"), {other}), "");
  EXPECT_EQ(measure(sources("-A INPUT -j ACCEPT\n"), {joined}), "joined at any time\n");
}

TEST_F(ExposureTest, WhatAddsNothingIsNotTold) {
  std::string sets = "create asked hash:ip,port timeout 3\n";
  EXPECT_EQ(measure(sources(kAsked, sets), {stranger_, neighbour_}), "stranger for 3 s\n");
  // A neighbour may for longer: that is news.
  std::string rules = std::string(kAsked) + "-A INPUT -s 192.168.1.0/24 -p udp -j ACCEPT\n";
  EXPECT_EQ(measure(sources(rules, sets), {stranger_, neighbour_}),
            "stranger for 3 s\nneighbour at any time\n");
}

}  // namespace
}  // namespace sallyport
