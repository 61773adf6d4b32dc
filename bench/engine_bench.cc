// A packet's whole journey through a router, as an attachment drives it: parse, way, checksum,
// connection tracking, rules with their counters, verdict; in bursts of 64, discovery on.
//
// The router is the longer case: three hooks, and every packet's checksum verified. Packets come
// in random order of flows, in either direction; so at a million flows nearly every one costs trips
// to memory. ESTABLISHED is the first rule of each chain, as people write it. new_flow keeps N
// flows alive: each new one is confirmed, and one that is 30 s old expires. rules_walk is a NEW
// packet that no rule accepts, half of the rules failing at an address and half at a port.
#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "packet/build.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/parse.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;

constexpr size_t kBurst = 64;
constexpr size_t kSlot = 64;  // bytes that a packet has room for
constexpr Instant kStart{1'000'000s};

const std::string kEstablished = R"(*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT DROP
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
)";
const std::string kNewToo = "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n";

// Flow `number`'s packet, or its reply: 10.x.y.z:port or [fd00::x:y]:port > the one server.
PacketSpec packet_of(Family family, uint8_t protocol, uint32_t number, bool reply,
                     uint8_t tcp_flags = 0) {
  PacketSpec spec;
  spec.family = family;
  spec.protocol = protocol;
  if (family == Family::kIpv4) {
    spec.source = Address::ipv4(0x0a000000 | number >> 4);
    spec.destination = Address::ipv4(0xc0000201);
  } else {
    spec.source = {{0xfd000000, 0, 0, number >> 4}};
    spec.destination = {{0x20010db8, 0, 0, 1}};
  }
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

class Router {
 public:
  Router(Family family, const std::string& rules)
      : engine_(config(), std::make_unique<SetStore>(make_hash_key(2))),
        viewpoint_(Viewpoint::of_router({*Prefix::parse("10.0.0.0/8"), *Prefix::parse("fd00::/8")},
                                        InterfaceName("in0"), InterfaceName("out0"))) {
    auto parsed = parse_rules(rules + "COMMIT\n", family);
    if (parsed) engine_.set_program(family, compile(*parsed));
  }

  // Up to kBurst packets of `length` bytes at `bytes`, kSlot apart. How many were accepted.
  size_t burst(uint8_t* bytes, size_t count, uint32_t length, Instant now) {
    for (size_t i = 0; i < count; i++) {
      Packet& packet = packets_[i];
      packet = Packet{};
      packet.data = bytes + i * kSlot;
      packet.captured = packet.wire_length = length;
      packet.time = now;
      parse(packet);
      ways_[i] = viewpoint_.way(packet, nullptr);
    }
    engine_.process(std::span(packets_).first(count), std::span(ways_).first(count),
                    std::span(outcomes_).first(count));
    return static_cast<size_t>(std::count_if(
        outcomes_.begin(), outcomes_.begin() + static_cast<ptrdiff_t>(count),
        [](const Outcome& outcome) { return outcome.fate == Outcome::Fate::kAccept; }));
  }

  size_t send(const PacketSpec& spec) {
    std::vector<uint8_t> bytes = build(spec);
    return burst(bytes.data(), 1, static_cast<uint32_t>(bytes.size()), kStart);
  }

  Engine& engine() { return engine_; }

  void report(benchmark::State& state) {
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
    state.counters["bytes_per_flow"] =
        static_cast<double>(engine_.conntrack().memory()) /
        static_cast<double>(std::max<size_t>(engine_.conntrack().count(), 1));
  }

 private:
  static Engine::Config config() {
    Engine::Config config;
    config.knobs.max = 0;
    config.descriptors = builtin_descriptors();
    config.hash_key = make_hash_key(1);
    return config;
  }

  Engine engine_;
  Viewpoint viewpoint_;
  std::array<Packet, kBurst> packets_;
  std::array<Way, kBurst> ways_;
  std::array<Outcome, kBurst> outcomes_;
};

void established(benchmark::State& state, Family family, uint8_t protocol) {
  auto flows = static_cast<uint32_t>(state.range(0));
  Router router(family, kEstablished + kNewToo);
  for (uint32_t i = 0; i < flows; i++) {
    router.send(packet_of(family, protocol, i, false, tcp_flag::kSyn));
    router.send(packet_of(family, protocol, i, true, tcp_flag::kSyn | tcp_flag::kAck));
    if (protocol == protocol::kTcp) {
      router.send(packet_of(family, protocol, i, false, tcp_flag::kAck));
    }
  }
  // At least 64 K packets, so that a small table is visited in many orders.
  size_t count = std::max<size_t>(flows, 65536) / kBurst * kBurst;
  std::vector<uint8_t> bytes(count * kSlot);
  std::mt19937 random(7);
  uint32_t length = 0;
  for (size_t i = 0; i < count; i++) {
    auto number = static_cast<uint32_t>(random() % flows);
    auto packet = build(packet_of(family, protocol, number, random() % 2, tcp_flag::kAck));
    length = static_cast<uint32_t>(packet.size());
    std::ranges::copy(packet, bytes.begin() + static_cast<ptrdiff_t>(i * kSlot));
  }
  size_t at = 0, accepted = 0;
  for (auto _ : state) {
    accepted += router.burst(&bytes[at * kSlot], kBurst, length, kStart + 4ms);
    at = at + kBurst < count ? at + kBurst : 0;
  }
  bool all = accepted == state.iterations() * kBurst;
  if (!all || router.engine().conntrack().count() != flows)
    state.SkipWithError("packets were lost");
  router.report(state);
}

void established_udp(benchmark::State& state) {
  established(state, Family::kIpv4, protocol::kUdp);
}
void established_tcp(benchmark::State& state) {
  established(state, Family::kIpv4, protocol::kTcp);
}
void established_udp6(benchmark::State& state) {
  established(state, Family::kIpv6, protocol::kUdp);
}

// A burst of one packet that is given other ports again and again: addresses stay, as the IP
// header has a checksum; the UDP checksum is brought up to date.
class NewFlows {
 public:
  NewFlows() : bytes_(kBurst * kSlot) {
    std::vector<uint8_t> packet = build(packet_of(Family::kIpv4, protocol::kUdp, 0, false));
    length_ = static_cast<uint32_t>(packet.size());
    for (size_t i = 0; i < kBurst; i++) {
      std::ranges::copy(packet, bytes_.begin() + static_cast<ptrdiff_t>(i * kSlot));
    }
  }

  size_t send(Router& router, Instant now) {
    for (size_t i = 0; i < kBurst; i++, number_++) {
      auto* udp = reinterpret_cast<UdpHeader*>(&bytes_[i * kSlot + sizeof(Ipv4Header)]);
      Sum before = sum_words(udp, 1);
      udp->source_port = static_cast<uint16_t>(number_);
      udp->destination_port = static_cast<uint16_t>(number_ >> 16);
      auto* field = reinterpret_cast<uint8_t*>(&udp->checksum);  // in memory order
      uint16_t checksum;
      std::memcpy(&checksum, field, sizeof checksum);
      checksum = replace_in_checksum(checksum, before, sum_words(udp, 1));
      std::memcpy(field, &checksum, sizeof checksum);
    }
    return router.burst(bytes_.data(), kBurst, length_, now);
  }

  uint64_t number() const { return number_; }

 private:
  std::vector<uint8_t> bytes_;
  uint32_t length_ = 0;
  uint64_t number_ = 0;
};

void new_flow(benchmark::State& state) {
  auto flows = static_cast<int64_t>(state.range(0));
  Router router(Family::kIpv4, kEstablished + kNewToo);
  NewFlows source;
  auto next = [&] {
    Duration passed = Duration(30s) * static_cast<int64_t>(source.number()) / flows;
    return source.send(router, kStart + passed);
  };
  while (source.number() < static_cast<uint64_t>(2 * flows)) next();
  size_t accepted = 0;
  for (auto _ : state) accepted += next();
  if (accepted != state.iterations() * kBurst) state.SkipWithError("packets were lost");
  router.report(state);
}

void rules_walk(benchmark::State& state) {
  std::string rules = kEstablished;
  for (int64_t i = 0; i < state.range(0); i++) {
    rules += i % 2 == 0
                 ? fmt::format("-A FORWARD -s 203.0.{}.{}/32 -j ACCEPT\n", i / 256 % 256, i % 256)
                 : fmt::format("-A FORWARD -p udp -m udp --sport {} -j ACCEPT\n", 20000 + i);
  }
  Router router(Family::kIpv4, rules);
  std::vector<uint8_t> bytes(kBurst * kSlot);
  uint32_t length = 0;
  for (uint32_t i = 0; i < kBurst; i++) {
    auto packet = build(packet_of(Family::kIpv4, protocol::kUdp, i, false));
    length = static_cast<uint32_t>(packet.size());
    std::ranges::copy(packet, bytes.begin() + i * static_cast<ptrdiff_t>(kSlot));
  }
  size_t accepted = 0;
  for (auto _ : state) accepted += router.burst(bytes.data(), kBurst, length, kStart);
  if (accepted != 0) state.SkipWithError("a rule matched");
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
}

BENCHMARK(established_udp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(established_tcp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(established_udp6)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(new_flow)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(rules_walk)->Arg(10)->Arg(100)->Arg(1'000)->Arg(10'000);

}  // namespace
}  // namespace sallyport
