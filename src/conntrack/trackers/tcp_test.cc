#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sstream>

#include "conntrack/test_conntrack.h"
#include "conntrack/trackers/tcp_established.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

// Exchanges as Linux answered them: see tests/kernel/record_tcp_traces.py for the format.
struct Timeout {
  uint32_t Knobs::* knob;
  uint32_t base;
};
constexpr Timeout kTimeouts[] = {
    {&Knobs::tcp_timeout_close, 10000},       {&Knobs::tcp_timeout_last_ack, 20000},
    {&Knobs::tcp_timeout_syn_recv, 30000},    {&Knobs::tcp_timeout_close_wait, 40000},
    {&Knobs::tcp_timeout_fin_wait, 50000},    {&Knobs::tcp_timeout_time_wait, 60000},
    {&Knobs::tcp_timeout_syn_sent, 70000},    {&Knobs::tcp_timeout_unacknowledged, 80000},
    {&Knobs::tcp_timeout_max_retrans, 90000}, {&Knobs::tcp_timeout_established, 500000},
};

uint8_t flags_of(const std::string& letters) {
  uint8_t flags = 0;
  for (char letter : letters) {
    flags |= letter == 'F'   ? tcp_flag::kFin
             : letter == 'S' ? tcp_flag::kSyn
             : letter == 'R' ? tcp_flag::kRst
             : letter == 'P' ? tcp_flag::kPsh
                             : tcp_flag::kAck;
  }
  return flags;
}

PacketSpec segment_of(std::istream& line) {
  char side = 0;
  std::string flags, scale, blocks;
  uint32_t seq = 0, ack = 0, window = 0, length = 0, sack_ok = 0;
  line >> side >> flags >> seq >> ack >> window >> length >> scale >> sack_ok >> blocks;
  PacketSpec result = side == 'c' ? spec(protocol::kTcp, "10.0.1.1", 1000, "10.0.2.1", 80)
                                  : spec(protocol::kTcp, "10.0.2.1", 80, "10.0.1.1", 1000);
  result.tcp.flags = flags_of(flags);
  result.tcp.seq = seq;
  result.tcp.ack = ack;
  result.tcp.window = static_cast<uint16_t>(window);
  result.payload.resize(length);
  if (scale != "-") result.tcp.window_scale = static_cast<uint8_t>(std::stoi(scale));
  result.tcp.sack_permitted = sack_ok;
  std::istringstream edges(blocks == "-" ? "" : blocks);
  uint32_t left = 0, right = 0;
  for (char between = 0; edges >> left >> between >> right; edges >> between) {
    result.tcp.sacks.emplace_back(left, right);
  }
  return result;
}

// What the flow of the client's port is now, in the words of the recording.
std::string entry_of(const Firewall& firewall, double now) {
  Tuple tuple{.source = Address::ipv4(0x0a000101),
              .destination = Address::ipv4(0x0a000201),
              .source_port = 1000,
              .destination_port = 80,
              .family = Family::kIpv4,
              .protocol = protocol::kTcp};
  FlowId id = firewall.conntrack.lookup(tuple, {}, Firewall::at(now), nullptr);
  const Flow* flow = firewall.conntrack.find(id);
  if (!flow) return "- 0 -";
  std::string flags;
  if (!(flow->status & ct_status::kSeenReply)) flags += 'U';
  if (flow->status & ct_status::kAssured) flags += 'A';
  uint64_t left = (flow->expires() - Firewall::at(now)) / kTicksPerSecond;
  return fmt::format("{} {} {}", tcp_state_name(flow->tcp().state), left,
                     flags.empty() ? "-" : flags);
}

struct Exchange {
  std::string name;
  std::vector<std::string> lines;
};

struct Recording {
  Knobs knobs;
  std::vector<Exchange> exchanges;
};

Recording read_recording(const std::string& path) {
  Recording recording;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string first, name, value;
    words >> first;
    if (first == "knob") {
      words >> name >> value;
      EXPECT_TRUE(recording.knobs.set("net.netfilter." + name, value));
    } else if (first == "exchange") {
      recording.exchanges.push_back({line, {}});
    } else {
      recording.exchanges.back().lines.push_back(line);
    }
  }
  return recording;
}

// Empty, or the exchange up to the line that went wrong and what was said instead.
std::string replay(const Exchange& exchange, const Knobs& initial) {
  std::string told = exchange.name + "\n";
  Knobs knobs = initial;
  Firewall firewall(knobs);
  uint32_t step = 0;
  for (const std::string& line : exchange.lines) {
    for (const Timeout& timeout : kTimeouts) knobs.*timeout.knob = timeout.base + 10 * step;
    firewall.conntrack.change_knobs(knobs);
    step++;
    size_t arrow = line.find(" => ");
    std::istringstream words(line.substr(0, arrow));
    std::string got = firewall.pass(0, segment_of(words));
    got = got.starts_with("INVALID") ? "INVALID -" : got;
    std::string expected_dir = got + " " + entry_of(firewall, 0);
    told += line + "\n";
    if (expected_dir != line.substr(arrow + 4)) return told + "  got " + expected_dir + "\n";
  }
  return {};
}

class TcpTraces : public ::testing::TestWithParam<const char*> {};

TEST_P(TcpTraces, AreAnsweredAsLinuxDid) {
  const char* other = std::getenv("SALLYPORT_TCP_TRACES");
  std::string path =
      other ? other : std::string(SALLYPORT_SOURCE_DIR "/tests/kernel/") + GetParam();
  Recording recording = read_recording(path);
  ASSERT_FALSE(recording.exchanges.empty()) << path;
  for (const Exchange& exchange : recording.exchanges) {
    std::string told = replay(exchange, recording.knobs);
    if (!told.empty()) ADD_FAILURE() << told;
  }
}

INSTANTIATE_TEST_SUITE_P(Tcp, TcpTraces,
                         ::testing::Values("tcp_traces.txt", "tcp_traces_liberal.txt",
                                           "tcp_traces_retrans.txt", "tcp_traces_rst.txt"));

// A number near one of those that decide.
uint32_t near(std::mt19937& random, uint32_t number) {
  return static_cast<uint32_t>(number + random() % 5 - 2);
}

TcpFlow random_flow(std::mt19937& random) {
  TcpFlow flow;
  for (TcpWindow& window : flow.window) {
    window.end = static_cast<uint32_t>(random());
    window.max_window = static_cast<uint32_t>(1 + random() % (random() % 3 ? 70000 : 1u << 30));
    window.max_end = near(random, window.end + (random() % 2 ? window.max_window : 0));
    window.max_ack = window.end;
  }
  for (size_t side : {0u, 1u}) {
    flow.window[side].max_ack = near(random, flow.window[1 - side].end);
    flow.window[side].traits = static_cast<uint32_t>((random() & 0xf0) | random() % 15);
  }
  flow.state = TcpState::kEstablished;
  flow.last = static_cast<uint8_t>(random() % 5 | (random() % 2 ? tcp::kLastReply : 0));
  flow.retransmits = static_cast<uint8_t>(random() % 3 ? random() % 5 : 253 + random() % 3);
  flow.last_end = flow.window[0].end;
  flow.last_ack = flow.window[1].end;
  flow.last_length = static_cast<uint16_t>(random() % 3);
  flow.last_window = static_cast<uint16_t>(random() % 2 * 500);
  flow.flags = random() % 10 ? 0 : static_cast<uint8_t>(1u << random() % 7);
  return flow;
}

// move_established() is move_tcp() for what nearly every segment is: where it says that it has done
// it, the flow and the step are those of move_tcp(), and where not, it has done nothing.
TEST(TcpEstablished, DoesWhatMoveTcpDoes) {
  std::mt19937 random(17);
  Firewall firewall;
  Knobs knobs;
  knobs.tcp_timeout_established = 1000;  // above and below the others
  size_t moved = 0, stamped = 0;
  constexpr size_t kSegments = 20000;
  for (size_t i = 0; i < kSegments; i++) {
    PacketSpec what = spec(protocol::kTcp, "10.0.1.1", 1000, "10.0.2.1", 80);
    FlowCopy flow;
    Tuple tuple;
    tuple.protocol = protocol::kTcp;
    flow.begin(tuple, FlowKey(tuple, Zone{}));
    flow.tcp() = random_flow(random);
    flow.status = ct_status::kConfirmed | ct_status::kSeenReply | ct_status::kAssured;
    if (random() % 20 == 0) flow.status = ct_status::kConfirmed | ct_status::kSeenReply;
    const auto direction = static_cast<Direction>(random() % 2);
    const TcpWindow& sender = flow.tcp().window[tcp::at(direction)];
    const TcpWindow& receiver = flow.tcp().window[tcp::at(opposite(direction))];
    what.payload.resize(random() % 3);
    what.tcp.flags = random() % 10 ? tcp_flag::kAck : static_cast<uint8_t>(1u << random() % 6);
    constexpr uint32_t kHalf = 1u << 31;  // as far before as behind
    const uint32_t places[] = {sender.end, sender.end, sender.max_end,
                               sender.end - receiver.max_window};
    what.tcp.seq = near(random, places[random() % 4] + (random() % 10 ? 0 : kHalf));
    const uint32_t acks[] = {receiver.end, receiver.end, receiver.end - 66000, sender.max_ack,
                             receiver.end - sender.max_window};
    what.tcp.ack = near(random, acks[random() % 5] + (random() % 20 ? 0 : kHalf));
    what.tcp.window = static_cast<uint16_t>(random() % 3 * 500);
    if (random() % 4 == 0) what.tcp.timestamps = true;
    if (random() % 10 == 0) what.tcp.sacks = {{what.tcp.ack + 1, what.tcp.ack + 2}};
    Packet packet = firewall.arrive(what);
    FlowCopy other = flow;
    const FlowCopy before = flow;
    uint32_t seconds = 0;
    const bool done = tcp::move_established(flow, packet, direction, knobs, seconds);
    if (done) {
      moved++;
      stamped += what.tcp.timestamps;
      const Step expected = move_tcp(other, {packet, direction, 0, knobs});
      ASSERT_EQ(expected.kind, Step::Kind::kAccept) << i;
      ASSERT_FALSE(expected.keep_timer) << i;
      ASSERT_TRUE(expected.assured) << i;
      ASSERT_EQ(seconds, expected.seconds) << i;
    }
    ASSERT_EQ(std::memcmp(&flow.tcp(), done ? &other.tcp() : &before.tcp(), sizeof(TcpFlow)), 0)
        << "segment " << i << (done ? " moved the flow otherwise" : " moved the flow");
  }
  EXPECT_GT(moved, kSegments / 5);
  EXPECT_GT(stamped, kSegments / 50);
  EXPECT_LT(moved, kSegments * 4 / 5);
}

}  // namespace
}  // namespace sallyport
