// A capture file from the page cache, read and judged: what `replay` does but for printing; beside
// libpcap, which only reads it.
//
// A million frames of 64 bytes on the wire, of 10 000 flows, half of them TCP: their first packets,
// then others in random order and either direction. Each iteration opens the file anew and judges
// it with an engine that knows nothing.
#include <array>
#include <benchmark/benchmark.h>
#include <cstdio>
#include <memory>
#include <pcap/pcap.h>
#include <random>
#include <string>
#include <unistd.h>

#include "attach/capture.h"
#include "attach/replay.h"
#include "router.h"

namespace sallyport {
namespace {

constexpr uint32_t kFlows = 10'000;
constexpr int64_t kRecords = 1'000'000;
constexpr size_t kEthernet = 14, kFrame = 60;  // without the check sequence, which captures lack

// A file without a name.
class CaptureOnDisk {
 public:
  CaptureOnDisk() : file_(std::tmpfile()) {
    if (!file_) return;
    const std::array<uint32_t, 6> header = {0xa1b2c3d4, 0x00040002, 0,
                                            0,          262144,     link_type::kEthernet};
    std::fwrite(header.data(), sizeof header, 1, file_);
    write_flows();
    std::fflush(file_);
  }
  ~CaptureOnDisk() {
    if (file_) std::fclose(file_);
  }
  CaptureOnDisk(const CaptureOnDisk&) = delete;
  CaptureOnDisk& operator=(const CaptureOnDisk&) = delete;

  // Which opens it from its beginning.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fileno(file_)); }

 private:
  void write_flows() {
    const uint8_t syn = tcp_flag::kSyn, ack = tcp_flag::kAck;
    const PacketWriter udp(Family::kIpv4, protocol::kUdp, false),
        udp_reply(Family::kIpv4, protocol::kUdp, true),
        tcp_syn(Family::kIpv4, protocol::kTcp, false, syn),
        tcp_syn_ack(Family::kIpv4, protocol::kTcp, true, syn | ack),
        tcp(Family::kIpv4, protocol::kTcp, false, ack),
        tcp_reply(Family::kIpv4, protocol::kTcp, true, ack);
    for (uint32_t flow = 0; flow < kFlows; flow++) {
      write(flow % 2 ? tcp_syn : udp, flow);
      write(flow % 2 ? tcp_syn_ack : udp_reply, flow);
      if (flow % 2) write(tcp, flow);
    }
    std::minstd_rand random(7);
    while (records_ < kRecords) {
      const auto flow = static_cast<uint32_t>(random() % kFlows);
      const bool reply = random() & 0x100;
      write(flow % 2 ? (reply ? tcp_reply : tcp) : (reply ? udp_reply : udp), flow);
    }
  }

  // Its time: a microsecond after the one before.
  void write(const PacketWriter& writer, uint32_t flow) {
    std::array<uint8_t, kEthernet + kSlot> frame{};
    frame[12] = 0x08;  // IPv4
    writer.write(flow, &frame[kEthernet]);
    const auto microseconds = static_cast<uint32_t>(records_);
    const std::array<uint32_t, 4> header = {1'000'000 + microseconds / 1'000'000,
                                            microseconds % 1'000'000, kFrame, kFrame};
    std::fwrite(header.data(), sizeof header, 1, file_);
    std::fwrite(frame.data(), kFrame, 1, file_);
    records_++;
  }

  std::FILE* file_;
  int64_t records_ = 0;
};

const CaptureOnDisk& capture_on_disk() {
  static const CaptureOnDisk kCapture;
  return kCapture;
}

void replay_file(benchmark::State& state) {
  const CaptureOnDisk& file = capture_on_disk();
  int64_t accepted = 0;
  for (auto _ : state) {
    auto capture = Capture::open(file.path());
    if (!capture) return state.SkipWithError("no file");
    Router router(Family::kIpv4, kEstablishedRules + kNewRule);
    const Viewpoint viewpoint = router.viewpoint();
    Replay replay(*capture, router.engine(), viewpoint, {});
    std::span<const Judged> burst;
    while (replay.next(burst)) {
      for (const Judged& judged : burst) {
        accepted += judged.outcome.fate == Outcome::Fate::kAccept;
      }
    }
  }
  if (accepted != state.iterations() * kRecords) state.SkipWithError("packets were lost");
  state.SetItemsProcessed(state.iterations() * kRecords);
}

void count_record(u_char* count, const pcap_pkthdr*, const u_char* bytes) {
  benchmark::DoNotOptimize(*bytes);
  ++*reinterpret_cast<int64_t*>(count);
}

void libpcap_read_file(benchmark::State& state) {
  const CaptureOnDisk& file = capture_on_disk();
  int64_t count = 0;
  for (auto _ : state) {
    char error[PCAP_ERRBUF_SIZE];
    pcap_t* capture = pcap_open_offline(file.path().c_str(), error);
    if (!capture) return state.SkipWithError(error);
    pcap_loop(capture, -1, count_record, reinterpret_cast<u_char*>(&count));
    pcap_close(capture);
  }
  if (count != state.iterations() * kRecords) state.SkipWithError("records were lost");
  state.SetItemsProcessed(state.iterations() * kRecords);
}

BENCHMARK(replay_file)->Unit(benchmark::kMillisecond);
BENCHMARK(libpcap_read_file)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sallyport
