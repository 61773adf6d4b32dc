#include "control/drops.h"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "conntrack/trackers/tracker.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

std::string time_text(Instant time) {
  const int64_t us = time.time_since_epoch().count() / 1000;
  return fmt::format("{:%H:%M:%S}.{:06}", fmt::localtime(static_cast<std::time_t>(us / 1'000'000)),
                     us % 1'000'000);
}

// "udp 192.168.1.9:1900 > 192.168.1.2:40000"
std::string ends_text(const Packet& packet) {
  Tuple tuple;
  if (tuple_of(packet, tuple) == Reason::kNone) return tuple.text();
  return fmt::format("{} {} > {}", protocol_word(packet.protocol()),
                     packet.source().text(packet.family), packet.destination().text(packet.family));
}

}  // namespace

void Drops::add(const Live::Judgement& judgement, std::shared_ptr<const Program> program) {
  Drop& drop = ring_[count_++ % kMost];
  const Packet& packet = judgement.packet;
  drop.time = packet.time;
  drop.held = std::min<uint32_t>(packet.captured, kFront);
  drop.length = packet.wire_length;
  std::copy_n(packet.data, drop.held, drop.front.begin());
  drop.in = judgement.way.in ? *judgement.way.in : InterfaceName();
  drop.out = judgement.way.out ? *judgement.way.out : InterfaceName();
  drop.outcome = judgement.outcome;
  drop.program = std::move(program);
}

std::string Drops::line(const Drop& drop) {
  std::array<uint8_t, kFront> bytes = drop.front;
  Packet packet;
  packet.arrive(bytes.data(), drop.held, drop.length, drop.time);
  parse(packet);
  std::string out = fmt::format("{} {}", time_text(drop.time), ends_text(packet));
  if (!drop.in.text().empty()) out += fmt::format(" in {}", drop.in.text());
  if (!drop.out.text().empty()) out += fmt::format(" out {}", drop.out.text());
  out += fmt::format(" length {}", drop.length);
  if (drop.outcome.info != CtInfo::kNone)
    out += fmt::format(" {}", ct_info_name(drop.outcome.info));
  if (drop.outcome.rule != kNoRule && drop.program) {
    const RuleInfo& rule = drop.program->rules[drop.outcome.rule];
    out += rule.number > 0
               ? fmt::format(": {}/{}:{}: {}", rule.table, rule.chain, rule.number, rule.text)
               : fmt::format(": {}/{}:policy", rule.table, rule.chain);
  }
  const Reason reason = drop.outcome.reason;
  if (reason != Reason::kRule && reason != Reason::kPolicy && reason != Reason::kNone) {
    out += fmt::format(": {}", reason_sentence(reason));
  }
  return out + '\n';
}

std::string Drops::text(uint64_t after) const {
  std::string out;
  const uint64_t known = count_ - std::min<uint64_t>(count_, kMost);
  for (uint64_t i = std::max(after, known); i < count_; i++) out += line(ring_[i % kMost]);
  return out;
}

}  // namespace sallyport
