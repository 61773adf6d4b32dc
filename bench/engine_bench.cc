// A packet's whole journey through a router: parse, way, checksum, connection tracking, rules with
// their counters, verdict; in bursts of 64.
//
// established_*: every flow is spoken to, in random order, in either direction; so at a million
// flows nearly every packet costs trips to memory. Packets are written just before, outside
// of what is timed. new_flow: N flows begin in a router that knows none, but has known as many.
// new_flow_churn keeps N flows alive: each new one is confirmed, and one that is 30 s old expires.
#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <cstring>
#include <memory>
#include <random>

#include "flow_numbers.h"
#include "huge_array.h"
#include "router.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;

struct alignas(64) HotPackets {
  std::array<uint8_t, kHotPackets * kSlot> bytes;
  uint8_t* slot(size_t i) { return &bytes[i * kSlot]; }
};

// How many of them were accepted.
size_t send(Router& router, HotPackets& packets, size_t count, uint32_t length) {
  size_t accepted = 0;
  for (size_t at = 0; at < count; at += kBurst) {
    accepted += router.burst(packets.slot(at), std::min(kBurst, count - at), length);
  }
  return accepted;
}

void established(benchmark::State& state, Family family, uint8_t protocol) {
  auto flows = static_cast<uint32_t>(state.range(0));
  Router router(family, kEstablishedRules + kNewRule);
  router.establish(family, protocol, flows);
  const PacketWriter original(family, protocol, false, tcp_flag::kAck);
  const PacketWriter reply(family, protocol, true, tcp_flag::kAck);
  HugeArray<uint32_t> order = random_order(flows, kHotPackets);
  std::minstd_rand random(7);
  auto hot = std::make_unique<HotPackets>();
  size_t at = 0, accepted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (size_t i = 0; i < kHotPackets; i++) {
      (random() & 0x100 ? reply : original).write(order[at + i], hot->slot(i));
    }
    at = at + kHotPackets < order.size() ? at + kHotPackets : 0;
    state.ResumeTiming();
    accepted += send(router, *hot, kHotPackets, original.length());
  }
  uint64_t packets = state.iterations() * kHotPackets;
  if (accepted != packets || router.engine().conntrack().count() != flows) {
    state.SkipWithError("packets or flows were lost");
  }
  router.report(state, packets);
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
void established_tcp6(benchmark::State& state) {
  established(state, Family::kIpv6, protocol::kTcp);
}

// The first packets of flows `first` to `last` - 1; `send` hears of kHotPackets at a time.
template <typename Send>
void begin_flows(uint64_t first, uint64_t last, HotPackets& hot, const PacketWriter& writer,
                 Send send) {
  while (first < last) {
    size_t count = std::min<uint64_t>(kHotPackets, last - first);
    for (size_t i = 0; i < count; i++) {
      writer.write(static_cast<uint32_t>(first++ & 0x0fffffff), hot.slot(i));
    }
    send(count);
  }
}

// Time passes until every flow has expired, burst by burst.
void expire_all(Router& router) {
  router.pass(1h);
  uint8_t nothing[kSlot] = {};
  while (router.engine().conntrack().count() != 0) router.burst(nothing, 1, 1);
}

void new_flow(benchmark::State& state) {
  auto flows = static_cast<uint64_t>(state.range(0));
  Router router(Family::kIpv4, kEstablishedRules + kNewRule);
  const PacketWriter writer(Family::kIpv4, protocol::kUdp, false);
  auto hot = std::make_unique<HotPackets>();
  size_t accepted = 0;
  auto send_hot = [&](size_t count) { accepted += send(router, *hot, count, writer.length()); };
  begin_flows(0, flows, *hot, writer, send_hot);
  for (auto _ : state) {
    state.PauseTiming();
    expire_all(router);
    begin_flows(0, flows, *hot, writer, [&](size_t count) {
      state.ResumeTiming();
      send_hot(count);
      state.PauseTiming();
    });
    state.ResumeTiming();
  }
  if (accepted != (state.iterations() + 1) * flows) state.SkipWithError("packets were lost");
  router.report(state, state.iterations() * flows);
}

void new_flow_churn(benchmark::State& state) {
  auto flows = static_cast<uint64_t>(state.range(0));
  Router router(Family::kIpv4, kEstablishedRules + kNewRule);
  const PacketWriter writer(Family::kIpv4, protocol::kUdp, false);
  auto hot = std::make_unique<HotPackets>();
  size_t accepted = 0;
  uint64_t number = 0;
  auto send_hot = [&](size_t count) {
    accepted += send(router, *hot, count, writer.length());
    // So much later that the flow of N flows before ends.
    router.pass(Duration(30s) * static_cast<int64_t>(count) / static_cast<int64_t>(flows) -
                kBurstTime * static_cast<int64_t>(count / kBurst));
  };
  begin_flows(0, 2 * flows, *hot, writer, send_hot);
  number = 2 * flows;
  for (auto _ : state) {
    state.PauseTiming();
    begin_flows(number, number + kHotPackets, *hot, writer, [&](size_t count) {
      state.ResumeTiming();
      send_hot(count);
      state.PauseTiming();
    });
    number += kHotPackets;
    state.ResumeTiming();
  }
  if (accepted != number) state.SkipWithError("packets were lost");
  router.report(state, state.iterations() * kHotPackets);
}

BENCHMARK(established_udp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(established_tcp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(established_udp6)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(established_tcp6)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(new_flow)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(new_flow_churn)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace sallyport
