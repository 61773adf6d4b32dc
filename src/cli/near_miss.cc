#include "cli/near_miss.h"

#include <algorithm>
#include <fmt/format.h>

#include "cli/words.h"

namespace sallyport {
namespace {

constexpr size_t kMostMisses = 5;

std::string seconds_text(Tick ticks) {
  return fmt::format("{:.3g} s", static_cast<double>(ticks) / static_cast<double>(kTicksPerSecond));
}

// Both directions look for the flow: a flow's packet, or the answer to one.
bool same_flow(const Tuple& flow, const Tuple& packet) {
  return flow == packet || flow == invert(packet);
}

// A flow that is alive and differs from the packet's in one thing.
std::optional<NearMiss> compare_alive(const Flow& flow, const Tuple& packet, const Host& host) {
  const Tuple& asked = flow.tuple;
  if (asked.family != packet.family || asked.protocol != packet.protocol) return std::nullopt;
  // An answer to flow's sender that is not the flow's own answer.
  if (asked.source != packet.destination) return std::nullopt;
  bool to_socket = asked.source_port == packet.destination_port;
  bool from_asked = asked.destination == packet.source;
  bool from_port = asked.destination_port == packet.source_port;
  std::string from = packet.source.text(packet.family);
  bool group = asked.destination.is_multicast(asked.family);
  bool broadcast = asked.family == Family::kIpv4 && host.is_broadcast(asked.destination);
  if (to_socket && (group || broadcast)) {
    return NearMiss{
        .text = fmt::format("a flow {} exists; the answer comes from {}, not from the {}: {}",
                            asked.text(), from, group ? "group" : "broadcast address",
                            group ? "multicast" : "broadcast")};
  }
  if (to_socket && from_asked && !from_port) {
    return NearMiss{.text = fmt::format("a flow {} exists; this comes from port {} of that host",
                                        asked.text(), packet.source_port)};
  }
  if (to_socket && from_port && !from_asked) {
    return NearMiss{.text = fmt::format("a flow {} exists; this comes from another host, {}",
                                        asked.text(), from)};
  }
  if (!to_socket && from_asked && from_port) {
    return NearMiss{.text = fmt::format("a flow {} exists; this goes to port {} instead of {}",
                                        asked.text(), packet.destination_port, asked.source_port)};
  }
  return std::nullopt;
}

// The knob that a flow's last timer came from, told by its length.
std::string_view knob_of(const FlowEvent& event, const Knobs& knobs) {
  uint64_t seconds = (event.expires - event.last_seen) / kTicksPerSecond;
  switch (event.tuple.protocol) {
    case protocol::kUdp:
      return seconds == knobs.udp_timeout_stream && (event.status & ct_status::kAssured)
                 ? "net.netfilter.nf_conntrack_udp_timeout_stream"
                 : "net.netfilter.nf_conntrack_udp_timeout";
    case protocol::kTcp:
      return seconds == knobs.tcp_timeout_established
                 ? "net.netfilter.nf_conntrack_tcp_timeout_established"
                 : "";
    case protocol::kIcmp: return "net.netfilter.nf_conntrack_icmp_timeout";
    case protocol::kIcmpv6: return "net.netfilter.nf_conntrack_icmpv6_timeout";
    default: return "net.netfilter.nf_conntrack_generic_timeout";
  }
}

NearMiss expired(const FlowEvent& event, Tick now, const Knobs& knobs) {
  NearMiss miss;
  Tick ago = now > event.expires ? now - event.expires : 0;
  miss.text = fmt::format("the flow {} expired {} ago", event.tuple.text(), seconds_text(ago));
  std::string_view knob = knob_of(event, knobs);
  if (knob.empty()) return miss;
  // A flow is dead when its age reaches the timeout exactly (kernel-facts 11).
  uint64_t needed = (now - event.last_seen) / kTicksPerSecond + 1;
  miss.knob = knob;
  miss.value = std::to_string(needed);
  miss.text +=
      fmt::format("; {} of {} would have kept it", knob.substr(knob.rfind('.') + 1), needed);
  return miss;
}

// Why the answer does not fit its question, in this packet's terms.
std::string what_is_wrong(Reason reason, const Tuple& packet, const Host& host) {
  if (reason == Reason::kDiscoveryPort) {
    return fmt::format(", but not for an answer from port {}", packet.source_port);
  }
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

void add_windows(std::vector<NearMiss>& misses, const Tuple& packet, Reason reason,
                 Engine& engine) {
  if (!engine.discovery()) return;
  for (const Discovery::Window& window : engine.discovery()->windows()) {
    if (window.family != packet.family || window.asker != packet.destination ||
        window.asker_port != packet.destination_port) {
      continue;
    }
    std::string question =
        fmt::format("the {} question to {}", window.descriptor->name,
                    endpoint(window.family, window.asked, true, window.asked_port));
    Tick now = engine.now();
    std::string text =
        window.expires > now
            ? fmt::format("{} is open for another {}", question, seconds_text(window.expires - now))
            : fmt::format("the window of {} closed {} ago", question,
                          seconds_text(now - window.expires));
    misses.push_back({.text = text + what_is_wrong(reason, packet, engine.host())});
  }
}

}  // namespace

Tuple tuple_of(const Judged& judged) {
  return {.source = judged.source,
          .destination = judged.destination,
          .source_port = judged.source_port,
          .destination_port = judged.destination_port,
          .family = *judged.family,
          .protocol = judged.protocol};
}

void DropHistory::add(const Judged& judged, const Program* program) {
  if (judged.outcome.fate != Outcome::Fate::kDrop || !judged.family) return;
  if (drops_.size() == kMost) drops_.pop_front();
  bool ruled = program && judged.outcome.rule != kNoRule;
  drops_.push_back({.index = judged.record.index,
                    .time = judged.record.time,
                    .tuple = tuple_of(judged),
                    .rule = ruled ? rule_place(program->rules[judged.outcome.rule])
                                  : std::string(reason_name(judged.outcome.reason))});
}

std::vector<NearMiss> near_misses(const Judged& judged, Engine& engine,
                                  const DropHistory& history) {
  std::vector<NearMiss> misses;
  if (!judged.family) return misses;
  Tuple packet = tuple_of(judged);
  add_windows(misses, packet, judged.outcome.tracking, engine);
  // Discovery knows the question: the flow that it made says no more.
  bool asked = !misses.empty();
  engine.conntrack().each(engine.now(), [&](FlowId, const Flow& flow) {
    if (asked || misses.size() >= kMostMisses) return;
    if (std::optional<NearMiss> miss = compare_alive(flow, packet, engine.host())) {
      misses.push_back(std::move(*miss));
    }
  });
  std::vector<FlowEvent> storage;
  std::span<const FlowEvent> events = engine.conntrack().events_since(0, storage);
  for (size_t i = events.size(); i-- > 0 && misses.size() < kMostMisses;) {
    const FlowEvent& event = events[i];
    if (event.kind != FlowEvent::Kind::kDestroy || !same_flow(event.tuple, packet)) continue;
    misses.push_back(
        event.why == FlowEvent::Why::kTimeout
            ? expired(event, engine.now(), engine.conntrack().knobs())
            : NearMiss{.text = fmt::format("the flow {} was closed {} ago", event.tuple.text(),
                                           seconds_text(engine.now() - event.when))});
    break;
  }
  for (auto drop = history.drops().rbegin(); drop != history.drops().rend(); ++drop) {
    if (misses.size() >= kMostMisses) break;
    if (drop->tuple != invert(packet)) continue;
    misses.push_back(
        {.text = fmt::format(
             "packet {}, {} before, would have made the flow, but {} dropped it", drop->index,
             seconds_text(tick_of(judged.record.time) - tick_of(drop->time)), drop->rule)});
    break;
  }
  return misses;
}

}  // namespace sallyport
