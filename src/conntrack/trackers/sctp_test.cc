#include "conntrack/trackers/sctp.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "conntrack/test_conntrack.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

using sctp::Kind;
using testing::Firewall;
using testing::spec;

// Exchanges as Linux answered them: see tests/kernel/record_sctp_traces.py for the format.
struct Timeout {
  uint32_t Knobs::* knob;
  uint32_t base;
};
constexpr Timeout kTimeouts[] = {
    {&Knobs::sctp_timeout_closed, 10000},
    {&Knobs::sctp_timeout_cookie_wait, 20000},
    {&Knobs::sctp_timeout_cookie_echoed, 30000},
    {&Knobs::sctp_timeout_established, 40000},
    {&Knobs::sctp_timeout_shutdown_sent, 50000},
    {&Knobs::sctp_timeout_shutdown_recd, 60000},
    {&Knobs::sctp_timeout_shutdown_ack_sent, 70000},
    {&Knobs::sctp_timeout_heartbeat_sent, 80000},
};

uint8_t hex_byte(const std::string& digits, size_t at) {
  return static_cast<uint8_t>(std::stoi(digits.substr(at, 2), nullptr, 16));
}

std::vector<uint8_t> packet_of(std::istream& line) {
  char side = 0;
  uint32_t tag = 0;
  std::string names, chunks;
  line >> side >> tag >> names >> chunks;
  if (chunks == "-") chunks.clear();
  PacketSpec packet = side == 'c' ? spec(protocol::kSctp, "10.0.1.1", 1000, "10.0.2.1", 80)
                                  : spec(protocol::kSctp, "10.0.2.1", 80, "10.0.1.1", 1000);
  packet.sctp.tag = tag;
  packet.payload.resize(chunks.size() / 2);
  packet.trim = sizeof(SctpHeader) + chunks.size() / 2;
  std::vector<uint8_t> bytes = build(packet);
  for (size_t i = 0; i < chunks.size(); i += 2) {
    bytes[sizeof(Ipv4Header) + sizeof(SctpHeader) + i / 2] = hex_byte(chunks, i);
  }
  return bytes;
}

// What the flow of the client's port is now, in the words of the recording.
std::string entry_of(const Firewall& firewall) {
  Tuple tuple{.source = Address::ipv4(0x0a000101),
              .destination = Address::ipv4(0x0a000201),
              .source_port = 1000,
              .destination_port = 80,
              .family = Family::kIpv4,
              .protocol = protocol::kSctp};
  FlowId id = firewall.conntrack.lookup(tuple, {}, Firewall::at(0), nullptr);
  const Flow* flow = firewall.conntrack.find(id);
  if (!flow) return "- 0 - 0 0";
  std::string flags;
  if (!(flow->status & ct_status::kSeenReply)) flags += 'U';
  if (flow->status & ct_status::kAssured) flags += 'A';
  uint64_t left = (flow->expires() - Firewall::at(0)) / kTicksPerSecond;
  return fmt::format("{} {} {} {} {}", sctp_state_name(flow->sctp().state), left,
                     flags.empty() ? "-" : flags, flow->sctp().tag[0], flow->sctp().tag[1]);
}

// Empty, or the exchange up to the line that went wrong and what was said instead.
std::string replay(const std::vector<std::string>& lines) {
  Knobs knobs;
  knobs.checksum = 0;  // of the chunks as they were built, before they were replaced
  Firewall firewall(knobs);
  std::string told;
  uint32_t step = 0;
  for (const std::string& line : lines) {
    for (const Timeout& timeout : kTimeouts) knobs.*timeout.knob = timeout.base + 10 * step;
    firewall.conntrack.change_knobs(knobs);
    step++;
    size_t arrow = line.find(" => ");
    std::istringstream words(line.substr(0, arrow));
    std::vector<uint8_t> bytes = packet_of(words);
    Packet packet;
    packet.data = bytes.data();
    packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
    packet.in = &firewall.interface;
    parse(packet);
    std::string got = firewall.pass(0, packet);
    got = got.starts_with("INVALID") ? "INVALID -" : got;
    got += " " + entry_of(firewall);
    told += line + "\n";
    if (got != line.substr(arrow + 4)) return told + "  got " + got + "\n";
  }
  return {};
}

std::vector<std::vector<std::string>> exchanges_of(const std::string& path) {
  std::vector<std::vector<std::string>> exchanges;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    if (line.starts_with("exchange")) {
      exchanges.emplace_back();
    } else {
      exchanges.back().push_back(line);
    }
  }
  return exchanges;
}

TEST(Sctp, TracesAreAnsweredAsLinuxDid) {
  const char* other = std::getenv("SALLYPORT_SCTP_TRACES");
  std::string path = other ? other : SALLYPORT_SOURCE_DIR "/tests/kernel/sctp_traces.txt";
  std::vector<std::vector<std::string>> exchanges = exchanges_of(path);
  ASSERT_FALSE(exchanges.empty()) << path;
  for (const std::vector<std::string>& exchange : exchanges) {
    std::string told = replay(exchange);
    if (!told.empty()) ADD_FAILURE() << told;
  }
}

PacketSpec packet(uint8_t chunk, uint32_t tag, bool reply = false) {
  PacketSpec result = reply ? spec(protocol::kSctp, "10.0.2.1", 80, "10.0.1.1", 1000)
                            : spec(protocol::kSctp, "10.0.1.1", 1000, "10.0.2.1", 80);
  result.sctp.tag = tag;
  result.sctp.chunks = {{.type = chunk}};
  return result;
}

constexpr uint8_t kData = 0, kAbort = 6;

TEST(Sctp, AFlowFromAListingLearnsItsTagsAsTheyCome) {
  Firewall firewall;
  Diagnostics diagnostics;
  firewall.conntrack.load(
      "ipv4 2 sctp 132 200 ESTABLISHED src=10.0.1.1 dst=10.0.2.1 sport=1000 dport=80 "
      "src=10.0.2.1 dst=10.0.1.1 sport=80 dport=1000 [ASSURED] mark=0 use=1",
      Firewall::at(0), diagnostics);
  ASSERT_TRUE(diagnostics.empty());
  EXPECT_EQ(firewall.pass(0, packet(kData, 9)), "ESTABLISHED original");
  EXPECT_EQ(firewall.pass(0, packet(kData, 8)), "INVALID invalid-sctp-tag");
  EXPECT_EQ(firewall.pass(0, packet(kData, 7, true)), "ESTABLISHED reply");
  EXPECT_EQ(firewall.pass(0, packet(kData, 9, true)), "INVALID invalid-sctp-tag");
  EXPECT_EQ(firewall.pass(0, packet(kAbort, 7, true)), "ESTABLISHED reply");
  EXPECT_EQ(entry_of(firewall), "CLOSED 10 A 9 7");
}

TEST(Sctp, AChunkThatTheCaptureCutOffIsNotMistakenForTheEnd) {
  Firewall firewall;
  PacketSpec two = packet(kData, 0);
  two.sctp.chunks = {{.type = kAbort}, {.type = kAbort}};
  Packet whole = firewall.arrive(two);
  for (uint32_t captured : {20u + 12 + 2, 20u + 12 + 4 + 2}) {
    Packet cut = whole;
    cut.captured = captured;
    EXPECT_EQ(firewall.pass(0, cut), " not-in-the-capture") << captured;
  }
}

}  // namespace
}  // namespace sallyport
