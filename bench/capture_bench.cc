// Reading a capture: from bytes in memory to parsed packets, a burst at a time.
#include <benchmark/benchmark.h>

#include "attach/capture.h"
#include "attach/test_captures.h"
#include "packet/parse.h"
#include "packet/test_packets.h"

namespace sallyport {
namespace {

constexpr uint32_t kRecords = 10000;

std::vector<uint8_t> ethernet_frame() {
  testing::Bytes frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0};
  return testing::operator+(frame, testing::ipv4(17, testing::udp(testing::Bytes(64))));
}

void read_capture(benchmark::State& state, const std::vector<uint8_t>& file) {
  size_t total = 0;
  for (auto _ : state) {
    state.PauseTiming();  // the copy of the file
    auto capture = Capture::from_memory(file);
    state.ResumeTiming();
    Record records[64];
    while (size_t count = capture->read(records)) {
      for (size_t i = 0; i < count; i++) {
        Packet packet;
        fill_packet(records[i], packet);
        parse(packet);
        benchmark::DoNotOptimize(packet.fields);
      }
      total += count;
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(total));
}

void read_pcap(benchmark::State& state) {
  testing::CaptureBuilder file;
  file.pcap(0xa1b2c3d4, link_type::kEthernet);
  for (uint32_t i = 0; i < kRecords; i++) file.pcap_record(i, 0, ethernet_frame());
  read_capture(state, file.bytes);
}
BENCHMARK(read_pcap);

void read_pcapng(benchmark::State& state) {
  testing::CaptureBuilder file;
  file.section().interface(link_type::kEthernet, file.nothing());
  for (uint32_t i = 0; i < kRecords; i++) file.packet(0, i, ethernet_frame());
  read_capture(state, file.bytes);
}
BENCHMARK(read_pcapng);

}  // namespace
}  // namespace sallyport
