// What the engine's benchmarks share: a router that is driven as an attachment drives it (parse,
// the way that goes with the interface a packet has come in at, process, by the burst), and packets
// of numbered flows.
//
// The router is the longer case: three hooks, and every packet's checksum verified. Accounting and
// discovery are on. Its time moves by 5 us a burst of 64, as on a link of some 13 million packets
// a second, so that timers do what they do in life.
//
// Packets fill Ethernet's smallest frame of 64 bytes, if their headers do not fill more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "flow_numbers.h"
#include "packet/build.h"
#include "packet/headers.h"

namespace benchmark {
class State;
}

namespace sallyport {

constexpr size_t kBurst = 64;
constexpr size_t kSlot = 64;  // bytes that a packet has room for
// Packets that are written at a time, outside of what is timed: 64 KB, so they lie in the second
// cache, near as those that a network card has just delivered; and many enough that stopping the
// clock, some 0.4 us, is lost among them.
constexpr size_t kHotBursts = 16;
constexpr size_t kHotPackets = kHotBursts * kBurst;
constexpr Instant kStart{std::chrono::seconds(1'000'000)};
constexpr Duration kBurstTime = std::chrono::microseconds(5);
constexpr Duration kSettling = std::chrono::seconds(3);

// A filter whose chains each begin with ESTABLISHED, as people write it; and what lets new flows
// be forwarded. Between them is the place for rules that are measured.
extern const std::string kEstablishedRules;
extern const std::string kNewRule;

// Flow `number`'s packet, or its reply: client_of(number) > the one server; in IPv6 their addresses
// are the last words of longer ones.
PacketSpec packet_of(Family family, uint8_t protocol, uint32_t number, bool reply,
                     uint8_t tcp_flags = 0);

// The bytes of such packets, written fast: a template whose client is exchanged, with both
// checksums brought up to date.
class PacketWriter {
 public:
  PacketWriter(Family family, uint8_t protocol, bool reply, uint8_t tcp_flags = 0);

  uint32_t length() const { return static_cast<uint32_t>(bytes_.size()); }
  // At most kSlot bytes.
  void write(uint32_t number, uint8_t* to) const { write_client(client_of(number), to); }
  void write_client(const Client& client, uint8_t* to) const;
  // Of TCP: what it offers, so that an ACK is not the last one again, which hosts send in trouble.
  void offer(uint16_t window, uint8_t* in) const;

 private:
  std::vector<uint8_t> bytes_;
  // Offsets: of the client's address and port, of the header's checksum (0 in IPv6), of the other.
  size_t address_, port_, header_checksum_, checksum_;
  size_t window_;  // of TCP
};

// Where a packet has come in: an attachment is told.
enum class Side : uint8_t { kInside, kOutside };

class Router {
 public:
  // `rules` are of a whole filter table but for its COMMIT.
  Router(Family family, const std::string& rules, const HashKey& key = make_hash_key(1));

  // Up to kBurst packets of `length` bytes at `bytes`, kSlot apart, and where each has come in. How
  // many were accepted.
  size_t burst(uint8_t* bytes, const Side* sides, size_t count, uint32_t length);
  // All of them from inside.
  size_t burst(uint8_t* bytes, size_t count, uint32_t length) {
    static constexpr std::array<Side, kBurst> kAllInside{};
    return burst(bytes, kAllInside.data(), count, length);
  }
  // Flows 0 to `flows` - 1, each established as its protocol does it; and kSettling later each has
  // spoken once more in both directions: it is a stream, and remembers what the rules decide.
  void establish(Family family, uint8_t protocol, uint32_t flows);
  // From now on no flow is alive that was; the table may not have noticed.
  void pass(Duration time) { now_ += time; }

  Engine& engine() { return engine_; }
  // For who is not told the interfaces.
  Viewpoint viewpoint() const;

  // Sets items_per_second, of `packets` in all, and bytes_per_flow (report.cc).
  void report(benchmark::State& state, uint64_t packets);

 private:
  static Engine::Config config(const HashKey& key);
  size_t send_all(const PacketWriter& writer, Side side, uint32_t flows);

  Engine engine_;
  InterfaceName inside_{"in0"}, outside_{"out0"};
  std::array<Way, 2> way_from_;  // by Side
  Instant now_ = kStart;
  std::array<Packet, kBurst> packets_;
  std::array<Way, kBurst> ways_;
  std::array<Outcome, kBurst> outcomes_;
};

}  // namespace sallyport
