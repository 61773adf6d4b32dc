// A packet's whole journey through a router: parse, way, checksum, connection tracking, rules with
// their counters, verdict; in bursts of 64.
//
// established_*: every flow is spoken to, in random order, in either direction; so at a million
// flows nearly every packet costs trips to memory. Packets are written just before, outside
// of what is timed. new_flow: N flows begin in a router that knows none, but has known as many.
// new_flow_churn keeps N flows alive: each new one is confirmed, and one that is 30 s old expires.
// flooded_flows: the same as new_flow, but of flows chosen by somebody who wants them to clash; he
// guesses the hash key, and is wrong. With flooded_flows_known_key he is right, which shows that
// they were chosen well.
//
// expiry: N flows end at one moment, while others go on. longest_burst_us is the longest that a
// burst of these took; of several runs the one in the middle.
#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <ctime>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "conntrack/table.h"
#include "flow_numbers.h"
#include "huge_array.h"
#include "router.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;

struct alignas(64) HotPackets {
  std::array<uint8_t, kHotPackets * kSlot> bytes;
  std::array<Side, kHotPackets> sides{};
  uint8_t* slot(size_t i) { return &bytes[i * kSlot]; }
};

// How many of them were accepted.
size_t send(Router& router, HotPackets& packets, size_t count, uint32_t length) {
  size_t accepted = 0;
  for (size_t at = 0; at < count; at += kBurst) {
    accepted +=
        router.burst(packets.slot(at), &packets.sides[at], std::min(kBurst, count - at), length);
  }
  return accepted;
}

// A router whose flows are established. It is kept until others are asked for: the library calls a
// benchmark several times, and ten million flows take a while.
struct Established {
  Family family;
  uint8_t protocol;
  uint32_t flows;
  Router router;
  HugeArray<uint32_t> order;  // of the packets' flows
  size_t at = 0;

  Established(Family of_family, uint8_t of_protocol, uint32_t count)
      : family(of_family),
        protocol(of_protocol),
        flows(count),
        router(family, kEstablishedRules + kNewRule),
        order(random_order(flows, kHotPackets)) {
    router.establish(family, protocol, flows);
  }

  static Established& get(Family family, uint8_t protocol, uint32_t flows) {
    static std::unique_ptr<Established> last;
    bool same =
        last && last->family == family && last->protocol == protocol && last->flows == flows;
    if (!same) {
      last.reset();  // before there is another
      last = std::make_unique<Established>(family, protocol, flows);
    }
    return *last;
  }
};

void established(benchmark::State& state, Family family, uint8_t protocol) {
  auto flows = static_cast<uint32_t>(state.range(0));
  Established& setting = Established::get(family, protocol, flows);
  Router& router = setting.router;
  const PacketWriter original(family, protocol, false, tcp_flag::kAck);
  const PacketWriter reply(family, protocol, true, tcp_flag::kAck);
  std::minstd_rand random(7);
  auto hot = std::make_unique<HotPackets>();
  size_t accepted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (size_t i = 0; i < kHotPackets; i++) {
      hot->sides[i] = random() & 0x100 ? Side::kOutside : Side::kInside;
      const PacketWriter& writer = hot->sides[i] == Side::kOutside ? reply : original;
      writer.write(setting.order[setting.at + i], hot->slot(i));
      if (protocol == protocol::kTcp)
        writer.offer(static_cast<uint16_t>(random() | 1), hot->slot(i));
    }
    setting.at += kHotPackets;
    if (setting.at == setting.order.size()) setting.at = 0;
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

// The first packets of `flows`; `send` hears of kHotPackets at a time.
template <typename Send>
void begin_flows(std::span<const Client> flows, HotPackets& hot, const PacketWriter& writer,
                 Send send) {
  while (!flows.empty()) {
    size_t count = std::min(kHotPackets, flows.size());
    for (size_t i = 0; i < count; i++) writer.write_client(flows[i], hot.slot(i));
    flows = flows.subspan(count);
    send(count);
  }
}

// Time passes until `flows` flows are over, and then a burst for each kBurst of them: the engine
// takes them out little by little, and one that does not take out a flow a packet would never be
// done.
template <typename Burst>
void expire(Router& router, size_t flows, Burst burst) {
  router.pass(1h);
  for (size_t i = 0; i < flows; i += kBurst) burst();
}

// Into a router that knows no flow, but has known as many: its memory is there.
void begin_again_and_again(benchmark::State& state, Router& router, std::span<const Client> flows) {
  const PacketWriter writer(Family::kIpv4, protocol::kUdp, false);
  auto hot = std::make_unique<HotPackets>();
  size_t accepted = 0;
  auto send_hot = [&](size_t count) { accepted += send(router, *hot, count, writer.length()); };
  begin_flows(flows, *hot, writer, send_hot);
  for (auto _ : state) {
    state.PauseTiming();
    uint8_t nothing[kSlot] = {};
    expire(router, flows.size(), [&] { router.burst(nothing, 1, 1); });
    begin_flows(flows, *hot, writer, [&](size_t count) {
      state.ResumeTiming();
      send_hot(count);
      state.PauseTiming();
    });
    state.ResumeTiming();
  }
  if (accepted != (state.iterations() + 1) * flows.size()) state.SkipWithError("packets were lost");
  router.report(state, state.iterations() * flows.size());
}

HugeArray<Client> clients(uint32_t first, size_t count) {
  HugeArray<Client> result(count);
  for (Client& client : result) client = client_of(first++);
  return result;
}

void new_flow(benchmark::State& state) {
  Router router(Family::kIpv4, kEstablishedRules + kNewRule);
  begin_again_and_again(state, router, clients(0, static_cast<size_t>(state.range(0))).span());
}

void new_flow_churn(benchmark::State& state) {
  auto flows = static_cast<uint32_t>(state.range(0));
  Router router(Family::kIpv4, kEstablishedRules + kNewRule);
  const PacketWriter writer(Family::kIpv4, protocol::kUdp, false);
  auto hot = std::make_unique<HotPackets>();
  size_t accepted = 0;
  auto send_hot = [&](size_t count) {
    accepted += send(router, *hot, count, writer.length());
    // So much later that the flow of N flows before ends.
    router.pass(Duration(30s) * static_cast<int64_t>(count) / flows -
                kBurstTime * static_cast<int64_t>((count + kBurst - 1) / kBurst));
  };
  begin_flows(clients(0, 2 * flows).span(), *hot, writer, send_hot);
  size_t sent = 2 * flows;
  for (auto _ : state) {
    state.PauseTiming();
    auto next = clients(static_cast<uint32_t>(sent), kHotPackets);
    begin_flows(next.span(), *hot, writer, [&](size_t count) {
      state.ResumeTiming();
      send_hot(count);
      state.PauseTiming();
    });
    sent += kHotPackets;
    state.ResumeTiming();
  }
  if (accepted != sent) state.SkipWithError("packets were lost");
  router.report(state, state.iterations() * kHotPackets);
}

// Flows that would all begin at one place in 256 of a table that hashes with `known`: what somebody
// sends who knows the hash function, and hopes to know its key.
HugeArray<Client> flooding_clients(size_t count, const HashKey& known) {
  const FlowTable table(known);
  HugeArray<Client> result(count);
  uint32_t number = 0;
  for (Client& client : result) {
    uint64_t hash;
    do {
      client = client_of(number++);
      Tuple tuple;
      tuple.family = Family::kIpv4;
      tuple.protocol = protocol::kUdp;
      tuple.source = Address::ipv4(client.address);
      tuple.destination = Address::ipv4(kServer);
      tuple.source_port = client.port;
      tuple.destination_port = 53;
      hash = table.hash(tuple, 0);
    } while (hash % 256 != 0);
  }
  return result;
}

void flooded_flows(benchmark::State& state) {
  Router router(Family::kIpv4, kEstablishedRules + kNewRule);
  auto flows = flooding_clients(static_cast<size_t>(state.range(0)), make_hash_key(99));
  begin_again_and_again(state, router, flows.span());
}

void flooded_flows_known_key(benchmark::State& state) {
  Router router(Family::kIpv4, kEstablishedRules + kNewRule, make_hash_key(99));
  auto flows = flooding_clients(static_cast<size_t>(state.range(0)), make_hash_key(99));
  begin_again_and_again(state, router, flows.span());
}

// What this thread has computed so far: not what others did on this core meanwhile.
double thread_microseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void expiry(benchmark::State& state) {
  constexpr uint32_t kLasting = 64;  // TCP connections, which last for days
  auto flows = static_cast<uint32_t>(state.range(0));
  Router router(Family::kIpv4, kEstablishedRules + kNewRule);
  router.establish(Family::kIpv4, protocol::kTcp, kLasting);
  const PacketWriter lasting(Family::kIpv4, protocol::kTcp, false, tcp_flag::kAck);
  auto hot = std::make_unique<HotPackets>();
  for (uint32_t i = 0; i < kLasting; i++) lasting.write(i, hot->slot(i));
  std::vector<double> longest;
  for (auto _ : state) {
    state.PauseTiming();
    router.establish(Family::kIpv4, protocol::kUdp, flows);
    state.ResumeTiming();
    double most = 0;
    expire(router, flows, [&] {
      double start = thread_microseconds();
      router.burst(hot->slot(0), kLasting, lasting.length());
      most = std::max(most, thread_microseconds() - start);
    });
    longest.push_back(most);
    if (router.engine().conntrack().count() != kLasting) state.SkipWithError("flows are left");
  }
  std::ranges::sort(longest);
  state.counters["longest_burst_us"] = longest[longest.size() / 2];
  state.SetItemsProcessed(state.iterations() * flows / kBurst * kLasting);
}

BENCHMARK(established_udp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(established_tcp)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(established_udp6)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(established_tcp6)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(new_flow)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(new_flow_churn)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(flooded_flows)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(flooded_flows_known_key)->Arg(100'000);
BENCHMARK(expiry)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sallyport
