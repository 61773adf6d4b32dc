#include "attach/replay.h"

#include <gtest/gtest.h>

#include "attach/script.h"
#include "attach/test_captures.h"
#include "program/emitter.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

using Fate = Outcome::Fate;

// A capture of raw IP packets, a second apart.
std::vector<uint8_t> capture_of(std::initializer_list<const char*> packets) {
  testing::CaptureBuilder builder;
  builder.pcap(0xa1b2c3d4, link_type::kRaw);
  uint32_t seconds = 1000;
  for (const char* text : packets) {
    Diagnostics diagnostics;
    std::string line = std::string("in ") + text;
    std::optional<ScriptPacket> packet = parse_script_line(line, 1, std::nullopt, diagnostics);
    EXPECT_TRUE(packet) << diagnostics.render("test", line);
    builder.pcap_record(seconds++, 0, packet->packet.bytes);
  }
  return builder.bytes;
}

// Everything that this host sees is accepted, and tracked.
class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() : engine_(config(), std::make_unique<SetStore>(make_hash_key(2))) {
    Emitter emitter(Family::kIpv4);
    emitter.needs_conntrack();
    engine_.set_program(Family::kIpv4, emitter.finish());
  }

  static Engine::Config config() {
    Engine::Config config{.hash_key = make_hash_key(1)};
    config.host.add(InterfaceName("eth0"), *Prefix::parse("192.168.1.2/24"));
    return config;
  }

  struct Seen {
    uint64_t index;
    Fate fate;
    size_t flows;  // there were, when it was seen
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  Seen see(const Judged& judged) {
    return {judged.record.index, judged.outcome.fate, engine_.conntrack().count()};
  }

  Engine engine_;
  Viewpoint viewpoint_ = Viewpoint::of_host(engine_.host(), InterfaceName("eth0"));
};

const std::initializer_list<const char*> kPackets{
    "udp 192.168.1.7:1 > 192.168.1.2:9",
    "udp 192.168.1.7:2 > 192.168.1.2:9 len 32 frag 0 24 more",
    "udp 192.168.1.7:3 > 192.168.1.2:9",
    "udp 192.168.1.7:2 > 192.168.1.2:9 len 32 frag 24 16",
};

// What waits for a fragment before it is handed on when that is settled, and knows its fate.
TEST_F(ReplayTest, HandsOnInOrderWhatIsSettled) {
  Capture capture = *Capture::from_memory(capture_of(kPackets));
  Replay replay(capture, engine_, viewpoint_, {.burst = 1});
  std::vector<std::vector<Seen>> calls;
  std::vector<std::optional<uint64_t>> completed_by;
  for (std::span<const Judged> judged; replay.next(judged);) {
    calls.emplace_back();
    for (const Judged& one : judged) {
      calls.back().push_back(see(one));
      completed_by.push_back(one.completed_by);
    }
  }
  EXPECT_EQ(calls, (std::vector<std::vector<Seen>>{
                       {{0, Fate::kAccept, 1}},
                       {{1, Fate::kStolen, 3}, {2, Fate::kAccept, 3}, {3, Fate::kAccept, 3}}}));
  EXPECT_EQ(completed_by, (std::vector<std::optional<uint64_t>>{{}, 3, {}, {}}));
}

// Who watches sees the engine as each packet left it, whatever the burst and what waits.
TEST_F(ReplayTest, AWatcherSeesEachPacketInItsTime) {
  Capture capture = *Capture::from_memory(capture_of(kPackets));
  Replay replay(capture, engine_, viewpoint_, {});
  std::vector<Seen> watched;
  replay.watch([&](const Judged& judged) { watched.push_back(see(judged)); });
  size_t handed_on = 0;
  for (std::span<const Judged> judged; replay.next(judged);) handed_on += judged.size();
  EXPECT_EQ(watched, (std::vector<Seen>{{0, Fate::kAccept, 1},
                                        {1, Fate::kStolen, 1},
                                        {2, Fate::kAccept, 2},
                                        {3, Fate::kAccept, 3}}));
  EXPECT_EQ(handed_on, 4u);
}

// Whatever the burst: who wants the answers gets them in order, and nothing else.
TEST_F(ReplayTest, TellsWhatRejectAnswers) {
  auto rules = parse_rules("*filter\n:INPUT ACCEPT\n-A INPUT -p udp --sport 3 -j REJECT\nCOMMIT\n",
                           Family::kIpv4, &engine_.sets());
  ASSERT_TRUE(rules);
  engine_.set_program(Family::kIpv4, compile(*rules));
  Capture capture = *Capture::from_memory(
      capture_of({"udp 192.168.1.7:1 > 192.168.1.2:9", "udp 192.168.1.7:3 > 192.168.1.2:9",
                  "udp 192.168.1.7:3 > 192.168.1.255:9", "udp 192.168.1.7:3 > 192.168.1.2:8"}));
  Replay replay(capture, engine_, viewpoint_, {});
  std::vector<std::pair<uint64_t, size_t>> answers;
  replay.on_answer([&](const Judged& judged, Answer& answer) {
    answers.emplace_back(judged.record.index, answer.length);
  });
  std::vector<bool> answered;
  for (std::span<const Judged> judged; replay.next(judged);) {
    for (const Judged& one : judged) {
      answered.push_back(one.outcome.reject_with && !one.outcome.unanswered);
    }
  }
  EXPECT_EQ(answers, (std::vector<std::pair<uint64_t, size_t>>{{1, 56}, {3, 56}}));
  EXPECT_EQ(answered, (std::vector<bool>{false, true, false, true}));
}

// A fragment whose datagram is never whole was held when it came, and is lost in the end.
TEST_F(ReplayTest, ALostFragmentIsDropped) {
  testing::CaptureBuilder builder;
  builder.data(capture_of({"udp 192.168.1.7:2 > 192.168.1.2:9 len 32 frag 0 24 more"}));
  std::vector<uint8_t> later = capture_of({"udp 192.168.1.7:3 > 192.168.1.2:9"});
  later[24] = 0xff;  // its time: 15 minutes later than 1000 s
  later[25] = 0x06;
  builder.data({later.begin() + 24, later.end()});
  Capture capture = *Capture::from_memory(builder.bytes);
  Replay replay(capture, engine_, viewpoint_, {});
  std::vector<Fate> watched, handed_on;
  std::vector<Reason> reasons;
  replay.watch([&](const Judged& judged) { watched.push_back(judged.outcome.fate); });
  for (std::span<const Judged> judged; replay.next(judged);) {
    for (const Judged& one : judged) {
      handed_on.push_back(one.outcome.fate);
      reasons.push_back(one.outcome.reason);
    }
  }
  EXPECT_EQ(watched, (std::vector<Fate>{Fate::kStolen, Fate::kAccept}));
  EXPECT_EQ(handed_on, (std::vector<Fate>{Fate::kDrop, Fate::kAccept}));
  EXPECT_EQ(reasons[0], Reason::kFragmentTimeout);
}

// Also before those after it that are early again.
TEST_F(ReplayTest, StopsBeforeTheFirstRecordThatIsTooLate) {
  std::vector<uint8_t> early = capture_of({"udp 192.168.1.7:1 > 192.168.1.2:9"});
  std::vector<uint8_t> late = early;
  late[24] = 0xff;
  late[25] = 0x06;
  testing::CaptureBuilder builder;
  builder.data(early);
  builder.data({early.begin() + 24, early.end()});
  builder.data({late.begin() + 24, late.end()});
  builder.data({early.begin() + 24, early.end()});
  for (auto [seconds, records] : {std::pair(999, 0), {1001, 2}, {9999, 4}}) {
    Capture capture = *Capture::from_memory(builder.bytes);
    Replay replay(capture, engine_, viewpoint_, {});
    replay.stop_at(Instant(std::chrono::seconds(seconds)));
    size_t handed_on = 0;
    for (std::span<const Judged> judged; replay.next(judged);) handed_on += judged.size();
    EXPECT_EQ(handed_on, static_cast<size_t>(records)) << seconds;
  }
}

}  // namespace
}  // namespace sallyport
