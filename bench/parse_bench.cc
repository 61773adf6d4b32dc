// What a packet costs before anybody asks anything: parsing, and its checksum.
//
// Packets are spread over a burst's worth of buffers, as they come from an
// attachment, so that neither the branch predictor nor the store buffer sees
// one packet over and over.
#include <benchmark/benchmark.h>
#include <vector>

#include "packet/checksum.h"
#include "packet/parse.h"
#include "packet/test_packets.h"

namespace sallyport {
namespace {

using testing::Bytes;
using testing::operator+;

constexpr size_t kBurst = 64;

struct Burst {
  std::vector<Bytes> bytes;
  std::vector<Packet> packets;

  explicit Burst(const Bytes& packet) : bytes(kBurst, packet) {
    for (Bytes& copy : bytes) packets.push_back(testing::packet_of(copy));
  }
};

void parse_burst(benchmark::State& state, const Bytes& bytes) {
  Burst burst(bytes);
  for (auto _ : state) {
    for (Packet& packet : burst.packets) parse(packet);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kBurst);
}

const Bytes kTcp = {3, 232, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 16, 0xff, 0xff, 0, 0, 0, 0};
const Bytes kOptions = {17, 0, 1, 4, 0, 0, 0, 0};

BENCHMARK_CAPTURE(parse_burst, udp_ipv4, testing::ipv4(17, testing::udp(Bytes(64))));
BENCHMARK_CAPTURE(parse_burst, tcp_ipv4, testing::ipv4(6, kTcp));
BENCHMARK_CAPTURE(parse_burst, udp_ipv6, testing::ipv6(17, testing::udp(Bytes(64))));
BENCHMARK_CAPTURE(parse_burst, udp_ipv6_options, testing::ipv6(60, kOptions + testing::udp()));

void internet_sum(benchmark::State& state) {
  const Bytes bytes(static_cast<size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(sum_bytes(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(internet_sum)->Arg(64)->Arg(576)->Arg(1480)->Arg(65000);

void crc_of_sctp(benchmark::State& state) {
  const Bytes bytes(static_cast<size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc_of_sctp)->Arg(64)->Arg(1480);

}  // namespace
}  // namespace sallyport
