// A burst of packets, and the short way that most of them take: their flow remembers what the rules
// decided (decisions.h). Which packets may be judged by that is here, and what a walk through the
// rules leaves to remember.
#include <algorithm>

#include "engine/journey.h"
#include "engine/routing.h"
#include "packet/parse.h"

namespace sallyport {

// Only where one walk decides: a looped packet passes the hooks twice, and what a walk asks of
// other protocols may be missing in the next packet (kernel-facts 8).
[[gnu::always_inline]] inline bool Engine::may_remember(const Packet& packet, const Way& way,
                                                        const Tracked& tracked) const {
  bool plain = packet.protocol() == protocol::kUdp || packet.protocol() == protocol::kTcp;
  return config_.remember && plain && tracked.flow && !packet.is_fragment &&
         way.path < Way::Path::kLoopback;
}

// What the flow of a packet that has been tracked remembers of its situation, or null.
const Decision* Engine::recollection(const Tracked& tracked, const Way& way) const {
  const Flow* flow = tracked.decision ? conntrack_->find(tracked.flow) : nullptr;
  return flow ? decisions_.find(tracked.decision, *flow, way) : nullptr;
}

// The end of the journey, from tracking on, as it was for the packet whose walk is remembered.
// False where the rules must be asked, or there is more to do than to count.
[[gnu::always_inline]] inline bool Engine::end_as_remembered(Packet& packet, const Way& way,
                                                             Rules& rules, const Decision* decision,
                                                             FlowId flow, Direction direction,
                                                             Outcome& outcome) {
  if (!decision || !decision->ends) [[unlikely]]
    return false;
  // One that routing ends stops between two hooks.
  if (way.path != Way::Path::kOutput && route(packet, way, config_.host) != Reason::kNone)
      [[unlikely]] {
    return false;
  }
  for (uint32_t rule : std::span(decision->rules).first(decision->rule_count)) {
    rules.counters[rule].packets++;
    rules.counters[rule].bytes += packet.fields[Field::kLength];
  }
  // The flow is confirmed, and no helper reads it: there are those who want to be told.
  if (decision->outcome.fate == Outcome::Fate::kAccept && (heard_ || (discovery_ && !packet.in)))
      [[unlikely]] {
    Tracked tracked{.flow = flow, .info = decision->outcome.info, .direction = direction};
    conntrack_->confirm(packet, tracked, now());
  }
  remembered_++;
  outcome = decision->outcome;
  outcome.direction = direction;
  outcome.flow = flow;
  return true;
}

// A packet that has followed its flow: if that remembers the rest, this is all there is to do.
[[gnu::always_inline]] inline bool Engine::end_at_once(Packet& packet, const Way& way, Rules& rules,
                                                       Followed followed, Outcome& outcome) {
  const Decision* decision = decisions_.find(followed.decision, *followed.flow, way);
  const FlowId id{packet.flow_guess, followed.flow->generation};
  return end_as_remembered(packet, way, rules, decision, id, followed.direction(), outcome);
}

// The same of one that track() has found.
bool Engine::end_as_recalled(Packet& packet, const Way& way, const Tracked& tracked,
                             Outcome& outcome) {
  return end_as_remembered(packet, way, rules(packet.family), recollection(tracked, way),
                           tracked.flow, tracked.direction, outcome);
}

// Packets that seem to be new will ask the rules: those of them that begin with the same index are
// looked up together.
[[gnu::noinline]] void Engine::locate(std::span<const Packet> packets, std::span<const Way> ways) {
  std::array<const Packet*, Classifier::kAtOnce> strangers;
  std::array<Location*, Classifier::kAtOnce> locations;
  const Classifier* classifier = nullptr;
  size_t count = 0;
  for (size_t i = 0; i < packets.size(); i++) {
    locations_[i].of = nullptr;
    if (packets[i].flow_guess || !packets[i].plain) continue;
    const Classifier* wanted =
        rules(packets[i].family).classifier[static_cast<size_t>(ways[i].path)];
    if (!classifier) classifier = wanted;
    if (!wanted || wanted != classifier) continue;
    strangers[count] = &packets[i];
    locations[count++] = &locations_[i];
  }
  if (count == 0) return;
  classifier->look_up(std::span(strangers).first(count), std::span(locations).first(count));
  for (size_t i = 0; i < count; i++) {
    if (locations[i]->of) rules(strangers[i]->family).prefetch(locations[i]->first);
  }
}

void Engine::process(std::span<Packet> packets, std::span<const Way> ways,
                     std::span<Outcome> outcomes, std::span<Answer> answers) {
  begin_burst(packets);
  for (size_t i = 0; i < packets.size(); i++) {  // as they leave the last hook, if rules let them
    packets[i].in = ways[i].in;
    packets[i].out = ways[i].out;
  }
  Lookahead lookahead(*conntrack_, tracks() ? packets : std::span<Packet>());
  for (size_t i = 0; i < packets.size(); i++) {
    const size_t place = i % Lookahead::kStride;
    if (place == 0) [[unlikely]] {
      lookahead.advance();
      const size_t some = std::min<size_t>(packets.size() - i, Lookahead::kStride);
      if (indexed_) locate(packets.subspan(i, some), ways.subspan(i, some));
    }
    move_time(packets[i].time);
    datagram_ = nullptr;
    Packet& packet = packets[i];
    const Way& way = ways[i];
    Answer* answer = answers.empty() ? nullptr : &answers[i];
    Rules& rules = this->rules(packet.family);
    if (!rules.tracks_first[static_cast<size_t>(way.path)] || !packet.plain) [[unlikely]] {
      take_long_way(packet, way, outcomes[i], answer);
    } else {
      const Followed followed = conntrack_->follow(packet, tick_);
      if (!followed.flow || !end_at_once(packet, way, rules, followed, outcomes[i])) [[unlikely]] {
        go_on(packet, way, followed, indexed_ ? &locations_[place] : nullptr, outcomes[i], answer);
      }
    }
    reasons_[static_cast<size_t>(outcomes[i].reason)]++;
  }
}

// After tracking, of a flow that is not new: the journey may end here, or note what the rules are
// asked. One that is traced asks them always.
void Engine::recall(Journey& journey, bool traced) {
  Packet& packet = journey.context.packet;
  if (!may_remember(packet, journey.way, journey.tracked)) return;
  journey.decision = recollection(journey.tracked, journey.way);
  if (traced || !journey.decision) {
    journey.recorder.emplace();
  } else if (!journey.was_tracked) {
    journey.remembered =
        end_as_remembered(packet, journey.way, journey.rules, journey.decision,
                          journey.tracked.flow, journey.tracked.direction, journey.outcome);
    if (!journey.remembered) return;
    packet.in = journey.way.in;
    packet.out = journey.way.out;
  }
}

// A walk is over that the flow may remember.
void Engine::learn(const Journey& journey) {
  const Outcome& outcome = journey.outcome;
  const Context& context = journey.context;
  const Recorder& recorder = *journey.recorder;
  bool whole = journey.routing == Reason::kNone && !journey.tracking_drop && outcome.certain &&
               outcome.tracking == Reason::kNone;
  if (!whole) return;
  Decision decision{.situation = Situation::of(context.packet, journey.way),
                    .obstacle = recorder.obstacle()};
  if (decision.obstacle == kNoPc) {
    constexpr uint32_t kMoreToDo = ct_status::kHelper | ct_status::kNatNotDone;
    bool settled = outcome.fate == Outcome::Fate::kAccept || !config_.history_unknown;
    decision.ends = settled && !(outcome.status & kMoreToDo);
    decision.outcome = outcome;
    decision.outcome.direction = {};
    decision.outcome.flow = {};
    decision.rule_count = static_cast<uint8_t>(recorder.rules().size());
    std::ranges::copy(recorder.rules(), decision.rules.begin());
  }
  if (uint16_t number = decisions_.add(decision)) {
    conntrack_->remember(journey.tracked.flow, journey.tracked.direction, number);
  }
}

}  // namespace sallyport
