#include "cli/near_miss.h"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <tuple>

#include "cli/words.h"

namespace sallyport {
namespace {

constexpr size_t kMostMisses = 5;
constexpr size_t kMostFlows = 256;  // that are like the packet's and are compared with each other

// How near a flow is; the nearest is told first.
enum class Nearness : uint8_t { kGroup, kPort, kHost, kSocket };

struct NearFlow {
  Nearness nearness;
  NearMiss miss;
};

// A flow `asked` that differs from the packet's in one thing. ICMP's "ports" are id and type.
std::optional<NearFlow> compare(const Tuple& asked, const Tuple& packet, const Host& host) {
  if (asked.family != packet.family || asked.protocol != packet.protocol) return std::nullopt;
  if (asked.source != packet.destination) return std::nullopt;
  Tuple answer = invert(asked);
  const auto from = [&packet] { return packet.source.text(packet.family); };
  bool icmp = packet.protocol == protocol::kIcmp || packet.protocol == protocol::kIcmpv6;
  if (icmp) {
    if (answer.destination_port != packet.destination_port) return std::nullopt;
    bool same_id = answer.source_port == packet.source_port;
    bool same_host = answer.source == packet.source;
    if (same_id == same_host) return std::nullopt;
    return NearFlow{same_host ? Nearness::kPort : Nearness::kHost,
                    {.text = fmt::format("a flow {} exists; this {}", asked.text(),
                                         same_host ? fmt::format("has id {}", packet.source_port)
                                                   : "comes from another host, " + from())}};
  }
  bool to_socket = answer.destination_port == packet.destination_port;
  bool from_asked = answer.source == packet.source;
  bool from_port = answer.source_port == packet.source_port;
  bool group = to_socket && asked.destination.is_multicast(asked.family);
  bool broadcast =
      to_socket && asked.family == Family::kIpv4 && host.is_broadcast(asked.destination);
  if (group || broadcast) {
    return NearFlow{
        Nearness::kGroup,
        {.text = fmt::format("a flow {} exists; the answer comes from {}, not from the {}: {}",
                             asked.text(), from(), group ? "group" : "broadcast address",
                             group ? "multicast" : "broadcast")}};
  }
  if (to_socket && from_asked && !from_port) {
    return NearFlow{Nearness::kPort,
                    {.text = fmt::format("a flow {} exists; this comes from port {} of that host",
                                         asked.text(), packet.source_port)}};
  }
  if (to_socket && from_port && !from_asked) {
    return NearFlow{Nearness::kHost,
                    {.text = fmt::format("a flow {} exists; this comes from another host, {}",
                                         asked.text(), from())}};
  }
  if (!to_socket && from_asked && from_port) {
    return NearFlow{
        Nearness::kSocket,
        {.text = fmt::format("a flow {} exists; this goes to port {} instead of {}", asked.text(),
                             packet.destination_port, asked.source_port)}};
  }
  return std::nullopt;
}

// The TCP knob that a timer of `seconds` in `state` came from: two of them shorten the state's own
// (kernel-facts 12). Empty: none, as of a flow that was loaded.
std::string_view tcp_knob(TcpState state, uint64_t seconds, const Knobs& knobs) {
  struct Row {
    TcpState state;
    uint32_t seconds;
    std::string_view knob;
  };
  const Row rows[] = {
      {TcpState::kSynSent, knobs.tcp_timeout_syn_sent, "syn_sent"},
      {TcpState::kSynSent2, knobs.tcp_timeout_syn_sent, "syn_sent"},
      {TcpState::kSynRecv, knobs.tcp_timeout_syn_recv, "syn_recv"},
      {TcpState::kEstablished, knobs.tcp_timeout_established, "established"},
      {TcpState::kFinWait, knobs.tcp_timeout_fin_wait, "fin_wait"},
      {TcpState::kCloseWait, knobs.tcp_timeout_close_wait, "close_wait"},
      {TcpState::kLastAck, knobs.tcp_timeout_last_ack, "last_ack"},
      {TcpState::kTimeWait, knobs.tcp_timeout_time_wait, "time_wait"},
      {TcpState::kClose, knobs.tcp_timeout_close, "close"},
  };
  for (const Row& row : rows) {
    if (row.state == state && row.seconds == seconds) return row.knob;
  }
  if (seconds == knobs.tcp_timeout_unacknowledged) return "unacknowledged";
  if (seconds == knobs.tcp_timeout_max_retrans) return "max_retrans";
  return "";
}

// The knob that a flow's last timer came from; empty: none, as of a flow that was loaded.
std::string knob_of(const Flow& flow, const Knobs& knobs) {
  uint64_t seconds = (flow.expires() - flow.last_seen()) / kTicksPerSecond;
  if (flow.status & ct_status::kFixedTimeout) return "";
  bool assured = flow.status & ct_status::kAssured;
  std::string knob = "net.netfilter.nf_conntrack_";
  switch (flow.protocol()) {
    case protocol::kUdp:
    case protocol::kUdpLite: knob += assured ? "udp_timeout_stream" : "udp_timeout"; break;
    case protocol::kGre: knob += assured ? "gre_timeout_stream" : "gre_timeout"; break;
    case protocol::kIcmp: knob += "icmp_timeout"; break;
    case protocol::kIcmpv6: knob += "icmpv6_timeout"; break;
    case protocol::kTcp: {
      std::string_view name = tcp_knob(flow.tcp().state, seconds, knobs);
      if (name.empty()) return "";
      knob += fmt::format("tcp_timeout_{}", name);
      break;
    }
    case protocol::kSctp: {
      knob += "sctp_timeout_";
      for (char letter : sctp_state_name(flow.sctp().state)) {
        knob += letter == '_' ? letter : static_cast<char>(letter - 'A' + 'a');
      }
      break;
    }
    default: knob += "generic_timeout"; break;
  }
  return knobs.get(knob) == seconds ? knob : "";
}

NearMiss expired(const Flow& flow, Tick now, const Knobs& knobs) {
  NearMiss miss;
  Tick ago = now > flow.expires() ? now - flow.expires() : 0;
  std::string state;
  if (flow.protocol() == protocol::kTcp) {
    state = fmt::format(" ({})", tcp_state_name(flow.tcp().state));
  } else if (flow.protocol() == protocol::kSctp) {
    state = fmt::format(" ({})", sctp_state_name(flow.sctp().state));
  }
  miss.text =
      fmt::format("the flow {}{} expired {} ago, {} after its last packet", flow.tuple().text(),
                  state, seconds_text(ago), seconds_text(flow.expires() - flow.last_seen()));
  std::string knob = knob_of(flow, knobs);
  if (knob.empty()) return miss;
  // A flow is dead when its age reaches the timeout exactly (kernel-facts 11).
  uint64_t needed = (now - flow.last_seen()) / kTicksPerSecond + 1;
  miss.value = std::to_string(needed);
  miss.text +=
      fmt::format("; {} of {} would have kept it", knob.substr(knob.rfind('.') + 1), needed);
  miss.knob = std::move(knob);
  return miss;
}

NearMiss ended(const FlowEvent& event, Tick now, const Knobs& knobs) {
  std::string flow = event.flow.tuple().text();
  std::string ago = seconds_text(now - event.when);
  switch (event.why) {
    case FlowEvent::Why::kTimeout: return expired(event.flow, now, knobs);
    case FlowEvent::Why::kReset:
      return {.text = fmt::format("the flow {} was ended by a reset {} ago", flow, ago)};
    case FlowEvent::Why::kEarlyDrop:
      return {.text = fmt::format("the flow {} was given up {} ago: the table was full "
                                  "(nf_conntrack_max is {})",
                                  flow, ago, knobs.max)};
    case FlowEvent::Why::kReopened:
    case FlowEvent::Why::kPacket:
    case FlowEvent::Why::kFlushed: break;
  }
  return {.text = fmt::format("the flow {} ended {} ago", flow, ago)};
}

// Why the answer does not fit its question, in this packet's terms.
std::string what_is_wrong(Reason reason, const Tuple& packet, const Host& host) {
  if (reason == Reason::kDiscoveryPort) {
    return fmt::format(", but not for an answer from port {}", packet.source_port);
  }
  if (reason == Reason::kDiscoveryTooMany) {
    return fmt::format(", but has had its {} answers", Discovery::kMostAnswers);
  }
  if (reason == Reason::kInvalidChecksum) return ", but not for a packet whose checksum is wrong";
  if (reason != Reason::kDiscoveryOffLink) return "";
  std::string prefixes;
  for (const Host::Interface& interface : host.interfaces()) {
    for (const Prefix& prefix : interface.addresses) {
      if (prefix.family != packet.family) continue;
      Address network = prefix.address & mask_of(prefix.family, prefix.length);
      prefixes += fmt::format("{}{}/{}", prefixes.empty() ? "" : ", ", network.text(prefix.family),
                              prefix.length);
    }
  }
  return fmt::format(", but {} is not on-link ({})", packet.source.text(packet.family), prefixes);
}

void add_windows(std::vector<NearMiss>& misses, const Tuple& packet, Reason reason, Engine& engine,
                 Tick now) {
  if (!engine.discovery()) return;
  for (const Discovery::Window& window : engine.discovery()->windows()) {
    if (window.family != packet.family || window.asker != packet.destination ||
        window.asker_port != packet.destination_port || packet.protocol != protocol::kUdp) {
      continue;
    }
    std::string question =
        fmt::format("the {} question to {}", window.descriptor->name,
                    endpoint(window.family, window.asked, true, window.asked_port));
    std::string text =
        window.expires > now
            ? fmt::format("{} is open for another {}", question, seconds_text(window.expires - now))
            : fmt::format("the window of {} closed {} ago", question,
                          seconds_text(now - window.expires));
    misses.push_back({.text = text + what_is_wrong(reason, packet, engine.host())});
  }
  std::ranges::sort(misses, {}, &NearMiss::text);
}

// The connection is there, and this segment does not fit it.
void add_connection(std::vector<NearMiss>& misses, const Judged& judged,
                    const TrackedPacket& tracked, Engine& engine, Tick now) {
  Direction direction{};
  const Flow* flow = engine.conntrack().find(
      engine.conntrack().lookup(judged.tuple, tracked.zone, now, &direction));
  if (!flow) return;
  const TcpWindow& own = flow->tcp().window[static_cast<size_t>(direction)];
  const TcpWindow& other = flow->tcp().window[static_cast<size_t>(opposite(direction))];
  std::string text = fmt::format("the connection {} is there ({})", flow->tuple().text(),
                                 tcp_state_name(flow->tcp().state));
  switch (judged.outcome.tracking) {
    case Reason::kInvalidTcpWindow:
    case Reason::kInvalidTcpRst:
      text += fmt::format(
          "; this side has sent up to sequence number {} and may send up to {}, "
          "and this segment is at {}",
          own.end, own.max_end, tracked.seq);
      break;
    case Reason::kInvalidTcpAck:
      text += fmt::format("; the other side has sent up to {}, and this acknowledges {}", other.end,
                          tracked.ack);
      break;
    case Reason::kInvalidTcpState:
      text += flow->tcp().state == TcpState::kSynSent
                  ? "; it has not been answered by SYN/ACK yet, as far as was seen"
                  : "; this segment has no place in that state";
      break;
    default: return;
  }
  misses.push_back({.text = std::move(text)});
}

// The same flow, in another zone.
void add_zones(std::vector<NearMiss>& misses, const Tuple& packet, const TrackedPacket& tracked,
               Engine& engine, Tick now) {
  if (!tracked.zone_known) return;
  engine.conntrack().each(now, [&](FlowId, const Flow& flow) {
    if (flow.tuple() != packet && flow.tuple() != invert(packet)) return;
    Direction direction = flow.tuple() == packet ? Direction::kOriginal : Direction::kReply;
    if (flow.zone().in(direction) == tracked.zone.in(direction)) return;
    misses.push_back(
        {.text = fmt::format("the flow {} is in zone {}, and this packet in zone {} (-j CT --zone)",
                             flow.tuple().text(), flow.zone().in(direction),
                             tracked.zone.in(direction))});
  });
}

void add_flows(std::vector<NearMiss>& misses, const Tuple& packet, Engine& engine,
               const History& history, Tick now) {
  std::vector<NearFlow> near;
  auto add = [&](NearFlow one, const Flow& flow) {
    const Tick asked = flow.last_seen();
    one.miss.asked_ago = now > asked ? now - asked : 0;
    near.push_back(std::move(one));
  };
  engine.conntrack().each(now, [&](FlowId, const Flow& flow) {
    if (near.size() >= kMostFlows) return;
    if (auto one = compare(flow.tuple(), packet, engine.host())) add(std::move(*one), flow);
  });
  // What has ended since was there then.
  for (auto end = history.ended().rbegin(); end != history.ended().rend(); ++end) {
    if (end->when <= now || near.size() >= kMostFlows) continue;
    auto one = compare(end->tuple, packet, engine.host());
    const FlowEvent* event = one ? engine.conntrack().event(end->event) : nullptr;
    const bool was_there = event && event->flow.age(end->when) >= end->when - now;
    if (was_there) add(std::move(*one), event->flow);
  }
  std::ranges::sort(near, [](const NearFlow& a, const NearFlow& b) {
    return std::tie(a.nearness, a.miss.text) < std::tie(b.nearness, b.miss.text);
  });
  for (NearFlow& one : near) misses.push_back(std::move(one.miss));
}

void add_ended(std::vector<NearMiss>& misses, const Tuple& wanted, Engine& engine,
               const History& history, Tick now) {
  const Tuple answer = invert(wanted);
  for (auto end = history.ended().rbegin(); end != history.ended().rend(); ++end) {
    if ((end->tuple != wanted && end->tuple != answer) || end->when > now) continue;
    const FlowEvent* event = engine.conntrack().event(end->event);
    if (!event) return;
    // A question that was never answered: its repetition is NEW, with the flow or without.
    bool would_be_new = end->tuple == wanted && !(event->flow.status & ct_status::kSeenReply);
    if (would_be_new) return;
    misses.push_back(ended(*event, now, engine.conntrack().knobs()));
    return;
  }
}

// The packet that this one answers, or is about, and that left no flow.
void add_history(std::vector<NearMiss>& misses, const Judged& judged, const Tuple& wanted,
                 bool about, const History& history) {
  for (auto past = history.packets().rbegin(); past != history.packets().rend(); ++past) {
    if (past->tuple != wanted) continue;
    std::string before =
        fmt::format("packet {}, {} before, {}", past->index,
                    seconds_text(tick_of(judged.record.time) - tick_of(past->time)),
                    about ? "is the one that this is about" : "would have made the flow");
    if (past->dropped) {
      misses.push_back(
          {.text = fmt::format("{}, but {} dropped it", before, past->place), .dropped = *past});
    } else {
      misses.push_back({.text = fmt::format(
                            "{}, but it was {}, which makes no flow", before,
                            past->info == CtInfo::kUntracked ? "UNTRACKED (NOTRACK)" : "INVALID")});
    }
    return;
  }
}

}  // namespace

void keep_history(Engine& engine, size_t events) {
  engine.conntrack().keep_events(events);
}

void History::add(const Judged& judged, const Program* program) {
  const Outcome& outcome = judged.outcome;
  bool dropped = outcome.fate == Outcome::Fate::kDrop;
  bool untracked = outcome.info == CtInfo::kInvalid || outcome.info == CtInfo::kUntracked;
  if (!judged.family || !(dropped || untracked)) return;
  if (packets_.size() == kMost) packets_.pop_front();
  bool ruled = program && outcome.rule != kNoRule;
  packets_.push_back({.index = judged.record.index,
                      .time = judged.record.time,
                      .tuple = judged.tuple,
                      .dropped = dropped,
                      .place = ruled ? rule_place(program->rules[outcome.rule])
                                     : std::string(reason_name(outcome.reason)),
                      .table = ruled ? program->rules[outcome.rule].table : "filter",
                      .hook = outcome.hook,
                      .info = outcome.info});
}

bool History::see(const Conntrack& conntrack, uint64_t most) {
  const uint64_t last = conntrack.last_event();
  if (seen_ > last) seen_ = 0;  // it has begun to count anew
  const uint64_t until = std::min(last, seen_ + most);
  while (seen_ < until) {
    const FlowEvent* event = conntrack.event(++seen_);
    if (!event || event->kind != FlowEvent::Kind::kDestroy) continue;
    if (ended_.size() == kMost) ended_.pop_front();
    ended_.push_back({.tuple = event->flow.tuple(), .when = event->when, .event = seen_});
  }
  return seen_ == last;
}

std::vector<NearMiss> near_misses(const Judged& judged, const std::optional<TrackedPacket>& tracked,
                                  Engine& engine, History& history, Tick now) {
  std::vector<NearMiss> misses;
  const Outcome& outcome = judged.outcome;
  // A flow that the packet has did not help: no other would.
  bool has_flow = outcome.info == CtInfo::kEstablished || outcome.info == CtInfo::kRelated;
  if (!judged.family || !tracked || has_flow) return misses;
  const Tuple& packet = judged.tuple;
  history.see(engine.conntrack(), EventLog::kMost);
  add_connection(misses, judged, *tracked, engine, now);
  bool fits_nothing = misses.empty();
  if (fits_nothing) add_windows(misses, packet, outcome.tracking, engine, now);
  // Discovery knows the question: the flow that it made says no more.
  if (misses.empty() && !judged.from_host && !tracked->about) {
    add_zones(misses, packet, *tracked, engine, now);
    add_flows(misses, packet, engine, history, now);
  }
  if (fits_nothing) {
    add_ended(misses, tracked->about.value_or(packet), engine, history, now);
    Tuple wanted = tracked->about ? *tracked->about : invert(packet);
    add_history(misses, judged, wanted, tracked->about.has_value(), history);
    if (tracked->about && misses.empty()) {
      misses.push_back({.text = fmt::format("it is about {}, and there is no such flow",
                                            tracked->about->text())});
    }
  }
  misses.resize(std::min(misses.size(), kMostMisses));
  return misses;
}

}  // namespace sallyport
