// Every small ruleset against every small packet: the compiled program against the tree.
#include <gtest/gtest.h>

#include "packet/build.h"
#include "packet/headers.h"
#include "packet/parse.h"
#include "program/interpreter.h"
#include "reference/evaluator.h"
#include "rules/lower.h"
#include "rules/parse.h"

namespace sallyport {
namespace {

// A packet with its bytes, its interfaces and its place in a flow.
struct Sample {
  std::vector<uint8_t> bytes;
  Packet packet;
  Tracked tracked;
  const BridgePorts* ports = nullptr;
  std::string text;
};

class World {
 public:
  explicit World(Family family)
      : family_(family), conntrack_(Knobs{}, make_hash_key(1), nullptr), in_("eth0") {
    host_.add(in_, *Prefix::parse("10.0.0.1/24"));
    host_.add(in_, *Prefix::parse("2001:db8::1/64"));
    conntrack_.reserve(256, 0);
    for (uint8_t protocol : {protocol::kUdp, protocol::kTcp}) {
      for (bool reply : {false, true}) {
        PacketSpec spec = spec_of(protocol, 40000, 53, reply);
        spec.tcp.flags = reply ? 0x12 : 0x02;
        add(spec, protocol == protocol::kUdp ? "udp" : "tcp", true);
        add(spec, "repeated", true);
      }
      PacketSpec spec = spec_of(protocol, 53, 1024, false);
      spec.tcp.flags = 0x29;
      add(spec, "untracked", false);
      spec.trim = 6;
      add(spec, "short by wire", false);
      spec.trim.reset();
      spec.fragment = {.offset = 8, .length = 16, .more = false};
      spec.payload.resize(32);
      add(spec, "fragment at 8", false);
      spec.fragment = {.offset = 16, .length = 16, .more = true};
      add(spec, "fragment at 16", false);
    }
    bool v4 = family == Family::kIpv4;
    for (uint8_t type : {icmp::kEchoReply, icmp::kUnreachable, icmp::kEcho, icmpv6::kUnreachable,
                         icmpv6::kEcho, icmpv6::kEchoReply}) {
      PacketSpec spec = spec_of(v4 ? protocol::kIcmp : protocol::kIcmpv6, 0, 0, false);
      spec.icmp = {.type = type, .code = static_cast<uint8_t>(type == 3 || type == 1), .id = 7};
      add(spec, "icmp", true);
    }
    add(spec_of(protocol::kEsp, 0, 0, false), "esp", true);
    if (!v4) add_extensions();
    add(spec_of(protocol::kUdp, 1, 2, false), "not captured", false, v4 ? 24 : 44);
    Sample& marked = add(spec_of(protocol::kUdp, 5, 6, false), "marked", true);
    marked.packet.fields[Field::kMark] = 0x15;
    marked.packet.fields[Field::kPacketType] = 2;
    marked.packet.has_mac = true;
    marked.packet.mac_source = {0, 1, 2, 3, 4, 5};
    marked.ports = &ports_;
  }

  void add_extensions() {
    PacketSpec spec = spec_of(protocol::kUdp, 53, 1024, false);
    spec.extensions = {protocol::kIpv6Destination, protocol::kAh};
    add(spec, "extensions", true);
    add(spec, "extensions not captured", false, 44);
    spec.fragment = {.offset = 8, .length = 16, .more = true};
    add(spec, "extensions in another fragment", false);
    PacketSpec missing = spec_of(protocol::kIpv6Destination, 0, 0, false);
    missing.payload = {protocol::kUdp};
    add(missing, "extension missing", false);
    missing.extensions = {protocol::kIpv6Routing};
    add(missing, "extension not captured", false, 49);
  }

  PacketSpec spec_of(uint8_t protocol, uint16_t from, uint16_t to, bool reply) const {
    PacketSpec spec;
    spec.family = family_;
    spec.protocol = protocol;
    const char* ends[] = {family_ == Family::kIpv4 ? "10.0.0.1" : "2001:db8::1",
                          family_ == Family::kIpv4 ? "10.0.0.2" : "2001:db8::2"};
    spec.source = *Address::parse(family_, ends[!reply]);
    spec.destination = *Address::parse(family_, ends[reply]);
    spec.source_port = reply ? to : from;
    spec.destination_port = reply ? from : to;
    return spec;
  }

  Sample& add(const PacketSpec& spec, const std::string& text, bool track,
              std::optional<uint32_t> captured = std::nullopt) {
    Sample& sample = *samples_.emplace_back(std::make_unique<Sample>());
    sample.bytes = build(spec);
    sample.text = text;
    Packet& packet = sample.packet;
    packet.data = sample.bytes.data();
    packet.wire_length = static_cast<uint32_t>(sample.bytes.size());
    packet.captured = captured.value_or(packet.wire_length);
    packet.in = &in_;
    parse(packet);
    EXPECT_EQ(packet.malformed, Reason::kNone) << text;
    if (track) {
      sample.tracked = conntrack_.track(packet, {}, 1);
      conntrack_.confirm(packet, sample.tracked, 1);
    }
    return sample;
  }

  // Both answers for each packet. The packets' own state is put back, and nothing else changes.
  void compare(const std::string& text) {
    auto rules = parse_rules(text, family_);
    ASSERT_TRUE(rules) << rules.error().render("rules", text);
    compare(*rules, *compile(*rules), text);
    compare(*rules, *compile(*rules, 1), text);  // every chain indexed
  }

  void compare(const Ruleset& rules, const Program& program, const std::string& text) {
    std::vector<RuleCounters> counters(program.rules.size());
    std::vector<Pc> stack(program.depth);
    std::vector<Memory> memory(program.memories);
    reference::Memories memories;
    Pc entry =
        program.entry[static_cast<size_t>(TableId::kFilter)][static_cast<size_t>(Hook::kInput)];
    for (const auto& sample : samples_) {
      Packet slow = sample->packet, fast = sample->packet;
      Context slow_context = context_for(slow, *sample), fast_context = context_for(fast, *sample);
      reference::Answer wanted =
          reference::evaluate(rules, TableId::kFilter, slow_context, memories);
      fast_context.memory = memory;
      NoTrace trace;
      Verdict got = run(program, entry, fast_context, counters, stack, trace);
      const RuleInfo& rule = program.rules[fast_context.rule];
      bool same = got == wanted.verdict && rule.chain == wanted.chain &&
                  rule.number == wanted.number && fast_context.hotdrop == wanted.hotdrop &&
                  fast_context.not_captured == slow_context.not_captured &&
                  fast_context.reject_with == slow_context.reject_with &&
                  fast.fields.words == slow.fields.words;
      ASSERT_TRUE(same) << text << sample->text << ": the tree says " << wanted.chain << "/"
                        << wanted.number << ", the program " << rule.chain << "/" << rule.number
                        << "\n"
                        << program.dump();
      asked_++;
    }
  }

  size_t asked() const { return asked_; }

 private:
  Context context_for(Packet& packet, Sample& sample) {
    Context context(packet);
    context.hook = Hook::kInput;
    context.now = 2;
    context.conntrack = &conntrack_;
    context.tracked = &sample.tracked;
    context.host = &host_;
    context.ports = sample.ports;
    context.what_if = true;
    return context;
  }

  Family family_;
  Conntrack conntrack_;
  Host host_;
  InterfaceName in_;
  BridgePorts ports_{InterfaceName("eth0"), InterfaceName()};
  std::vector<std::unique_ptr<Sample>> samples_;
  size_t asked_ = 0;
};

constexpr const char* kIpv4Conditions[] = {
    "",
    "-s 10.0.0.2",
    "! -s 10.0.0.0/31",
    "-d 10.0.0.0/255.0.255.0",
    "-i eth+",
    "! -i eth0",
    "-p tcp",
    "! -p udp",
    "-f",
    "! -f",
    "-p tcp --dport 53",
    "-p tcp ! --sport 1024:",
    "-p tcp --syn",
    "-p tcp ! --tcp-flags ALL FIN,PSH,URG",
    "-p tcp ! --tcp-option 3",
    "-p udp --dport :1000",
    "-p udp ! --sport 53 -m mark ! --mark 1/5",
    "-p udp --sport 9:1",
    "-p icmp --icmp-type 8",
    "-p icmp ! --icmp-type 3/1",
    "-p icmp ! --icmp-type any",
    "-m state --state NEW",
    "-m state ! --state INVALID",
    "-m conntrack --ctstate ESTABLISHED,SNAT",
    "-m conntrack ! --ctstate NEW,DNAT --ctdir REPLY",
    "-m conntrack ! --ctstatus ASSURED",
    "-m conntrack --ctstate INVALID --ctproto udp",
    "-m conntrack --ctproto 17 ! --ctorigsrc 10.0.0.0/31 --ctexpire 0:20",
    "-m conntrack --ctrepldstport 40000 --ctreplsrcport 1:60 --ctorigdst 10.0.0.1",
    "-m conntrack ! --ctorigsrcport 40000 --ctreplsrc 10.0.0.1 --ctrepldst 10.0.0.2",
    "-p tcp -m multiport --dports 22,50:60",
    "-p udp -m multiport ! --sports 53,40000",
    "-p udp -m multiport --ports 53",
    "-m addrtype --dst-type LOCAL ! --src-type BROADCAST",
    "-m pkttype --pkt-type multicast",
    "-m physdev --physdev-in eth0 ! --physdev-is-out ! --physdev-is-bridged",
    "-m iprange --src-range 10.0.0.2-10.0.0.9",
    "-m iprange ! --dst-range 10.0.0.9-10.0.0.1",
    "-m mark --mark 0x10/0xf0",
    "-m connmark ! --mark 1",
    "-m mac --mac-source 00:01:02:03:04:05",
    "-m length ! --length 0:28",
    "-m ttl --ttl-eq 64",
    "-m ttl --ttl-lt 64",
    "-m ttl --ttl-gt 63",
    "-m limit --limit 1/s",
    "-m comment --comment x",
};
constexpr const char* kIpv6Conditions[] = {
    "",
    "-s 2001:db8::2",
    "! -s 2001:db8::2/127",
    "-d 2001:db8::/ffff:ffff::ff",
    "! -d ::/0",
    "-p tcp",
    "! -p udp",
    "-p ah",
    "-p udp ! --sport 53 -i eth+",
    "-p tcp --dport 53 ! --syn",
    "-p ipv6-icmp --icmpv6-type 128",
    "-p ipv6-icmp ! --icmpv6-type 1/1",
    "-p ipv6-icmp --icmpv6-type 3",
    "-m iprange --src-range 2001:db8::2-2001:db8::9",
    "-m iprange ! --src-range ::-2001:db8::1 ! --dst-range 2001:db8::2-2001:db8::9",
    "-m hl --hl-eq 64",
    "-m hl ! --hl-eq 64",
    "-m hl --hl-lt 64",
    "-m hl --hl-gt 63",
    "-m addrtype --dst-type LOCAL",
    "-m conntrack --ctstate NEW ! --ctorigsrc 2001:db8::/127",
    "-m conntrack --ctreplsrc 2001:db8::1 --ctdir ORIGINAL",
    "-p udp -m multiport --ports 53",
};
std::span<const char* const> conditions_of(Family family) {
  if (family == Family::kIpv4) return kIpv4Conditions;
  return kIpv6Conditions;
}

const char* const kActions[] = {"",
                                "-j ACCEPT",
                                "-j REJECT",
                                "-j RETURN",
                                "-j MARK --set-mark 0x10",
                                "-j CONNMARK --set-mark 1"};

std::string file_of(const std::string& rules) {
  return "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n:b - [0:0]\n" + rules + "COMMIT\n";
}

class Reference : public testing::TestWithParam<Family> {
 protected:
  World world{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(, Reference, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& family) {
                           return family.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

TEST_P(Reference, EveryPairOfConditionsInTwoRules) {
  for (const char* first : conditions_of(GetParam())) {
    for (const char* second : conditions_of(GetParam())) {
      std::string rules = "-A INPUT " + std::string(first) + " -j MARK --set-mark 0x15\n-A INPUT " +
                          second + " -j ACCEPT\n";
      world.compare(file_of(rules));
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(world.asked(), 10'000u);
}

TEST_P(Reference, EveryConditionWithEveryAction) {
  for (const char* condition : conditions_of(GetParam())) {
    for (const char* action : kActions) {
      world.compare(file_of(std::string("-A INPUT ") + condition + " " + action +
                            "\n-A INPUT -m connmark --mark 1 -j ACCEPT\n"
                            "-A INPUT -m mark --mark 0x10 -j RETURN\n-A INPUT -p udp -j ACCEPT\n"));
      if (HasFatalFailure()) return;
    }
  }
}

// Three chains, INPUT to a to b, in every way of going on.
TEST_P(Reference, EveryWayThroughChains) {
  const char* const kToA[] = {"-j a", "-g a", "-p tcp -j a", "-p udp -g a"};
  const char* const kToB[] = {"-j b", "-g b", "-p tcp -g b", "-p udp -j b", "-j RETURN", ""};
  const char* const kEnd[] = {"", "-j ACCEPT", "-p tcp -j RETURN", "-p udp -j DROP"};
  for (const char* to_a : kToA) {
    for (const char* to_b : kToB) {
      for (const char* in_b : kEnd) {
        for (const char* after_b : kEnd) {
          for (const char* after_a : kEnd) {
            world.compare(file_of(std::string("-A INPUT ") + to_a + "\n-A INPUT " + after_a +
                                  "\n-A a " + to_b + "\n-A a " + after_b + "\n-A b " + in_b +
                                  "\n"));
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace sallyport
