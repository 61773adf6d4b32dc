#include "attach/live.h"

#include <algorithm>

#include "packet/parse.h"

namespace sallyport {
namespace {

void* cookie_of(uint64_t number) {
  return reinterpret_cast<void*>(number);  // NOLINT: a number in a pointer's place
}
uint64_t number_of(void* cookie) {
  return reinterpret_cast<uint64_t>(cookie);
}

// What the kernel has let come this far and no rule speaks of goes on.
Ruling ruling_of(const Outcome& outcome) {
  const bool passes = outcome.fate == Outcome::Fate::kAccept ||
                      (outcome.fate == Outcome::Fate::kNone && outcome.reason == Reason::kNoRules);
  return passes ? Ruling::kAccept : Ruling::kDrop;
}

// Not routed: by both its ports it stays in one bridge.
bool is_bridged(const QueuedPacket& queued) {
  return queued.hook == QueuedPacket::Hook::kForward && queued.port_out != 0;
}

}  // namespace

Live::Live(Engine& engine, const Interfaces& interfaces)
    : engine_(engine),
      interfaces_(interfaces),
      packets_(NfQueue::kBurst),
      ways_(NfQueue::kBurst),
      ports_(NfQueue::kBurst),
      outcomes_(NfQueue::kBurst),
      answers_(NfQueue::kBurst) {}

// The ports by which it passes a bridge. Null: it comes in by none.
const BridgePorts* Live::ports_of(const QueuedPacket& queued, size_t slot) {
  const InterfaceName* in = interfaces_.name(queued.port_in);
  if (!in) return nullptr;
  const InterfaceName* out = interfaces_.name(queued.port_out);
  ports_[slot] = {*in, out ? *out : InterfaceName()};
  return &ports_[slot];
}

Way Live::way_of(const QueuedPacket& queued, const Packet& packet) const {
  Way way{.in = interfaces_.name(queued.in), .out = interfaces_.name(queued.out), .routed = true};
  switch (queued.hook) {
    case QueuedPacket::Hook::kForward:
      way.path = is_bridged(queued) ? Way::Path::kBridged : Way::Path::kForward;
      break;
    case QueuedPacket::Hook::kOutput:
    case QueuedPacket::Hook::kPostrouting:
      way.path = Way::Path::kOutput;
      if (!way.out || *way.out != loopback_) break;
      way.path = Way::Path::kLoopback;
      way.in = way.out;
      break;
    case QueuedPacket::Hook::kPrerouting:
    case QueuedPacket::Hook::kInput:
      // Nobody but the host itself sends to many from its addresses: Linux drops such from the
      // wire.
      way.path = packet_type(packet, engine_.host()) != PacketType::kHost &&
                         engine_.host().is_local(packet.family, packet.source())
                     ? Way::Path::kLooped
                     : Way::Path::kInput;
      break;
  }
  if (is_refused(packet, way.path)) way = {.path = Way::Path::kNone, .reason = packet.malformed};
  return way;
}

void Live::prepare(const QueuedPacket& queued, size_t slot, Instant now) {
  Packet& packet = packets_[slot];
  packet.arrive(queued.bytes.data(), static_cast<uint32_t>(queued.bytes.size()), queued.length,
                now);
  packet.cookie = cookie_of(next_cookie_++);
  if (queued.mac) {
    packet.mac_source = *queued.mac;
    packet.has_mac = true;
  }
  parse(packet);
  packet.fields[Field::kMark] = queued.mark;
  packet.owner = queued.uid ? Packet::Owner::kSocket : Packet::Owner::kNone;
  packet.uid = queued.uid.value_or(0);
  packet.gid = queued.gid.value_or(0);
  packet.vouched = queued.checksum_good;
  if (packet.vouched) packet.checksum = ChecksumState::kGood;
  // The kernel has taken a hop away before FORWARD, as the engine is about to.
  const bool bridged = is_bridged(queued);
  if (queued.hook == QueuedPacket::Hook::kForward && !bridged) packet.fields[Field::kTtl]++;
  ways_[slot] = way_of(queued, packet);
  ways_[slot].ports = ports_of(queued, slot);
  const bool comes_in =
      bridged || ways_[slot].path == Way::Path::kInput || ways_[slot].path == Way::Path::kLooped;
  packet.fields[Field::kPacketType] =
      static_cast<uint32_t>(comes_in ? packet_type(packet, engine_.host()) : PacketType::kHost);
}

// A checksum that nobody has looked at needs all of the packet: from the next one on, the queue
// copies all.
void Live::read_whole_if_needed(NfQueue& queue, const QueuedPacket& queued, const Packet& packet) {
  if (queued.bytes.size() >= queued.length || packet.checksum == ChecksumState::kGood) return;
  if (queued.hook == QueuedPacket::Hook::kOutput) return;  // Linux does not look there, either
  counts_.cut++;
  if (queue.copy() < NfQueue::kWhole) queue.copy_from_now(NfQueue::kWhole);
}

void Live::count(Ruling ruling) {
  (ruling == Ruling::kAccept ? counts_.accepted : counts_.dropped)++;
}

void Live::conclude(NfQueue& queue, const QueuedPacket& queued, size_t slot) {
  const Outcome& outcome = outcomes_[slot];
  const Packet& packet = packets_[slot];
  if (outcome.fate == Outcome::Fate::kStolen) {
    queue.hold(queued.id);
    waiting_[number_of(packet.cookie)] = {&queue, queued.id};
    return;
  }
  const Ruling ruling = ruling_of(outcome);
  count(ruling);
  const uint32_t mark = packet.fields[Field::kMark];
  const bool marked = ruling == Ruling::kAccept && mark != queued.mark;
  queue.rule(queued.id, ruling, marked ? std::optional(mark) : std::nullopt);
  if (outcome.reject_with && !outcome.unanswered && answer_sink_) {
    counts_.answers++;
    answer_sink_(answers_[slot]);
  }
  if (ruling == Ruling::kDrop) counts_.drops[static_cast<size_t>(outcome.reason)]++;
  if (ruling == Ruling::kDrop && drop_sink_) drop_sink_({packet, ways_[slot], outcome});
}

// A fragment shares the fate of the one that made its datagram whole, which is of this burst.
void Live::settle(const Released& released, uint64_t first_cookie, size_t count_of_burst) {
  auto found = waiting_.find(number_of(released.cookie));
  if (found == waiting_.end()) return;
  Ruling ruling = Ruling::kDrop;
  const uint64_t last = number_of(released.completed_by);
  if (released.completed_by && last >= first_cookie && last < first_cookie + count_of_burst) {
    ruling = ruling_of(outcomes_[last - first_cookie]);
  }
  count(ruling);
  found->second.queue->rule(found->second.id, ruling);
  found->second.queue->send();
  waiting_.erase(found);
}

void Live::pass_time(Instant now) {
  engine_.pass_time(now);
  for (const Released& released : engine_.released()) settle(released, next_cookie_, 0);
}

uint32_t Live::bytes_needed() const {
  auto of = [this](Family family) {
    const Program* program = engine_.program(family);
    if (!program) return uint32_t{0};
    return program->needs_flow_extensions ? NfQueue::kWhole : program->needs_bytes;
  };
  return std::max(of(Family::kIpv4), of(Family::kIpv6));
}

size_t Live::serve(NfQueue& queue, Instant now) {
  if (const uint32_t bytes = bytes_needed(); queue.copy() < bytes) queue.copy_from_now(bytes);
  const std::span<const QueuedPacket> queued = queue.receive();
  if (queued.empty()) return 0;
  const uint64_t first_cookie = next_cookie_;
  for (size_t i = 0; i < queued.size(); i++) {
    prepare(queued[i], i, now);
    read_whole_if_needed(queue, queued[i], packets_[i]);
  }
  engine_.process(std::span(packets_).first(queued.size()), std::span(ways_).first(queued.size()),
                  std::span(outcomes_).first(queued.size()),
                  std::span(answers_).first(queued.size()));
  for (size_t i = 0; i < queued.size(); i++) conclude(queue, queued[i], i);
  for (const Released& released : engine_.released()) {
    settle(released, first_cookie, queued.size());
  }
  if (!queue.send()) counts_.unsent++;
  counts_.bursts++;
  counts_.packets += queued.size();
  return queued.size();
}

}  // namespace sallyport
