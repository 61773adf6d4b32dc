#include "control/flow_changes.h"

#include <fmt/format.h>

#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport {

struct FlowChanges::Question {
  std::vector<uint8_t> bytes;
  Packet packet;
  Way way;
  Tracked tracked;
  std::string_view name;
};

namespace {

constexpr uint32_t kPlacesAtOnce = 512;  // some ms, if there is a flow in each

// One of the flow's packets in the direction of `tuple`.
std::vector<uint8_t> packet_of(const Tuple& tuple, bool begins) {
  constexpr uint8_t kSyn = 0x02, kAck = 0x10, kInit = 1;
  PacketSpec spec{.family = tuple.family,
                  .protocol = tuple.protocol,
                  .source = tuple.source,
                  .destination = tuple.destination,
                  .source_port = tuple.source_port,
                  .destination_port = tuple.destination_port};
  spec.tcp.flags = begins ? kSyn : kAck;
  if (tuple.protocol == protocol::kSctp && begins) spec.sctp.chunks.push_back({.type = kInit});
  if (is_icmp(tuple.protocol)) {
    spec.icmp = {.type = static_cast<uint8_t>(tuple.destination_port >> 8),
                 .code = static_cast<uint8_t>(tuple.destination_port),
                 .id = tuple.source_port};
  }
  return build(spec);
}

}  // namespace

Way FlowChanges::way_of(const Tuple& tuple) {
  const Host& host = engine_.host();
  const bool many = tuple.destination.is_multicast(tuple.family) ||
                    (tuple.family == Family::kIpv4 && host.is_broadcast(tuple.destination));
  const bool from_host = host.is_local(tuple.family, tuple.source);
  const bool to_host = many || host.is_local(tuple.family, tuple.destination);
  Way way{.routed = true};
  if (!from_host) way.in = routes_.toward(tuple.family, tuple.source);
  if (from_host || !to_host) way.out = routes_.toward(tuple.family, tuple.destination);
  way.path = from_host && to_host && !many ? Way::Path::kLoopback
             : from_host                   ? Way::Path::kOutput
             : to_host                     ? Way::Path::kInput
                                           : Way::Path::kForward;
  if (way.path == Way::Path::kLoopback) way.in = way.out;
  return way;
}

std::vector<FlowChanges::Question> FlowChanges::questions_of(uint32_t place, const Flow& flow) {
  const FlowId id{place, flow.generation};
  const Tuple original = flow.tuple(), reply = engine_.conntrack().reply_of(id);
  const bool expected = flow.status & ct_status::kExpected;
  const bool answered = flow.status & ct_status::kSeenReply;
  const CtInfo first = expected ? CtInfo::kRelated : CtInfo::kNew;
  std::vector<Question> questions(3);
  auto put = [&](size_t i, const Tuple& tuple, bool begins, CtInfo info, Direction direction,
                 std::string_view name) {
    Question& question = questions[i];
    question.bytes = packet_of(tuple, begins);
    const auto size = static_cast<uint32_t>(question.bytes.size());
    question.packet.arrive(question.bytes.data(), size, size, Instant{});
    parse(question.packet);
    question.way = way_of(tuple);
    question.packet.in = question.way.in;
    question.packet.out = question.way.out;
    question.tracked.flow = id;
    question.tracked.info = info;
    question.tracked.direction = direction;
    question.name = name;
  };
  put(0, original, true, first, Direction::kOriginal,
      expected ? "its first packet (RELATED)" : "its first packet (NEW)");
  put(1, original, false, answered ? CtInfo::kEstablished : first, Direction::kOriginal,
      "its next packet");
  put(2, reply, false, CtInfo::kEstablished, Direction::kReply, "its next answer");
  return questions;
}

FlowChanges::Answers FlowChanges::ask(std::vector<Question>& questions) {
  Answers answers;
  for (size_t i = 0; i < questions.size(); i++) {
    const Question& one = questions[i];
    // Without rules of its family all passes.
    answers[i] = engine_.program(one.packet.family)
                     ? engine_.suppose(one.packet, one.way, one.tracked)
                     : Engine::Supposed{.accepted = true};
  }
  return answers;
}

namespace {

std::string place_of(const Program* program, uint32_t rule) {
  return program && rule != kNoRule ? rule_place(program->rules[rule]) : std::string();
}

}  // namespace

bool FlowChanges::look(const std::function<void(const FlowChange&)>& found) {
  struct Asked {
    FlowId flow;
    std::string text;
    Family family{};
    std::vector<Question> questions;
    Answers own, other;
  };
  const Conntrack& conntrack = engine_.conntrack();
  std::vector<Asked> asked;
  conntrack.look_through(next_, kPlacesAtOnce, [&](uint32_t place, const Flow* flow) {
    if (!flow) return;
    Asked& one = asked.emplace_back();
    one.flow = {place, flow->generation};
    one.text = flow->tuple().text();
    one.family = flow->family();
    one.questions = questions_of(place, *flow);
    one.own = ask(one.questions);
  });
  next_ += kPlacesAtOnce;
  engine_.imagine(other_.programs, other_.sets, [&] {
    for (Asked& one : asked) one.other = ask(one.questions);
  });
  for (const Asked& one : asked) {
    const bool before = when_ == Other::kBefore;
    for (size_t i = 0; i < one.questions.size(); i++) {
      const Engine::Supposed was = (before ? one.other : one.own)[i];
      const Engine::Supposed is = (before ? one.own : one.other)[i];
      if (was.accepted == is.accepted) continue;
      const Program* own = engine_.program(one.family);
      const Program* other = other_.programs[one.family == Family::kIpv6].get();
      found({.flow = one.flow,
             .text = one.text,
             .packet = one.questions[i].name,
             .was_accepted = was.accepted,
             .is_accepted = is.accepted,
             .was_by = place_of(before ? other : own, was.rule),
             .is_by = place_of(before ? own : other, is.rule)});
      break;
    }
  }
  return next_ < conntrack.places();
}

}  // namespace sallyport
