// Live packets: from the kernel's queues through the engine, and the rulings back.
//
// Which of the engine's hooks a queue stands for, since the kernel has routed by then: INPUT for
// PREROUTING and INPUT, OUTPUT for OUTPUT and POSTROUTING, FORWARD for PREROUTING, FORWARD and
// POSTROUTING, of a router and of a bridge. A packet to the host itself is judged once, on its way
// out, for all four hooks; the host's own copy of what it sends to many is judged by PREROUTING and
// INPUT, and not tracked again. docs/kernel-differences.md says what cannot be seen from there.
//
// Any number of queues feed one engine: a packet is judged when it is read. A fragment that the
// engine holds waits in the kernel's queue.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "attach/interfaces.h"
#include "attach/nfqueue.h"
#include "engine/engine.h"

namespace sallyport {

class Live {
 public:
  struct Counts {
    uint64_t bursts = 0, packets = 0, accepted = 0, dropped = 0;
    uint64_t cut = 0;      // that would have needed more of their bytes than the queue copied
    uint64_t unsent = 0;   // bursts whose rulings the kernel did not take
    uint64_t answers = 0;  // REJECT's, handed on to be sent
    std::array<uint64_t, static_cast<size_t>(Reason::kCount)> drops{};  // by reason
  };
  // How a packet ended, for those who want to tell: while it is called, all is as it was.
  struct Judgement {
    const Packet& packet;
    const Way& way;
    const Outcome& outcome;
  };

  // Both outlive it.
  Live(Engine& engine, const Interfaces& interfaces);

  void on_answer(std::function<void(const Answer&)> sink) { answer_sink_ = std::move(sink); }
  void on_drop(std::function<void(const Judgement&)> sink) { drop_sink_ = std::move(sink); }

  // What queues have to copy of each packet at least: all of it for rules that read what peers say,
  // and what NFLOG keeps.
  uint32_t bytes_needed() const;
  // Judges what waits in the queue, at most a burst, at this time. The number of packets.
  size_t serve(NfQueue& queue, Instant now);
  // No packet came: what is due expires, fragments that wait too long among it.
  void pass_time(Instant now);
  const Counts& counts() const { return counts_; }

 private:
  struct Waiting {  // a fragment
    NfQueue* queue = nullptr;
    uint32_t id = 0;
  };
  void prepare(const QueuedPacket& queued, size_t slot, Instant now);
  Way way_of(const QueuedPacket& queued, const Packet& packet) const;
  const BridgePorts* ports_of(const QueuedPacket& queued, size_t slot);
  void conclude(NfQueue& queue, const QueuedPacket& queued, size_t slot);
  void settle(const Released& released, uint64_t first_cookie, size_t count);
  void read_whole_if_needed(NfQueue& queue, const QueuedPacket& queued, const Packet& packet);
  void count(Ruling ruling);

  Engine& engine_;
  const Interfaces& interfaces_;
  InterfaceName loopback_{"lo"};
  std::function<void(const Answer&)> answer_sink_;
  std::function<void(const Judgement&)> drop_sink_;
  Counts counts_;
  uint64_t next_cookie_ = 1;
  std::unordered_map<uint64_t, Waiting> waiting_;  // by cookie
  // Of one burst.
  std::vector<Packet> packets_;
  std::vector<Way> ways_;
  std::vector<BridgePorts> ports_;
  std::vector<Outcome> outcomes_;
  std::vector<Answer> answers_;
};

}  // namespace sallyport
