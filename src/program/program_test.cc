#include <gtest/gtest.h>

#include "program/emitter.h"
#include "program/interpreter.h"

namespace sallyport {
namespace {

RuleInfo rule(std::string chain, uint32_t number) {
  return {.table = "filter", .chain = std::move(chain), .number = number};
}

// Runs filter/FORWARD over a packet and says which rule decided: "ACCEPT FORWARD:2".
struct Bench {
  std::shared_ptr<const Program> program;
  std::vector<RuleCounters> counters;
  std::vector<Pc> stack;
  Packet packet;

  explicit Bench(Emitter& emitter, uint32_t indexed_from = kIndexedFrom)
      : program(emitter.finish(indexed_from)),
        counters(program->initial_counters),
        stack(program->depth) {
    packet.length = packet.captured = 60;
    packet.transport = 20;
    packet.fields[Field::kLength] = 60;
  }

  std::string verdict() {
    NoTrace trace;
    return verdict(trace);
  }
  template <typename Tracer>
  std::string verdict(Tracer& trace) {
    Context context(packet);
    Pc entry =
        program->entry[static_cast<size_t>(TableId::kFilter)][static_cast<size_t>(Hook::kForward)];
    Verdict verdict = run(*program, entry, context, counters, stack, trace);
    const RuleInfo& info = program->rules[context.rule];
    return std::string(verdict == Verdict::kAccept ? "ACCEPT " : "DROP ") + info.chain + ":" +
           (info.number ? std::to_string(info.number) : "policy") +
           (context.hotdrop ? " hotdrop" : "");
  }
};

// -A FORWARD -p 17 --dport 53:54 -j ACCEPT; policy DROP
void emit_one_rule(Emitter& emitter) {
  emitter.begin_table(TableId::kFilter);
  emitter.begin_chain("FORWARD", Hook::kForward);
  emitter.begin_rule(rule("FORWARD", 1));
  emitter.test(Field::kProtocol, ~0u, 17);
  emitter.need_header(8);
  emitter.test_range(Field::kDestinationPort, 53, 54);
  emitter.accept();
  emitter.end_rule();
  emitter.end_chain(Verdict::kDrop);
}

TEST(Program, DumpsOneLineAnInstruction) {
  Emitter emitter(Family::kIpv4);
  emit_one_rule(emitter);
  EXPECT_EQ(emitter.finish()->dump(),
            "   0 enter    to 6\n"
            "   1 test     proto == 0x11 else 6\n"
            "   2 header   8 bytes else 6\n"
            "   3 test     dport in 53..54 else 6\n"
            "   4 count    rule 0  # filter/FORWARD:1\n"
            "   5 accept\n"
            "   6 count    rule 1  # filter/FORWARD:policy\n"
            "   7 drop\n");
}

TEST(Program, AnIndexedChainGoesFromRuleToRuleThatCanMatch) {
  Emitter emitter(Family::kIpv4);
  emit_one_rule(emitter);
  EXPECT_EQ(emitter.finish(1)->dump(),
            "   0 enter    to 8\n"
            "   1 classify by proto dport boxes 1 trees 1 depth 0 lines 1 words 0\n"
            "   2 test     proto == 0x11 else 7\n"
            "   3 header   8 bytes else 7\n"
            "   4 test     dport in 53..54 else 7\n"
            "   5 count    rule 0  # filter/FORWARD:1\n"
            "   6 accept\n"
            "   7 next\n"
            "   8 count    rule 1  # filter/FORWARD:policy\n"
            "   9 drop\n");
}

TEST(Interpreter, AllConditionsMustHold) {
  Emitter emitter(Family::kIpv4);
  emit_one_rule(emitter);
  Bench bench(emitter);
  EXPECT_EQ(bench.verdict(), "DROP FORWARD:policy");
  bench.packet.fields[Field::kProtocol] = 17;
  EXPECT_EQ(bench.verdict(), "DROP FORWARD:policy");
  bench.packet.fields[Field::kDestinationPort] = 54;
  EXPECT_EQ(bench.verdict(), "ACCEPT FORWARD:1");
  EXPECT_EQ(bench.counters[0].packets, 1u);
  EXPECT_EQ(bench.counters[0].bytes, 60u);
  EXPECT_EQ(bench.counters[1].packets, 2u);
}

TEST(Interpreter, AShortHeaderIsAHotdropAndAnUncapturedOneIsNot) {
  Emitter emitter(Family::kIpv4);
  emit_one_rule(emitter);
  Bench bench(emitter);
  bench.packet.fields[Field::kProtocol] = 17;
  bench.packet.fields[Field::kDestinationPort] = 53;
  bench.packet.length = 24;
  EXPECT_EQ(bench.verdict(), "DROP FORWARD:1 hotdrop");
  bench.packet.length = 60;
  bench.packet.captured = 24;
  EXPECT_EQ(bench.verdict(), "DROP FORWARD:policy");
  bench.packet.captured = 60;
  bench.packet.fragment_offset = 16;
  EXPECT_EQ(bench.verdict(), "DROP FORWARD:policy");
}

TEST(Interpreter, ARecorderHearsNothingOfRulesThatAnIndexSkips) {
  for (uint32_t indexed_from : {1u, kNotIndexed}) {
    Emitter emitter(Family::kIpv4);
    emitter.begin_table(TableId::kFilter);
    emitter.begin_chain("FORWARD", Hook::kForward);
    emitter.begin_rule(rule("FORWARD", 1));
    emitter.test_range(Field::kLength, 0, 100);
    emitter.test(Field::kProtocol, ~0u, 17);
    emitter.drop();
    emitter.end_rule();
    emitter.end_chain(Verdict::kAccept);
    Bench bench(emitter, indexed_from);
    Recorder tcp, udp;
    bench.packet.fields[Field::kProtocol] = 6;
    EXPECT_EQ(bench.verdict(tcp), "ACCEPT FORWARD:policy");
    EXPECT_EQ(tcp.obstacle() == kNoPc, indexed_from == 1);
    bench.packet.fields[Field::kProtocol] = 17;
    EXPECT_EQ(bench.verdict(udp), "DROP FORWARD:1");
    EXPECT_NE(udp.obstacle(), kNoPc);
  }
}

// FORWARD: 1 jumps or goes to A, 2 drops; A: 1 jumps or goes to B; B returns. Policy ACCEPT.
std::string after_return(bool first_goes, bool second_goes) {
  Emitter emitter(Family::kIpv4);
  emitter.begin_table(TableId::kFilter);
  emitter.begin_chain("FORWARD", Hook::kForward);
  emitter.begin_rule(rule("FORWARD", 1));
  first_goes ? emitter.go_to("A") : emitter.jump("A");
  emitter.end_rule();
  emitter.begin_rule(rule("FORWARD", 2));
  emitter.drop();
  emitter.end_rule();
  emitter.end_chain(Verdict::kAccept);
  emitter.begin_chain("A", std::nullopt);
  emitter.begin_rule(rule("A", 1));
  second_goes ? emitter.go_to("B") : emitter.jump("B");
  emitter.end_rule();
  emitter.begin_rule(rule("A", 2));
  emitter.drop();
  emitter.end_rule();
  emitter.end_chain(Verdict::kContinue);
  emitter.begin_chain("B", std::nullopt);
  emitter.begin_rule(rule("B", 1));
  emitter.return_();
  emitter.end_rule();
  emitter.end_chain(Verdict::kContinue);
  return Bench(emitter).verdict();
}

TEST(Interpreter, AGotoReturnsToTheCallersCaller) {  // kernel-facts 46
  EXPECT_EQ(after_return(false, false), "DROP A:2");
  EXPECT_EQ(after_return(false, true), "DROP FORWARD:2");
  EXPECT_EQ(after_return(true, false), "DROP A:2");
  EXPECT_EQ(after_return(true, true), "ACCEPT FORWARD:policy");
}

TEST(Interpreter, ARuleWithoutTargetCountsAndGoesOn) {
  Emitter emitter(Family::kIpv4);
  emitter.begin_table(TableId::kFilter);
  emitter.begin_chain("FORWARD", Hook::kForward);
  emitter.begin_rule(rule("FORWARD", 1));
  emitter.end_rule();
  emitter.end_chain(Verdict::kAccept);
  Bench bench(emitter);
  EXPECT_EQ(bench.verdict(), "ACCEPT FORWARD:policy");
  EXPECT_EQ(bench.counters[0].packets, 1u);
}

TEST(Interpreter, ANegatedIpv6AddressIsNegatedAsAWhole) {
  Prefix prefix = *Prefix::parse("2001:db8::/32");
  for (bool negate : {false, true}) {
    Emitter emitter(Family::kIpv6);
    emitter.begin_table(TableId::kFilter);
    emitter.begin_chain("FORWARD", Hook::kForward);
    emitter.begin_rule(rule("FORWARD", 1));
    emitter.test_address(Field::kSource0, prefix.address, mask_of(Family::kIpv6, 32), negate);
    emitter.drop();
    emitter.end_rule();
    emitter.end_chain(Verdict::kAccept);
    Bench bench(emitter);
    bench.packet.fields[Field::kSource0] = 0x20010db8;
    bench.packet.fields[Field::kSource3] = 7;
    EXPECT_EQ(bench.verdict(), negate ? "ACCEPT FORWARD:policy" : "DROP FORWARD:1");
    bench.packet.fields[Field::kSource0] = 0x20010db9;
    EXPECT_EQ(bench.verdict(), negate ? "DROP FORWARD:1" : "ACCEPT FORWARD:policy");
  }
}

TEST(Interpreter, InterfaceNamesMatchWholeOrByPrefix) {
  struct Case {
    std::string_view name;  // of the packet's interface; empty: it has none
    bool prefix;            // the rule says eth+ instead of eth0
    bool held;
  };
  for (const Case& c :
       {Case{"eth0", false, true}, Case{"eth01", false, false}, Case{"eth", false, false},
        Case{"eth17", true, true}, Case{"wlan0", true, false}, Case{"", false, false}}) {
    InterfaceTest interface{.name = InterfaceName(c.prefix ? "eth" : "eth0"), .mask = {}};
    for (size_t i = 0; i < (c.prefix ? 3 : 16); i++) interface.mask.bytes[i] = '\xff';
    Emitter emitter(Family::kIpv4);
    emitter.begin_table(TableId::kFilter);
    emitter.begin_chain("FORWARD", Hook::kForward);
    emitter.begin_rule(rule("FORWARD", 1));
    emitter.test_interface(false, interface);
    emitter.drop();
    emitter.end_rule();
    emitter.end_chain(Verdict::kAccept);
    Bench bench(emitter);
    InterfaceName in(c.name);
    bench.packet.in = c.name.empty() ? nullptr : &in;
    EXPECT_EQ(bench.verdict(), c.held ? "DROP FORWARD:1" : "ACCEPT FORWARD:policy") << c.name;
  }
}

}  // namespace
}  // namespace sallyport
