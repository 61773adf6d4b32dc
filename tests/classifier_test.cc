// Indexed chains against the same chains walked: verdict, rule, what becomes of the packet, of the
// limits and of the sets, and every counter, on random rules and packets. The tree of the rules,
// walked by the reference evaluator, is asked as well.
//
// SALLYPORT_CLASSIFIER_ROUNDS=N makes it N times as many rule sets; 100 are some minutes and tens
// of millions of packets.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <span>
#include <sstream>
#include <utility>

#include "program/interpreter.h"
#include "reference/evaluator.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "rules_generator.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

using testing::generate_header;
using testing::generate_rules;
using testing::GeneratedHeader;
using testing::GeneratedRule;
using testing::rules_text;

uint64_t rounds() {
  const char* text = std::getenv("SALLYPORT_CLASSIFIER_ROUNDS");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

class Random {
 public:
  explicit Random(uint64_t seed) : source_(seed) {}
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(source_() % bound); }
  bool chance(uint32_t percent) { return below(100) < percent; }
  template <typename T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[below(static_cast<uint32_t>(values.size()))];
  }
  std::mt19937_64& source() { return source_; }

 private:
  std::mt19937_64 source_;
};

std::unique_ptr<SetStore> make_sets(Family family) {
  auto sets = std::make_unique<SetStore>(make_hash_key(1));
  Diagnostics none;
  std::string inet = family == Family::kIpv4 ? "inet" : "inet6";
  std::string text = fmt::format("create s hash:ip family {} counters\nadd s {}\n", inet,
                                 family == Family::kIpv4 ? "10.0.0.1" : "2001:db8::1");
  for (const char* name : {"upnp", "asked"}) {
    text += fmt::format("create {} hash:ip,port family {} timeout 3\n", name, inet);
  }
  sets->restore(text, 0, none);
  return sets;
}

std::string told(Verdict verdict, std::string_view chain, uint32_t number, bool hotdrop,
                 const Context& context) {
  return fmt::format("{} {}/{}{}{} {}", verdict == Verdict::kAccept ? "accept" : "drop", chain,
                     number, hotdrop ? " hotdrop" : "", context.not_captured ? " not captured" : "",
                     context.reject_with ? context.reject_with : "");
}

// A program, and all that its packets change.
struct Machine {
  explicit Machine(std::shared_ptr<const Program> p)
      : program(std::move(p)),
        counters(program->rules.size()),
        stack(program->depth),
        memory(program->memories),
        sets(make_sets(program->family)) {}

  std::string ask(Packet& packet, Hook hook, Tick now, bool traced, Location* ahead = nullptr) {
    struct Silent : Trace {
      void condition(const Program&, Pc, bool, const Context&) override {}
      void action(const Program&, Pc, Verdict, const Context&) override {}
    };
    Context context(packet);
    context.hook = hook;
    context.now = now;
    context.memory = memory;
    context.sets = sets.get();
    context.ahead = ahead;
    Pc entry = program->entry[static_cast<size_t>(TableId::kFilter)][static_cast<size_t>(hook)];
    NoTrace none;
    Silent silent;
    Verdict verdict =
        traced ? run(*program, entry, context, counters, stack, static_cast<Trace&>(silent))
               : run(*program, entry, context, counters, stack, none);
    const RuleInfo& rule = program->rules[context.rule];
    return told(verdict, rule.chain, rule.number, context.hotdrop, context);
  }

  std::shared_ptr<const Program> program;
  std::vector<RuleCounters> counters;
  std::vector<Pc> stack;
  std::vector<Memory> memory;
  std::unique_ptr<SetStore> sets;
};

std::string difference(const Machine& a, const Machine& b) {
  for (size_t i = 0; i < a.counters.size(); i++) {
    if (a.counters[i].packets != b.counters[i].packets ||
        a.counters[i].bytes != b.counters[i].bytes) {
      return fmt::format("{}/{} counted {} and {} packets", a.program->rules[i].chain,
                         a.program->rules[i].number, a.counters[i].packets, b.counters[i].packets);
    }
  }
  for (size_t i = 0; i < a.memory.size(); i++) {
    if (a.memory[i].amount != b.memory[i].amount || a.memory[i].last != b.memory[i].last) {
      return fmt::format("limit {} remembers something else", i);
    }
  }
  if (a.sets->save(0) != b.sets->save(0)) return "the sets differ";
  return "";
}

std::string ask_reference(const Ruleset& rules, Packet& packet, Hook hook, Tick now,
                          reference::Memories& memories, SetStore& sets) {
  Context context(packet);
  context.sets = &sets;
  context.hook = hook;
  context.now = now;
  reference::Answer answer = reference::evaluate(rules, TableId::kFilter, context, memories);
  return told(answer.verdict, answer.chain, answer.number, answer.hotdrop, context);
}

// All of them at once, in the hook's chain.
std::vector<Location> look_up(const Program& program, Hook hook, std::span<const Packet> packets) {
  std::vector<Location> locations(packets.size());
  const Classifier* classifier = program.first_classifier(TableId::kFilter, hook);
  if (!classifier) return locations;
  std::vector<const Packet*> whose;
  std::vector<Location*> where;
  for (size_t i = 0; i < packets.size(); i++) {
    whose.push_back(&packets[i]);
    where.push_back(&locations[i]);
  }
  classifier->look_up(whose, where);
  return locations;
}

// The same packets for all of them.
template <typename MakePacket>
void compare(const std::string& text, Family family, size_t packets, bool with_reference,
             MakePacket make_packet, Hook hook = Hook::kForward) {
  auto reference_sets = make_sets(family);
  auto rules = parse_rules(text, family, reference_sets.get());
  ASSERT_TRUE(rules) << rules.error().render("rules", text);
  Machine walked(compile(*rules, kNotIndexed));
  Machine indexed(compile(*rules, 1)), traced(compile(*rules, 1)), ahead(compile(*rules, 1));
  ASSERT_TRUE(walked.program->classifiers.empty());
  ASSERT_FALSE(indexed.program->classifiers.empty());
  reference::Memories memories;
  // One lookup at a time compares a line in parts, as it does on a machine that cannot do better.
  const bool wide = std::exchange(Classifier::wide, false);
  for (size_t begin = 0; begin < packets; begin += Classifier::kAtOnce) {
    std::vector<Packet> together(std::min(Classifier::kAtOnce, packets - begin));
    for (Packet& packet : together) packet = make_packet();
    Classifier::wide = wide;
    std::vector<Location> locations = look_up(*ahead.program, hook, together);
    Classifier::wide = false;
    for (size_t i = begin; i < begin + together.size(); i++) {
      const Packet& packet = together[i - begin];
      Packet first = packet, second = packet, third = packet, fourth = packet, fifth = packet;
      Tick now = static_cast<Tick>(i);
      std::string wanted = walked.ask(first, hook, now, false);
      ASSERT_EQ(indexed.ask(second, hook, now, false), wanted) << "packet " << i << text;
      ASSERT_EQ(traced.ask(third, hook, now, true), wanted) << "packet " << i << text;
      ASSERT_EQ(ahead.ask(fourth, hook, now, false, &locations[i - begin]), wanted)
          << "packet " << i << text;
      ASSERT_EQ(second.fields.words, first.fields.words) << "packet " << i << text;
      if (with_reference) {
        ASSERT_EQ(ask_reference(*rules, fifth, hook, now, memories, *reference_sets), wanted)
            << "packet " << i << text;
      }
    }
  }
  Classifier::wide = wide;
  EXPECT_EQ(difference(walked, indexed), "") << text;
  EXPECT_EQ(difference(walked, traced), "") << text;
  EXPECT_EQ(difference(walked, ahead), "") << text;
}

// Rules look at words; what asks for bytes (sets) finds these.
std::array<uint8_t, 128> some_bytes{};

// ------------------------------------------------------- sets as ClassBench has

Packet packet_of(const GeneratedHeader& header) {
  Packet packet;
  packet.data = some_bytes.data();
  packet.length = packet.captured = packet.wire_length = 60;
  packet.transport = 20;
  packet.fields[Field::kProtocol] = header.protocol;
  packet.fields[Field::kSource0] = header.source;
  packet.fields[Field::kDestination0] = header.destination;
  packet.fields[Field::kSourcePort] = header.source_port;
  packet.fields[Field::kDestinationPort] = header.destination_port;
  packet.fields[Field::kLength] = 60;
  return packet;
}

// Header's values from one rule each, so that packets fall between rules as well.
GeneratedHeader mixed(const std::vector<GeneratedRule>& rules, std::mt19937_64& random) {
  GeneratedHeader header = generate_header(rules, random);
  if (random() % 2) return header;
  header.destination = generate_header(rules, random).destination;
  header.destination_port = generate_header(rules, random).destination_port;
  return header;
}

class GeneratedSets : public ::testing::TestWithParam<std::tuple<const char*, size_t>> {};
INSTANTIATE_TEST_SUITE_P(, GeneratedSets,
                         ::testing::Combine(::testing::Values("acl", "fw", "ipc"),
                                            ::testing::Values(3u, 50u, 1000u)),
                         [](const auto& set) {
                           return fmt::format("{}{}", std::get<0>(set.param),
                                              std::get<1>(set.param));
                         });

TEST_P(GeneratedSets, AreIndexedAsTheyAreWalked) {
  auto [kind, count] = GetParam();
  for (uint64_t seed = 0; seed < rounds(); seed++) {
    auto rules = generate_rules(kind, count, seed);
    std::mt19937_64 random(seed);
    compare(rules_text(rules, seed % 2 ? "LOG" : "ACCEPT"), Family::kIpv4, 10'000, count < 100,
            [&] { return packet_of(mixed(rules, random)); });
    if (HasFatalFailure()) return;
  }
}

// ------------------------------------------------------------ rules of any kind

// Rules over few addresses, ports and interfaces, so that many hold for a packet; all that may
// stand between, behind or instead of what is indexed.
class AnyRules {
 public:
  AnyRules(Family family, uint64_t seed) : v4_(family == Family::kIpv4), random_(seed) {}

  std::string text() {
    std::string text = fmt::format("*filter\n:FORWARD {}\n", random_.pick({"ACCEPT", "DROP"}));
    uint32_t chains = random_.below(5);
    for (uint32_t i = 0; i < chains; i++) text += fmt::format(":c{} -\n", i);
    for (uint32_t i = 0; i <= chains; i++) {
      std::string chain = i == 0 ? "FORWARD" : fmt::format("c{}", i - 1);
      uint32_t rules = random_.chance(20) ? 1 + random_.below(150) : 1 + random_.below(20);
      for (uint32_t r = 0; r < rules; r++) {
        text += fmt::format("-A {}{}{}\n", chain, conditions(), target(i, chains));
      }
    }
    return text + "COMMIT\n";
  }

  Packet packet() {
    Packet packet;
    packet.data = some_bytes.data();
    packet.family = v4_ ? Family::kIpv4 : Family::kIpv6;
    Fields& fields = packet.fields;
    uint32_t words = v4_ ? 1 : 4;
    for (uint32_t i = 0; i < words; i++) {
      fields.words[dimension::kSource + i] = word(i);
      fields.words[dimension::kDestination + i] = word(i);
    }
    fields[Field::kProtocol] = random_.pick({6u, 6u, 17u, 17u, v4_ ? 1u : 58u, 50u, 255u});
    packet.transport = v4_ ? 20 : 40;
    bool has_ports = fields[Field::kProtocol] == 6 || fields[Field::kProtocol] == 17;
    packet.length = packet.captured = packet.transport + 40u;
    if (random_.chance(10)) {
      packet.length = packet.captured = packet.transport + random_.below(24);
    } else if (random_.chance(10)) {
      packet.captured = packet.transport + random_.below(24);
    } else if (random_.chance(10)) {
      packet.is_fragment = true;
      packet.fragment_offset = 8 * (1 + random_.below(2));
      fields[Field::kFragment] = 1;
      has_ports = false;
    } else if (!v4_ && random_.chance(5)) {
      packet.no_transport = true;
      has_ports = false;
    }
    packet.wire_length = packet.length;
    if (has_ports && packet.captured >= packet.transport + 4u) {
      fields[Field::kSourcePort] = port();
      fields[Field::kDestinationPort] = port();
    }
    fields[Field::kLength] = packet.length;
    fields[Field::kTcpFlags] = random_.below(64);
    fields[Field::kIcmpType] = random_.below(10);
    fields[Field::kTtl] = 60 + random_.below(8);
    fields[Field::kMark] = random_.below(4);
    fields[Field::kCtState] = 1u << random_.below(5);
    packet.in = name();
    packet.out = name();
    return packet;
  }

 private:
  static constexpr uint32_t kBase[] = {0x0a000000, 0x00010000, 0, 0};

  uint32_t word(uint32_t i) {
    if (v4_)
      return random_.chance(90) ? 0x0a000000 | random_.below(16) << 6 | random_.below(3)
                                : static_cast<uint32_t>(random_.source()());
    if (i == 0) return 0x20010db8;
    return random_.below(i == 3 ? 5 : 2) << (i == 1 ? 16 : 0);
  }
  std::string address() {
    if (!v4_) {
      std::string text =
          fmt::format("2001:db8:{:x}:0:0:{:x}:0:{:x}", word(1) >> 16, word(2), word(3));
      if (random_.chance(10)) return text + "/ffff:ffff:ff::ff";
      return text + random_.pick({"", "/128", "/127", "/112", "/64", "/48", "/32", "/0"});
    }
    uint32_t a = word(0);
    return fmt::format(
        "{}.{}.{}.{}{}", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255,
        random_.pick({"", "", "/31", "/26", "/24", "/8", "/1", "/0", "/255.0.255.0"}));
  }
  uint32_t port() {
    return random_.chance(80) ? random_.pick({22u, 53u, 80u, 443u, 1023u, 1024u, 65535u})
                              : random_.below(65536);
  }
  const InterfaceName* name() {
    static const InterfaceName kNames[] = {InterfaceName("eth0"), InterfaceName("eth1"),
                                           InterfaceName("eth10"), InterfaceName("wlan0"),
                                           InterfaceName("a-long-name-15b")};
    uint32_t which = random_.below(6);
    return which == 5 ? nullptr : &kNames[which];
  }
  std::string maybe_not() { return random_.chance(15) ? "! " : ""; }

  std::string ports() {
    std::string text;
    for (const char* option : {"--sport", "--dport"}) {
      if (random_.chance(50)) continue;
      uint32_t low = port(), high = random_.chance(60) ? low : std::max(low, port());
      if (low == 0 && high == 65535) continue;
      text += fmt::format(" {}{} {}:{}", maybe_not(), option, low, high);
    }
    return text;
  }

  std::string protocol() {
    std::string text;
    switch (random_.below(8)) {
      case 0: return v4_ ? " -p icmp -m icmp --icmp-type 8" : " -p ipv6-icmp --icmpv6-type 8";
      case 1: return fmt::format(" {}-p {}", maybe_not(), random_.pick({"tcp", "udp", "esp"}));
      case 2:
        return fmt::format(" -p udp -m multiport {}--dports 22,53,{},1000:2000", maybe_not(),
                           port());
      case 3: return fmt::format(" -p tcp -m multiport --ports {}", port());
      case 4: return " -p udp -m udp" + ports();
      default: return " -p tcp -m tcp" + ports() + (random_.chance(20) ? " --syn" : "");
    }
  }

  std::string conditions() {
    std::string text;
    if (random_.chance(40)) text += " " + maybe_not() + "-s " + address();
    if (random_.chance(40)) text += " " + maybe_not() + "-d " + address();
    const std::initializer_list<const char*> interfaces{
        "eth0", "eth1", "eth+", "wlan0", "a-long-name-15b", "a-long+"};
    if (random_.chance(20)) text += " " + maybe_not() + "-i " + random_.pick(interfaces);
    if (random_.chance(20)) text += " " + maybe_not() + "-o " + random_.pick(interfaces);
    std::string other;
    if (random_.chance(30)) {
      other = random_.pick({" -m limit --limit 100/s", " -m mark --mark 1/1", " -m mark ! --mark 2",
                            " -m conntrack --ctstate NEW", " -m state ! --state ESTABLISHED",
                            " -m length --length 0:60", " -m comment --comment x",
                            " -m set --match-set s src", " -m set ! --match-set upnp dst,dst"});
    }
    bool other_first = random_.chance(30);
    if (other_first) text += other;
    if (random_.chance(60)) text += protocol();
    if (!other_first) text += other;
    return text;
  }

  std::string target(uint32_t chain, uint32_t chains) {
    if (chain < chains && random_.chance(30)) {
      uint32_t to = chain + random_.below(chains - chain);
      return fmt::format(" -{} c{}", random_.pick({"j", "j", "g"}), to);
    }
    return random_.pick({"", " -j LOG", " -j MARK --set-mark 1", " -j MARK --or-mark 2",
                         " -j RETURN", " -j ACCEPT", " -j DROP", " -j REJECT",
                         " -j CONNMARK --restore-mark", " -j SET --add-set s dst",
                         " -j SET --add-set upnp src,src --exist"});
  }

  bool v4_;
  Random random_;
};

// Packets of the addresses, ports and interfaces that a text names, or of their neighbours.
class Named {
 public:
  Named(const std::string& text, uint64_t seed) : random_(seed) {
    std::istringstream words(text);
    std::string before;
    for (std::string word; words >> word; before = word) {
      uint32_t a, b, c, d;
      if (std::sscanf(word.c_str(), "%u.%u.%u.%u", &a, &b, &c, &d) == 4) {
        addresses_.push_back(a << 24 | b << 16 | c << 8 | d);
      } else if (before.starts_with("--") && before.find("port") != before.npos) {
        std::replace(word.begin(), word.end(), ':', ',');
        std::istringstream ports(word);
        for (std::string port; std::getline(ports, port, ',');) {
          ports_.push_back(static_cast<uint32_t>(std::stoul(port)));
        }
      } else if (before == "-i" || before == "-o") {
        if (word.ends_with('+')) word.back() = '9';
        names_.emplace_back(word);
      }
    }
  }

  Packet packet() {
    GeneratedHeader header;
    header.source = near(addresses_, 0x0a000000, 256);
    header.destination = near(addresses_, 0x0a000000, 256);
    header.source_port = static_cast<uint16_t>(near(ports_, 40000, 2));
    header.destination_port = static_cast<uint16_t>(near(ports_, 40000, 2));
    header.protocol = static_cast<uint8_t>(random_.pick({6, 6, 6, 17, 17, 1, 2, 47}));
    Packet packet = packet_of(header);
    packet.fields[Field::kTcpFlags] = random_.pick({2u, 2u, 16u});
    packet.fields[Field::kIcmpType] = 8;
    packet.fields[Field::kCtState] = random_.pick({0u, 2u, 2u, 2u, 4u});
    packet.in = name();
    packet.out = name();
    return packet;
  }

 private:
  uint32_t near(const std::vector<uint32_t>& values, uint32_t otherwise, uint32_t distance) {
    if (values.empty() || random_.chance(10)) return otherwise + random_.below(65536 - 40000);
    uint32_t value = values[random_.below(static_cast<uint32_t>(values.size()))];
    return random_.chance(50) ? value : value ^ random_.below(distance);
  }
  const InterfaceName* name() {
    uint32_t which = random_.below(static_cast<uint32_t>(names_.size() + 1));
    return which == names_.size() ? nullptr : &names_[which];
  }

  Random random_;
  std::vector<uint32_t> addresses_, ports_;
  std::vector<InterfaceName> names_;
};

// The rule files of the repository.
TEST(Classifier, DumpsAreIndexedAsTheyAreWalked) {
  size_t dumps = 0;
  for (const char* directory : {"share/demo", "tests/program", "tests/dumps"}) {
    for (const auto& file :
         std::filesystem::directory_iterator(std::string(SALLYPORT_SOURCE) + "/" + directory)) {
      if (file.path().extension() != ".rules") continue;
      std::ifstream in(file.path());
      std::string text{std::istreambuf_iterator<char>(in), {}};
      Named world(text, dumps++);
      for (Hook hook : {Hook::kInput, Hook::kForward, Hook::kOutput}) {
        compare(text, Family::kIpv4, 5000 * rounds(), true, [&] { return world.packet(); }, hook);
      }
    }
  }
  EXPECT_GE(dumps, 6u);
}

// Rules that only ask for a source and rules that only ask for a destination, each in a network of
// its own: a tree of them all would have a leaf for every pair.
TEST(Classifier, WhatWouldNotFitIsBounded) {
  constexpr uint32_t kRules = 4000;
  std::string text = "*filter\n:FORWARD ACCEPT\n";
  for (uint32_t i = 0; i < kRules; i++) {
    text +=
        fmt::format("-A FORWARD -{} 10.{}.{}.0/24 -p udp -m udp --{} {}:{} -j DROP\n",
                    i % 2 ? 's' : 'd', i / 256, i % 256, i % 3 ? "sport" : "dport", i, 60000 - i);
  }
  text += "COMMIT\n";
  auto program = compile(*parse_rules(text, Family::kIpv4));
  EXPECT_LT(program->classifiers[0].memory(), kRules * 1024);
  Random random(1);
  compare(text, Family::kIpv4, 1000, false, [&] {
    GeneratedHeader header{.protocol = 17};
    header.source = 0x0a000000 | random.below(20 << 16);
    header.destination = 0x0a000000 | random.below(20 << 16);
    header.source_port = static_cast<uint16_t>(random.below(65536));
    header.destination_port = static_cast<uint16_t>(random.below(65536));
    return packet_of(header);
  });
}

TEST(Classifier, AnyRulesAreIndexedAsTheyAreWalked) {
  for (uint64_t seed = 0; seed < 300 * rounds(); seed++) {
    for (Family family : {Family::kIpv4, Family::kIpv6}) {
      AnyRules world(family, seed);
      std::string text = world.text();
      compare(text, family, 300, true, [&] { return world.packet(); });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace sallyport
