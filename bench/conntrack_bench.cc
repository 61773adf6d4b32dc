// A packet through parsing and connection tracking, in bursts of 32 as an attachment
// hands them over. Flows come in random order, either direction; so at a million flows
// nearly every one costs trips to memory. conntrack_new_flow keeps N flows alive: each new one is
// confirmed, and one that is 30 s old expires.
#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <memory>
#include <random>
#include <vector>

#include "conntrack/conntrack.h"
#include "packet/build.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

constexpr size_t kBurst = 32;
constexpr size_t kSlot = 64;  // bytes that a packet has room for
constexpr Tick kStart = ticks(1'000'000);

// Flow `number`'s packet: 10.x.y.z:port > 192.0.2.1:53 (443 for TCP), or its reply.
PacketSpec packet_of(uint8_t protocol, uint32_t number, bool reply, uint8_t tcp_flags) {
  PacketSpec spec;
  spec.protocol = protocol;
  spec.source = Address::ipv4(0x0a000000 | number >> 4);
  spec.destination = Address::ipv4(0xc0000201);
  spec.source_port = static_cast<uint16_t>(1024 + number % 16);
  spec.destination_port = protocol == protocol::kTcp ? 443 : 53;
  spec.tcp.flags = tcp_flags;
  spec.tcp.seq = reply ? 5000 : 1000;
  if (tcp_flags == tcp_flag::kAck) spec.tcp.seq++;
  if (tcp_flags & tcp_flag::kAck) spec.tcp.ack = reply ? 1001 : 5001;
  if (reply) {
    std::swap(spec.source, spec.destination);
    std::swap(spec.source_port, spec.destination_port);
  }
  return spec;
}

class Driver {
 public:
  Driver() : conntrack_(knobs(), make_hash_key(1), nullptr) {
    for (size_t i = 0; i < kBurst; i++) pointers_[i] = &packets_[i];
  }

  // Up to kBurst packets at `bytes`, kSlot apart.
  void burst(uint8_t* bytes, size_t count, uint32_t length, Tick now) {
    conntrack_.reserve(count, now);
    for (size_t i = 0; i < count; i++) {
      Packet& packet = packets_[i];
      packet = Packet{};
      packet.data = bytes + i * kSlot;
      packet.captured = packet.wire_length = length;
      packet.in = &interface_;
      parse(packet);
    }
    conntrack_.prefetch(std::span(pointers_).first(count));
    for (size_t i = 0; i < count; i++) {
      Tracked tracked = conntrack_.track(packets_[i], {}, now);
      conntrack_.confirm(packets_[i], tracked, now);
      benchmark::DoNotOptimize(tracked);
    }
  }

  void send(const PacketSpec& spec, Tick now) {
    std::vector<uint8_t> bytes = build(spec);
    burst(bytes.data(), 1, static_cast<uint32_t>(bytes.size()), now);
  }

  const Conntrack& conntrack() const { return conntrack_; }

 private:
  static Knobs knobs() {
    Knobs knobs;
    knobs.max = 0;
    return knobs;
  }

  Conntrack conntrack_;
  InterfaceName interface_{"eth0"};
  std::array<Packet, kBurst> packets_;
  std::array<Packet*, kBurst> pointers_;
};

void established(benchmark::State& state, uint8_t protocol) {
  auto flows = static_cast<uint32_t>(state.range(0));
  bool tcp = protocol == protocol::kTcp;
  Driver driver;
  for (uint32_t i = 0; i < flows; i++) {
    driver.send(packet_of(protocol, i, false, tcp_flag::kSyn), kStart);
    driver.send(packet_of(protocol, i, true, tcp_flag::kSyn | tcp_flag::kAck), kStart);
    if (tcp) driver.send(packet_of(protocol, i, false, tcp_flag::kAck), kStart);
  }
  // At least 64 K packets, so that a small table is visited in many orders.
  size_t count = std::max<size_t>(flows, 65536) / kBurst * kBurst;
  std::vector<uint8_t> bytes(count * kSlot);
  std::mt19937 random(7);
  uint32_t length = 0;
  for (size_t i = 0; i < count; i++) {
    auto packet = build(
        packet_of(protocol, static_cast<uint32_t>(random() % flows), random() % 2, tcp_flag::kAck));
    length = static_cast<uint32_t>(packet.size());
    std::ranges::copy(packet, bytes.begin() + static_cast<ptrdiff_t>(i * kSlot));
  }
  size_t at = 0;
  for (auto _ : state) {
    driver.burst(&bytes[at * kSlot], kBurst, length, kStart + 1);
    at = at + kBurst < count ? at + kBurst : 0;
  }
  if (driver.conntrack().count() != flows) state.SkipWithError("flows were lost");
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
  state.counters["bytes_per_flow"] =
      static_cast<double>(driver.conntrack().memory()) / static_cast<double>(flows);
}

void conntrack_established_udp(benchmark::State& state) {
  established(state, protocol::kUdp);
}
void conntrack_established_tcp(benchmark::State& state) {
  established(state, protocol::kTcp);
}

void conntrack_new_flow(benchmark::State& state) {
  auto flows = static_cast<uint64_t>(state.range(0));
  Driver driver;
  std::vector<uint8_t> bytes(kBurst * kSlot);
  std::vector<uint8_t> packet = build(packet_of(protocol::kUdp, 0, false, 0));
  for (size_t i = 0; i < kBurst; i++) {
    std::ranges::copy(packet, bytes.begin() + static_cast<ptrdiff_t>(i * kSlot));
    bytes[i * kSlot + 26] = bytes[i * kSlot + 27] = 0;  // no UDP checksum
  }
  uint64_t number = 0;
  auto next = [&] {
    for (size_t i = 0; i < kBurst; i++, number++) {
      // The ports tell flows apart; addresses stay, as the IP header has a checksum.
      auto* ports = reinterpret_cast<be16*>(&bytes[i * kSlot + 20]);
      ports[0] = static_cast<uint16_t>(number);
      ports[1] = static_cast<uint16_t>(number >> 16);
    }
    Tick now = kStart + number * ticks(30) / flows;
    driver.burst(bytes.data(), kBurst, static_cast<uint32_t>(packet.size()), now);
  };
  while (number < 2 * flows) next();
  for (auto _ : state) next();
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
  state.counters["bytes_per_flow"] = static_cast<double>(driver.conntrack().memory()) /
                                     static_cast<double>(driver.conntrack().count());
}

BENCHMARK(conntrack_established_udp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(conntrack_established_tcp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(conntrack_new_flow)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace sallyport
