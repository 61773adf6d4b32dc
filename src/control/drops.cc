#include "control/drops.h"

namespace sallyport {

void Drops::add(const Live::Judgement& judgement, std::shared_ptr<const Program> program) {
  Drop& drop = ring_[++count_ % kMost];
  const Packet& packet = judgement.packet;
  drop.time = packet.time;
  drop.held = std::min<uint32_t>(packet.captured, Drop::kFront);
  drop.length = packet.wire_length;
  std::copy_n(packet.data, drop.held, drop.front.begin());
  drop.in = judgement.way.in ? *judgement.way.in : InterfaceName();
  drop.out = judgement.way.out ? *judgement.way.out : InterfaceName();
  drop.ports = judgement.way.ports ? *judgement.way.ports : BridgePorts{};
  drop.path = judgement.way.path;
  drop.outcome = judgement.outcome;
  drop.program = std::move(program);
}

}  // namespace sallyport
