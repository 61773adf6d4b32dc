// Which differences count as one: while a script is shrunk, it has to go on showing the same.
#include "kernel/difference.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>

namespace sallyport::testing {
namespace {

// How the timeout differs where the kernel is said to have shown another, and this of the packet.
std::optional<Difference> timeout_difference(const char* way, Outcome::Fate fate, CtInfo state) {
  Diagnostics diagnostics;
  std::string text = std::string("host eth0=192.168.1.2/24\nrules <<END\n*filter\nCOMMIT\nEND\n") +
                     way + " udp 192.168.1.7:1 > 192.168.1.2:2\n";
  std::optional<Script> script = parse_script(text, diagnostics);
  std::optional<Tick> tick = 0;
  std::expected<EngineRun, std::string> engine = run_on_engine(*script, {&tick, 1});
  if (!engine) return std::nullopt;
  KernelStep step{.sighting = {}, .tick = tick};
  step.sighting.seen.fate = fate;
  step.sighting.seen.state = state;
  step.sighting.seen.flow = SeenFlow{.timeout = 5};
  KernelRun kernel{.steps = {step}, .ending = {}};
  std::vector<Difference> all = compare_runs(*script, kernel, *engine);
  auto found = std::ranges::find(all, Aspect::kTimeout, &Difference::aspect);
  return found == all.end() ? std::nullopt : std::optional(*found);
}

TEST(Difference, IsOfAKindWithThoseOfPacketsThatWentTheSameWayToTheSameEnd) {
  using Fate = Outcome::Fate;
  std::optional<Difference> first = timeout_difference("in", Fate::kAccept, CtInfo::kNew);
  ASSERT_TRUE(first);
  auto kind = [](const char* way, Fate fate, CtInfo state) {
    std::optional<Difference> difference = timeout_difference(way, fate, state);
    return difference ? difference->kind() : "none";
  };
  EXPECT_EQ(kind("in", Fate::kAccept, CtInfo::kNew), first->kind());
  EXPECT_NE(kind("in", Fate::kNone, CtInfo::kNew), first->kind());
  EXPECT_NE(kind("in", Fate::kAccept, CtInfo::kEstablished), first->kind());
  EXPECT_NE(kind("fwd eth0 eth1", Fate::kAccept, CtInfo::kNew), first->kind());
}

}  // namespace
}  // namespace sallyport::testing
