// One scenario of the packet path, for callgrind to count its instructions
// (scripts/count-instructions): nothing in it depends on time, chance or addresses, so the count
// says what the code is, whatever the machine. Only measured() counts.
//
//   count_instructions              the scenarios' names
//   count_instructions SCENARIO     runs it
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "router.h"

namespace sallyport {

constexpr size_t kPackets = 64 * kBurst;

struct Packets {
  std::vector<uint8_t> bytes = std::vector<uint8_t>(kPackets * kSlot);
  std::vector<Side> sides = std::vector<Side>(kPackets, Side::kInside);
};

// How many were accepted.
size_t send_all(Router& router, Packets& packets, uint32_t length) {
  size_t accepted = 0;
  for (size_t at = 0; at < kPackets; at += kBurst) {
    accepted += router.burst(&packets.bytes[at * kSlot], &packets.sides[at], kBurst, length);
  }
  return accepted;
}

// The name that callgrind looks for.
extern "C" [[gnu::noinline]] size_t measured(Router& router, Packets& packets, uint32_t length) {
  return send_all(router, packets, length);
}

namespace {

constexpr uint32_t kFlows = 1000;

size_t established(Family family, uint8_t protocol) {
  Router router(family, kEstablishedRules + kNewRule);
  router.establish(family, protocol, kFlows);
  const PacketWriter original(family, protocol, false, tcp_flag::kAck);
  const PacketWriter reply(family, protocol, true, tcp_flag::kAck);
  Packets packets;
  std::minstd_rand random(7);
  for (size_t i = 0; i < kPackets; i++) {
    auto number = static_cast<uint32_t>(random() % kFlows);
    packets.sides[i] = random() & 0x100 ? Side::kOutside : Side::kInside;
    const PacketWriter& writer = packets.sides[i] == Side::kOutside ? reply : original;
    writer.write(number, &packets.bytes[i * kSlot]);
    if (protocol == protocol::kTcp)
      writer.offer(static_cast<uint16_t>(random() | 1), &packets.bytes[i * kSlot]);
  }
  return measured(router, packets, original.length());
}

// First packets of flows, into a table that has been as large before.
size_t begun(uint8_t protocol, const std::string& rules) {
  Router router(Family::kIpv4, kEstablishedRules + rules);
  const PacketWriter writer(Family::kIpv4, protocol, false, tcp_flag::kSyn);
  Packets packets;
  for (uint32_t i = 0; i < kPackets; i++) writer.write(i, &packets.bytes[i * kSlot]);
  send_all(router, packets, writer.length());
  router.pass(std::chrono::hours(1));
  uint8_t nothing[kSlot] = {};
  for (size_t i = 0; i < kPackets; i += kBurst) router.burst(nothing, 1, 1);
  return measured(router, packets, writer.length());
}

// Every second rule fails at an address, every other at a port.
std::string hundred_rules() {
  std::string rules;
  for (int i = 0; i < 50; i++) {
    rules += "-A FORWARD -s 203.0.113." + std::to_string(i) + "/32 -j ACCEPT\n";
    rules += "-A FORWARD -p udp -m udp --sport " + std::to_string(20000 + i) + " -j ACCEPT\n";
  }
  return rules;
}

struct Scenario {
  const char* name;
  size_t (*run)();
  size_t accepted;
};

constexpr Scenario kScenarios[] = {
    {"established_udp", [] { return established(Family::kIpv4, protocol::kUdp); }, kPackets},
    {"established_tcp", [] { return established(Family::kIpv4, protocol::kTcp); }, kPackets},
    {"established_udp6", [] { return established(Family::kIpv6, protocol::kUdp); }, kPackets},
    {"established_tcp6", [] { return established(Family::kIpv6, protocol::kTcp); }, kPackets},
    {"new_udp", [] { return begun(protocol::kUdp, kNewRule); }, kPackets},
    {"new_tcp", [] { return begun(protocol::kTcp, kNewRule); }, kPackets},
    {"dropped_after_100_rules", [] { return begun(protocol::kUdp, hundred_rules()); }, 0},
};

int run_named(int argc, char** argv) {
  for (const Scenario& scenario : kScenarios) {
    if (argc != 2) {
      std::printf("%s %zu\n", scenario.name, kPackets);
    } else if (std::strcmp(argv[1], scenario.name) == 0) {
      size_t accepted = scenario.run();
      if (accepted == scenario.accepted) return 0;
      std::fprintf(stderr, "%s: %zu packets were accepted\n", scenario.name, accepted);
      return 1;
    }
  }
  return argc != 2 ? 0 : 2;
}

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  return sallyport::run_named(argc, argv);
}
