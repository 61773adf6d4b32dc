#include "cli/policy_file.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

constexpr std::string_view kMinimal = R"([[policy]]
name = "p"
rules = "p.rules"
[[packet]]
name = "dns"
filter = "port 53"
)";

std::optional<PolicyFile> parse(std::string text, std::string& errors) {
  InputFile file{.name = "there/p.toml", .text = std::move(text)};
  Diagnostics diagnostics;
  std::optional<PolicyFile> policies = parse_policy_file(file, diagnostics);
  errors = diagnostics.render(file.name, file.text);
  return policies;
}

TEST(PolicyFile, FilesAreBesideItAndTheTopHoldsForAll) {
  std::string errors;
  std::optional<PolicyFile> file = parse(R"(
host = "eth0=192.168.1.2/24"
compat = "linux"
conntrack = "/dev/null"
sysctl = ["net.netfilter.nf_conntrack_udp_timeout=60", "my.sysctl"]
[[policy]]
name = "first"
rules = "a.rules"
sets = "sub/a.sets"
discovery = ["lamp.discovery"]
[[policy]]
name = "second"
rules6 = "../b.rules"
compat = ""
sysctl = []
host = ["eth0=10.0.0.1/8", "eth1=10.1.0.1/16"]
group = ["239.255.255.250"]
[[packet]]
name = "dns"
filter = "port 53"
unwanted = true
)",
                                         errors);
  ASSERT_TRUE(file) << errors;
  ASSERT_EQ(file->policies.size(), 2u);
  const Inputs& first = file->policies[0].inputs;
  EXPECT_EQ(file->policies[0].name, "first");
  EXPECT_EQ(first.rules, "there/a.rules");
  EXPECT_EQ(first.sets, "there/sub/a.sets");
  EXPECT_EQ(first.conntrack, "/dev/null");
  EXPECT_EQ(first.compat, "linux");
  EXPECT_EQ(first.hosts, std::vector<std::string>{"eth0=192.168.1.2/24"});
  EXPECT_EQ(first.discovery, std::vector<std::string>{"there/lamp.discovery"});
  EXPECT_EQ(first.sysctls, (std::vector<std::string>{"net.netfilter.nf_conntrack_udp_timeout=60",
                                                     "there/my.sysctl"}));
  const Inputs& second = file->policies[1].inputs;
  EXPECT_EQ(second.rules, "");
  EXPECT_EQ(second.rules6, "there/../b.rules");
  EXPECT_EQ(second.compat, "");
  EXPECT_TRUE(second.sysctls.empty());
  EXPECT_EQ(second.hosts, (std::vector<std::string>{"eth0=10.0.0.1/8", "eth1=10.1.0.1/16"}));
  EXPECT_EQ(second.groups, std::vector<std::string>{"239.255.255.250"});
  ASSERT_EQ(file->packets.size(), 1u);
  EXPECT_TRUE(file->packets[0].unwanted);
}

TEST(PolicyFile, ProbesAreLinesOfFlowScripts) {
  std::string errors;
  std::optional<PolicyFile> file = parse(std::string(kMinimal) + R"([[exposure]]
after = "port 53"
[[exposure.probe]]
admits = "anyone"
question = "out eth0 udp 192.168.1.2:50000 > 224.0.0.9:6000"
packet = 'in eth1 udp 198.51.100.9:1 > 192.168.1.2:2 data "\r\n"'
)",
                                         errors);
  ASSERT_TRUE(file) << errors;
  ASSERT_EQ(file->exposures.size(), 1u);
  ASSERT_EQ(file->exposures[0].probes.size(), 1u);
  const PolicyFile::Probe& probe = file->exposures[0].probes[0];
  EXPECT_EQ(probe.admits, "anyone");
  EXPECT_EQ(probe.packet.in.text(), "eth1");
  EXPECT_EQ(probe.packet.packet.bytes.size(), 20u + 8 + 2);
  ASSERT_TRUE(probe.question);
  EXPECT_EQ(probe.question->path, ScriptPacket::Path::kOut);
}

TEST(PolicyFile, ErrorsSayWhere) {
  struct Case {
    std::string text;   // after kMinimal
    std::string error;  // the first line of what is printed
  };
  const Case kCases[] = {
      {"[[policy]\n", "there/p.toml:7:10: error: "},
      {"name = \"\xff\"\n", "there/p.toml:7:8: error: "},
      {"filter = 'port 54'\n", "there/p.toml:7:10: error: "},  // given twice
      {"rules = 'x'\n", "there/p.toml:7:1: error: unknown key 'rules'"},
      {"unwanted = 'yes'\n", "there/p.toml:7:12: error: 'unwanted' is true or false"},
      {"[[policy]]\nrules = 'x'\n", "there/p.toml:7:1: error: 'name' is missing"},
      {"[[policy]]\nname = ''\n", "there/p.toml:8:8: error: 'name' is empty"},
      {"[[policy]]\nname = 5\n", "there/p.toml:8:8: error: 'name' is a string in quotes"},
      {"[[policy]]\nname = 'x'\nhost = [1]\n",
       "there/p.toml:9:9: error: 'host' is a string in quotes"},
      {"[[policy]]\nname = 'x'\ncompat = 'bsd'\n",
       "there/p.toml:9:10: error: 'compat' cannot be 'bsd'"},
      {"[[packet]]\nname = 'x'\nfilter = 'src'\n", "there/p.toml:9:10: error: 'filter': "},
      {"[[exposure]]\n", "there/p.toml:7:1: error: 'after' is missing"},
      {"[exposure]\n", "there/p.toml:7:1: error: 'exposure' is a list of tables"},
      {"[[exposure]]\nafter = 'udp'\n[[exposure.probe]]\nadmits = 'x'\npacket = 'in udp x'\n",
       "there/p.toml:11:18: error: "},
      {"[[exposure]]\nafter = 'udp'\n[[exposure.probe]]\nadmits = 'x'\n"
       "packet = '+1 in udp 1.1.1.1:1 > 2.2.2.2:2'\n",
       "there/p.toml:11:10: error: a probe has no time and no expectation"},
      {"[[exposure]]\nafter = 'udp'\n[[exposure.probe]]\nadmits = 'x'\n"
       "packet = 'in udp 1.1.1.1:1 > 2.2.2.2:2 => DROP'\n",
       "there/p.toml:11:10: error: a probe has no time and no expectation"},
  };
  for (const Case& one : kCases) {
    std::string errors;
    EXPECT_FALSE(parse(std::string(kMinimal) + one.text, errors)) << one.text;
    EXPECT_EQ(errors.substr(0, one.error.size()), one.error) << one.text << errors;
  }
}

TEST(PolicyFile, AllErrorsAreSaidAtOnce) {
  std::string errors;
  EXPECT_FALSE(parse("hots = 'x'\n[[policy]]\nnam = 'y'\n", errors));
  for (std::string_view error :
       {"unknown key 'hots'", "unknown key 'nam'", "'name' is missing", "no [[packet]]"}) {
    EXPECT_NE(errors.find(error), std::string::npos) << error << "\n" << errors;
  }
  EXPECT_FALSE(parse("", errors));
  EXPECT_NE(errors.find("there/p.toml:1:1: error: no [[policy]]"), std::string::npos) << errors;
}

}  // namespace
}  // namespace sallyport
