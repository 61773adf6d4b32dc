#include "attach/script_run.h"

#include "packet/parse.h"

namespace sallyport {
namespace {

using Path = ScriptPacket::Path;

std::optional<SeenFlow> find_flow(const PacketText& packet, FlowId id, Engine& engine) {
  const Conntrack& conntrack = engine.conntrack();
  const Flow* own = conntrack.find(id);  // perhaps removed by this very packet
  Tuple tuple = tuple_of(packet);
  Zone zone = own ? own->zone() : Zone{};
  const Flow* flow = conntrack.find(conntrack.lookup(tuple, zone, engine.now(), nullptr));
  if (!flow) return std::nullopt;
  SeenFlow seen;
  seen.status = flow->status;
  seen.timeout = static_cast<uint32_t>((flow->expires() - engine.now()) / kTicksPerSecond);
  if (tuple.protocol == protocol::kTcp) seen.tcp = flow->tcp().state;
  if (tuple.protocol == protocol::kSctp) seen.sctp = flow->sctp().state;
  return seen;
}

}  // namespace

Packet packet_of(const ScriptPacket& text, std::span<uint8_t> bytes, Instant start) {
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  packet.time = start + text.time;
  packet.has_mac = text.packet.mac_source.has_value();
  if (packet.has_mac) packet.mac_source = *text.packet.mac_source;
  parse(packet);
  packet.fields[Field::kMark] = text.packet.mark;
  return packet;
}

Way way_of(const ScriptPacket& text, Packet& packet, const Viewpoint& viewpoint) {
  const BridgePorts* ports = text.ports.in == InterfaceName() ? nullptr : &text.ports;
  Way way{.path = Way::Path::kForward, .in = &text.in, .out = &text.out, .ports = ports};
  if (text.path == Path::kBridged) way.path = Way::Path::kBridged;
  if (text.path == Path::kForward) way = viewpoint.on_bridge(text.in, text.out).value_or(way);
  if (is_refused(packet, way.path)) return {.path = Way::Path::kNone, .reason = packet.malformed};
  if (way.path == Way::Path::kBridged) type_bridged(packet, viewpoint.host());
  if (text.path == Path::kForward || text.path == Path::kBridged) return way;
  if (text.path == Path::kOut) {
    bool to_itself = text.out.text() == "lo";
    if (to_itself) return {.path = Way::Path::kLoopback, .in = &text.out, .out = &text.out};
    return {.path = Way::Path::kOutput, .out = &text.out};
  }
  way = viewpoint.way(packet, &text.in);
  if (way.path == Way::Path::kNone) return way;
  return {.path = Way::Path::kInput, .in = &text.in, .ports = ports};
}

Observation observe(const ScriptPacket& text, const Outcome& outcome, Engine& engine,
                    const Answer* answer) {
  Observation seen;
  seen.fate = outcome.fate;
  seen.state = outcome.info;
  if (outcome.info != CtInfo::kNone && outcome.info != CtInfo::kInvalid &&
      outcome.info != CtInfo::kUntracked) {
    seen.direction = outcome.direction;
  }
  // That a rule accepts it does not say why it is INVALID.
  bool passed = outcome.fate == Outcome::Fate::kAccept && outcome.info == CtInfo::kInvalid;
  seen.reason = passed ? outcome.tracking : outcome.reason;
  const Program* program = engine.program(text.packet.spec.family);
  if (program && outcome.rule != kNoRule) {
    const RuleInfo& rule = program->rules[outcome.rule];
    seen.rule = ExpectedOutcome::Rule{rule.table, rule.chain, rule.number};
  }
  seen.flow = find_flow(text.packet, outcome.flow, engine);
  if (answer) {
    seen.answer.emplace();
    const std::span<const uint8_t> bytes = answer->packet();
    if (outcome.reject_with) seen.answer->assign(bytes.begin(), bytes.end());
  }
  return seen;
}

}  // namespace sallyport
