// -m physdev: what each option says of each way that a packet can go, as seen on the kernel.
#include <gtest/gtest.h>

#include "extensions/registry.h"
#include "program/interpreter.h"

namespace sallyport {
namespace {

const BridgePorts kBridged{InterfaceName("eth0"), InterfaceName("eth1")};
const BridgePorts kOnlyIn{InterfaceName("eth0"), InterfaceName()};  // for the host, or routed

struct Place {
  const char* name;
  Hook hook;
  const BridgePorts* ports;
};
constexpr Place kPlaces[] = {
    {"bridged, PREROUTING", Hook::kPrerouting, &kBridged},
    {"bridged, FORWARD", Hook::kForward, &kBridged},
    {"bridged, POSTROUTING", Hook::kPostrouting, &kBridged},
    {"from a port, INPUT", Hook::kInput, &kOnlyIn},
    {"from a port, FORWARD", Hook::kForward, &kOnlyIn},
    {"from a port, POSTROUTING", Hook::kPostrouting, &kOnlyIn},
    {"no bridge, FORWARD", Hook::kForward, nullptr},
    {"own, OUTPUT", Hook::kOutput, nullptr},
};

std::unique_ptr<Match> made(Text option, Text value, bool negated) {
  std::unique_ptr<Match> match = find_match("physdev", Family::kIpv4)->make();
  for (const OptionSpec& spec : match->options()) {
    if (spec.name != option) continue;
    std::array words{value};
    size_t count = value.empty() ? 0 : 1;
    EXPECT_EQ(spec.read(spec, match->object(), std::span(words).first(count), {}, negated), "");
  }
  EXPECT_EQ(match->finish({}), "");
  return match;
}

// By what the match means, and by the program that it becomes.
bool holds(const Match& match, const Place& place) {
  Packet packet;
  Context context(packet);
  context.hook = place.hook;
  context.ports = place.ports;
  bool meant = match.eval(context) == MatchResult::kYes;
  Emitter emitter(Family::kIpv4);
  emitter.begin_table(TableId::kMangle);
  emitter.begin_chain("CHAIN", place.hook);
  emitter.begin_rule({.table = "mangle", .chain = "CHAIN", .number = 1});
  match.compile(emitter);
  emitter.drop();
  emitter.end_rule();
  emitter.end_chain(Verdict::kAccept);
  std::shared_ptr<const Program> program = emitter.finish();
  std::vector<RuleCounters> counters(program->rules.size());
  std::vector<Pc> stack(program->depth);
  NoTrace trace;
  Pc entry = program->entry[static_cast<size_t>(TableId::kMangle)][static_cast<size_t>(place.hook)];
  EXPECT_EQ(run(*program, entry, context, counters, stack, trace) == Verdict::kDrop, meant)
      << place.name;
  return meant;
}

TEST(PhysdevMatch, EachOptionInEachPlace) {
  struct Case {
    Text option, value;
    // In the order of kPlaces: + it holds, - its negation does, 0 neither.
    Text answers;
  };
  for (const Case& c : {
           Case{"--physdev-is-in", "", "++++++--"},
           Case{"--physdev-in", "eth0", "++++++--"},
           Case{"--physdev-in", "eth1", "--------"},
           Case{"--physdev-in", "eth+", "++++++--"},
           Case{"--physdev-in", "eth0+", "++++++--"},
           Case{"--physdev-in", "eth00+", "--------"},
           Case{"--physdev-in", "eth", "--------"},
           Case{"--physdev-in", "+", "++++++--"},
           Case{"--physdev-is-out", "", "-++-----"},
           Case{"--physdev-out", "eth1", "0++000--"},
           Case{"--physdev-out", "eth0", "0--000--"},
           Case{"--physdev-out", "+", "0++000--"},
           Case{"--physdev-is-bridged", "", "-++-----"},
       }) {
    std::unique_ptr<Match> plain = made(c.option, c.value, false);
    std::unique_ptr<Match> negated = made(c.option, c.value, true);
    for (size_t i = 0; i < std::size(kPlaces); i++) {
      bool yes = holds(*plain, kPlaces[i]), no = holds(*negated, kPlaces[i]);
      char answer = yes && no ? '?' : yes ? '+' : no ? '-' : '0';
      EXPECT_EQ(answer, c.answers[i]) << c.option << ' ' << c.value << ": " << kPlaces[i].name;
    }
  }
}

}  // namespace
}  // namespace sallyport
