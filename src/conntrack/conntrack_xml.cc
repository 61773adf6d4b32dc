// What stands where was asked of conntrack-tools 1.4.7. ICMP has no type and no id there. Nothing
// is escaped: names of helpers and labels have no such letters.
#include "conntrack/conntrack_xml.h"

#include <ctime>
#include <fmt/format.h>

namespace sallyport {
namespace {

template <typename Value>
std::string element(std::string_view name, const Value& value) {
  return fmt::format("<{0}>{1}</{0}>", name, value);
}

std::string zone_xml(const Zone& zone, Zone::Directions directions) {
  return zone.id && zone.directions == directions ? element("zone", zone.id) : std::string();
}

std::string ports_xml(const Tuple& tuple) {
  switch (tuple.protocol) {
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kUdpLite:
    case protocol::kSctp:
    case protocol::kDccp:
      return element("sport", tuple.source_port) + element("dport", tuple.destination_port);
    case protocol::kGre:
      return element("srckey", fmt::format("{:#x}", tuple.source_port)) +
             element("dstkey", fmt::format("{:#x}", tuple.destination_port));
    default: return {};
  }
}

std::string half_xml(const FlowLine& line, Direction direction) {
  const bool original = direction == Direction::kOriginal;
  const Tuple& tuple = original ? line.tuple : line.reply;
  const bool four = tuple.family == Family::kIpv4;
  std::string text =
      fmt::format("<meta direction=\"{}\"><layer3 protonum=\"{}\" protoname=\"{}\">",
                  original ? "original" : "reply", four ? 2 : 10, four ? "ipv4" : "ipv6");
  text += element("src", tuple.source.text(tuple.family));
  text += element("dst", tuple.destination.text(tuple.family));
  text += fmt::format("</layer3><layer4 protonum=\"{}\" protoname=\"{}\">{}</layer4>",
                      tuple.protocol, flow_protocol_name(tuple.protocol), ports_xml(tuple));
  text += zone_xml(line.zone, original ? Zone::Directions::kOriginal : Zone::Directions::kReply);
  if (line.counters) {
    const auto i = static_cast<size_t>(direction);
    text += element("counters", element("packets", line.counters->packets[i]) +
                                    element("bytes", line.counters->bytes[i]));
  }
  return text + "</meta>";
}

std::string labels_xml(const Labels& labels, const LabelNames* names) {
  if (!names || !labels.any()) return {};
  std::string text;
  for (uint8_t label = 0; label < kMostLabels; label++) {
    if (labels.has(label) && !names->of(label).empty()) text += element("label", names->of(label));
  }
  return element("labels", text);
}

// What differs between a listing and an event.
struct Shown {
  std::string_view type;  // of the event; empty: none
  bool mark = true, use = true;
  std::string when;
};

std::string flow_xml(const FlowLine& line, const LabelNames* labels, const Shown& shown) {
  std::string text = shown.type.empty() ? "<flow>" : fmt::format("<flow type=\"{}\">", shown.type);
  text += half_xml(line, Direction::kOriginal) + half_xml(line, Direction::kReply) +
          "<meta direction=\"independent\">";
  if (line.tcp_state != TcpState::kNone) text += element("state", tcp_state_name(line.tcp_state));
  if (line.sctp_state != SctpState::kNone) {
    text += element("state", sctp_state_name(line.sctp_state));
  }
  if (line.timeout) text += element("timeout", *line.timeout);
  if (shown.mark) text += element("mark", line.connmark);
  text += labels_xml(line.labels, labels);
  text += zone_xml(line.zone, Zone::Directions::kBoth);
  if (shown.use) text += element("use", line.uses);
  text += element("id", line.id);
  if (line.status & ct_status::kAssured) text += "<assured/>";
  if (!(line.status & ct_status::kSeenReply)) text += "<unreplied/>";
  if (line.age) text += element("deltatime", line.clock_age);
  text += "</meta>";
  if (!line.helper.empty()) text += element("helper", line.helper);
  return text + shown.when + "</flow>";
}

std::string_view type_of(FlowEvent::Kind kind) {
  switch (kind) {
    case FlowEvent::Kind::kNew: return "new";
    case FlowEvent::Kind::kUpdate: return "update";
    case FlowEvent::Kind::kDestroy: break;
  }
  return "destroy";
}

std::string when_xml(Instant when) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(when.time_since_epoch());
  const auto time = static_cast<std::time_t>(seconds.count());
  std::tm local{};
  ::localtime_r(&time, &local);
  return fmt::format(
      "<when><hour>{}</hour><min>{:02}</min><sec>{:02}</sec><wday>{}</wday><day>{}</day>"
      "<month>{}</month><year>{}</year></when>",
      local.tm_hour, local.tm_min, local.tm_sec, local.tm_wday + 1, local.tm_mday, local.tm_mon + 1,
      local.tm_year + 1900);
}

}  // namespace

std::string xml_text(const FlowLine& line, const LabelNames* labels) {
  return flow_xml(line, labels, {});
}

std::string event_xml(const FlowEvent& event, const Knobs& knobs, const LabelNames* labels,
                      std::optional<Instant> when) {
  return flow_xml(event_line(event, knobs), labels,
                  {.type = type_of(event.kind),
                   .mark = shows_mark(event),
                   .use = false,
                   .when = when ? when_xml(*when) : std::string()});
}

}  // namespace sallyport
