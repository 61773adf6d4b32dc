// Which changes are tried, and that only those are offered that were seen to help.
#include "cli/remedies.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace sallyport {
namespace {

constexpr std::string_view kRules = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";

class RemediesTest : public testing::Test {
 protected:
  RemediesTest() {
    sources_.rules = InputFile{"rules", std::string(kRules)};
    sources_.conntrack = InputFile{"flows", ""};
    judged_.family = Family::kIpv4;
    judged_.outcome.fate = Outcome::Fate::kDrop;
    judged_.outcome.hook = Hook::kInput;
    judged_.outcome.info = CtInfo::kNew;
    packet("10.0.0.7", 53, "192.168.1.2", 40000, protocol::kUdp);
  }

  void packet(std::string_view source, uint16_t sport, std::string_view destination, uint16_t dport,
              uint8_t protocol) {
    judged_.source = *Address::parse(Family::kIpv4, source);
    judged_.destination = *Address::parse(Family::kIpv4, destination);
    judged_.protocol = protocol;
    judged_.has_ports = protocol != protocol::kIcmp;
    judged_.source_port = sport;
    judged_.destination_port = dport;
    judged_.tuple = {judged_.source, judged_.destination, sport, dport, Family::kIpv4, protocol};
  }

  // The changes offered, where `helps` says of changed sources whether they let the packet in.
  std::vector<std::string> offered(const std::function<bool(const Sources&)>& helps =
                                       [](const Sources&) { return true; }) {
    std::vector<std::string> changes;
    for (const Remedy& remedy :
         find_remedies(judged_, "filter", sources_, misses_, [&](const Sources& changed) {
           Outcome outcome;
           outcome.fate = helps(changed) ? Outcome::Fate::kAccept : Outcome::Fate::kDrop;
           return std::optional(outcome);
         })) {
      EXPECT_NE(remedy.also, "") << remedy.change;
      changes.push_back(remedy.change);
    }
    return changes;
  }

  Judged judged_;
  Sources sources_;
  std::vector<NearMiss> misses_;
};

using Changes = std::vector<std::string>;

const std::string kNarrow =
    "iptables -I INPUT -s 10.0.0.7 -d 192.168.1.2 -p udp --sport 53 --dport 40000 -j ACCEPT";

TEST_F(RemediesTest, WhatDoesNotHelpIsNotOffered) {
  EXPECT_EQ(offered(), Changes{kNarrow});
  EXPECT_EQ(offered([](const Sources&) { return false; }), Changes{});
}

TEST_F(RemediesTest, WhatCannotBeTriedIsNotOffered) {
  EXPECT_TRUE(find_remedies(judged_, "filter", sources_, misses_, [](const Sources&) {
                return std::optional<Outcome>();
              }).empty());
}

TEST_F(RemediesTest, AnAcceptedPacketNeedsNone) {
  judged_.outcome.fate = Outcome::Fate::kAccept;
  EXPECT_EQ(offered(), Changes{});
}

TEST_F(RemediesTest, ARuleComesBeforeAllOthersOfItsTable) {
  std::string text;
  offered([&](const Sources& changed) {
    text = changed.rules->text;
    return true;
  });
  EXPECT_EQ(text, "*filter\n:INPUT DROP [0:0]\n" + kNarrow.substr(9) + "\nCOMMIT\n");
}

TEST_F(RemediesTest, ARuleForAClientLeavesItsPortOut) {
  packet("10.0.0.7", 40000, "192.168.1.2", 22, protocol::kTcp);
  EXPECT_EQ(offered(),
            Changes{"iptables -I INPUT -s 10.0.0.7 -d 192.168.1.2 -p tcp --dport 22 -j ACCEPT"});
}

TEST_F(RemediesTest, ARuleBetweenTwoPortsThatMayBePickedHasBoth) {
  packet("10.0.0.7", 49152, "192.168.1.2", 40000, protocol::kUdp);
  EXPECT_EQ(offered(), Changes{"iptables -I INPUT -s 10.0.0.7 -d 192.168.1.2 -p udp --sport 49152 "
                               "--dport 40000 -j ACCEPT"});
}

TEST_F(RemediesTest, ARuleForIcmpHasItsType) {
  packet("10.0.0.7", 77, "192.168.1.2", 8 << 8, protocol::kIcmp);
  EXPECT_EQ(
      offered(),
      Changes{"iptables -I INPUT -s 10.0.0.7 -d 192.168.1.2 -p icmp --icmp-type 8/0 -j ACCEPT"});
}

TEST_F(RemediesTest, WithoutRulesOfItsFamilyThereIsNoTextToPutARuleIn) {
  sources_.rules.reset();
  EXPECT_EQ(offered(), Changes{});
}

TEST_F(RemediesTest, AnAnswerThatWasDroppedAllTheSameIsToldTheRuleForAllAnswers) {
  judged_.outcome.info = CtInfo::kEstablished;
  EXPECT_EQ(
      offered(),
      (Changes{"iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", kNarrow}));
}

TEST_F(RemediesTest, TheKnobOfANearMissIsSetToItsValue) {
  misses_.push_back({.text = "expired", .knob = "net.netfilter.x", .value = "32"});
  EXPECT_EQ(offered([](const Sources& changed) {
              return !changed.sysctls.empty() && changed.sysctls[0].text == "net.netfilter.x=32\n";
            }),
            Changes{"sysctl -w net.netfilter.x=32"});
}

TEST_F(RemediesTest, TheQuestionThatWasDroppedIsLetOutByARuleOfItsHook) {
  Tuple question = {judged_.destination, judged_.source, 40000, 53, Family::kIpv4, protocol::kUdp};
  misses_.push_back({.dropped = WithoutFlow{.tuple = question,
                                            .dropped = true,
                                            .place = "mangle/OUTPUT:1",
                                            .table = "mangle",
                                            .hook = Hook::kOutput}});
  EXPECT_EQ(offered()[0],
            "iptables -t mangle -I OUTPUT -s 192.168.1.2 -d 10.0.0.7 -p udp --dport 53 -j ACCEPT");
}

TEST_F(RemediesTest, ASetIsGivenTheTimeSinceTheQuestionIfItHasLess) {
  sources_.sets = InputFile{"sets",
                            "create a hash:ip,port timeout 3\ncreate b hash:ip\n"
                            "create c hash:ip timeout 9 comment\ncreate d hash:ip timeout 0\n"};
  misses_.push_back({.text = "a flow exists", .asked_ago = ticks(5)});
  std::string sets;
  EXPECT_EQ(offered([&](const Sources& changed) {
              if (changed.sets->text == sources_.sets->text) return false;
              sets = changed.sets->text;
              return true;
            }),
            Changes{"create the set a with timeout 6 instead of 3"});
  EXPECT_TRUE(sets.starts_with("create a hash:ip,port timeout 6\ncreate b"));
}

TEST_F(RemediesTest, ABadChecksumIsLookedAtFirst) {
  judged_.outcome.info = CtInfo::kInvalid;
  judged_.outcome.tracking = Reason::kInvalidChecksum;
  Changes changes = offered();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_TRUE(changes[0].starts_with("--checksums ignore"));
  EXPECT_EQ(changes[1], "sysctl -w net.netfilter.nf_conntrack_checksum=0");
  EXPECT_EQ(offered([](const Sources& changed) { return changed.inputs.checksums == "ignore"; }),
            Changes{changes[0]});
}

TEST_F(RemediesTest, DiscoveryIsOfferedWhereItIsOff) {
  sources_.inputs.compat = "linux";
  EXPECT_EQ(offered([](const Sources& changed) { return changed.inputs.compat.empty(); }),
            Changes{"Sallyport's discovery: leave out --compat linux"});
}

}  // namespace
}  // namespace sallyport
