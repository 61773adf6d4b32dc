#include "attach/script.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <span>

namespace sallyport {
namespace {

using Fate = Outcome::Fate;

constexpr Duration kDefaultGap = std::chrono::milliseconds(1);
constexpr Duration kMostTime = std::chrono::hours(24 * 365);
constexpr size_t kMostPacketBytes = 64 * 1024 * 1024;

constexpr Fate kFates[] = {Fate::kAccept, Fate::kDrop, Fate::kQueue, Fate::kStolen, Fate::kNone};

struct StateName {
  std::string_view name;
  CtInfo info;
};
constexpr StateName kStates[] = {{"NEW", CtInfo::kNew},
                                 {"ESTABLISHED", CtInfo::kEstablished},
                                 {"RELATED", CtInfo::kRelated},
                                 {"INVALID", CtInfo::kInvalid},
                                 {"UNTRACKED", CtInfo::kUntracked},
                                 {"-", CtInfo::kNone}};

struct StatusName {
  std::string_view name;
  uint32_t bit;
};
constexpr StatusName kStatuses[] = {{"ASSURED", ct_status::kAssured},
                                    {"SEEN_REPLY", ct_status::kSeenReply},
                                    {"EXPECTED", ct_status::kExpected}};

// Seconds with at most nine decimals, as nanoseconds.
std::optional<Duration> parse_seconds(std::string_view text) {
  size_t dot = text.find('.');
  std::string_view whole = text.substr(0, dot);
  std::string decimals(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  if (decimals.size() > 9 || (whole.empty() && decimals.empty())) return std::nullopt;
  if (std::ranges::any_of(std::string(whole) + decimals, [](char c) { return c < '0' || c > '9'; }))
    return std::nullopt;
  if (whole.size() > 9) return std::nullopt;
  decimals.resize(9, '0');
  uint64_t ns = *parse_number(decimals) + (whole.empty() ? 0 : *parse_number(whole)) * 1000000000;
  return Duration(ns) <= kMostTime ? std::optional(Duration(ns)) : std::nullopt;
}

std::optional<Duration> read_seconds(LineReader& reader, std::string_view text) {
  std::optional<Duration> seconds = parse_seconds(text);
  if (!seconds) reader.fail(reader.last(), fmt::format("'{}' is not a time in seconds", text));
  return seconds;
}

InterfaceName read_interface(LineReader& reader) {
  std::string_view name = reader.word("an interface");
  if (name.size() > 15) {
    reader.fail(reader.last(), "the name of an interface has at most 15 bytes");
  }
  return InterfaceName(name);
}

// A name is there unless the packet begins at once.
InterfaceName read_optional_interface(LineReader& reader) {
  return names_protocol(reader.text()) ? InterfaceName("eth0") : read_interface(reader);
}

void read_way(LineReader& reader, ScriptPacket& packet) {
  std::string_view word = reader.word("a way (in, out or fwd)");
  if (word == "in") {
    packet.path = ScriptPacket::Path::kIn;
    packet.in = read_optional_interface(reader);
  } else if (word == "out") {
    packet.path = ScriptPacket::Path::kOut;
    packet.out = read_optional_interface(reader);
  } else if (word == "fwd") {
    packet.path = ScriptPacket::Path::kForward;
    packet.in = read_interface(reader);
    packet.out = read_interface(reader);
  } else {
    reader.fail(reader.last(), fmt::format("unknown word '{}'", word),
                "a packet's line is: [+SECONDS | @SECONDS] in|out|fwd IFACE PROTO SRC > DST ...");
  }
}

const ScriptBridge* bridge_of(const InterfaceName& port, std::span<const ScriptBridge> bridges) {
  for (const ScriptBridge& bridge : bridges) {
    if (std::ranges::find(bridge.ports, port) != bridge.ports.end()) return &bridge;
  }
  return nullptr;
}

// What comes in by a bridge comes in at one of its ports; what goes out by one is the bridge's to
// hand on, but for a packet that it has from its other port.
void put_on_bridges(LineReader& reader, std::span<const ScriptBridge> bridges,
                    ScriptPacket& packet) {
  const ScriptBridge* from = bridge_of(packet.in, bridges);
  const ScriptBridge* to = bridge_of(packet.out, bridges);
  if (to && to != from) {
    reader.fail(reader.last(),
                fmt::format("'{}' is a port of {}", packet.out.text(), to->name.text()),
                fmt::format("a host sends by the bridge: {}", to->name.text()));
  } else if (to && packet.in == packet.out) {
    reader.fail(reader.last(), "a bridge sends nothing back by the port that it came in at");
  } else if (std::ranges::find(bridges, packet.in, &ScriptBridge::name) != bridges.end()) {
    reader.fail(reader.last(), fmt::format("'{}' is a bridge", packet.in.text()),
                "say at which of its ports the packet comes in");
  }
  if (from) {
    packet.ports.in = packet.in;
    packet.in = from->name;
  }
  if (to) {
    packet.path = ScriptPacket::Path::kBridged;
    packet.ports.out = packet.out;
    packet.out = to->name;
  }
}

Duration read_time(LineReader& reader, std::optional<Duration> previous) {
  Duration before = previous.value_or(Duration::zero());
  std::string_view text = reader.text();
  if (!text.starts_with('+') && !text.starts_with('@')) {
    return previous ? before + kDefaultGap : before;
  }
  reader.word("a time");
  std::optional<Duration> given = read_seconds(reader, text.substr(1));
  if (!given) return before;
  Duration time = text[0] == '+' ? before + *given : *given;
  if (time < before) reader.fail(reader.last(), "this is before the packet above");
  if (time > kMostTime) reader.fail(reader.last(), "a script lasts a year at most");
  return time;
}

uint32_t read_statuses(LineReader& reader) {
  std::string_view list = reader.word("statuses");
  uint32_t bits = 0;
  if (list == "-") return bits;
  while (!reader.failed()) {
    size_t comma = list.find(',');
    auto known = std::ranges::find(kStatuses, list.substr(0, comma), &StatusName::name);
    if (known == std::end(kStatuses)) {
      reader.fail(reader.last(), fmt::format("unknown status '{}'", list.substr(0, comma)),
                  "ASSURED, SEEN_REPLY, EXPECTED, or - for none");
      return bits;
    }
    bits |= known->bit;
    if (comma == std::string_view::npos) return bits;
    list.remove_prefix(comma + 1);
  }
  return bits;
}

ExpectedOutcome::Rule read_rule(LineReader& reader) {
  ExpectedOutcome::Rule rule;
  std::string_view text = reader.word("a rule");
  size_t first = text.find('/'), second = text.rfind('/');
  if (first != std::string_view::npos && first != second) {
    std::string_view number = text.substr(second + 1);
    rule.table = text.substr(0, first);
    rule.chain = text.substr(first + 1, second - first - 1);
    std::optional<uint64_t> value = number == "policy" ? 0 : parse_number(number);
    if (value && *value <= 0xffffffff && (*value > 0 || number == "policy")) {
      rule.number = static_cast<uint32_t>(*value);
      return rule;
    }
  }
  reader.fail(reader.last(), "a rule is TABLE/CHAIN/NUMBER",
              "like filter/INPUT/3 or filter/INPUT/policy");
  return rule;
}

Reason read_reason(LineReader& reader) {
  std::string_view name = reader.word("a reason");
  std::optional<Reason> reason = find_reason(name);
  if (!reason) reader.fail(reader.last(), fmt::format("unknown reason '{}'", name));
  return reason.value_or(Reason::kNone);
}

void read_expected_word(LineReader& reader, ExpectedOutcome& expected) {
  std::string_view word = reader.word("an expectation");
  if (auto state = std::ranges::find(kStates, word, &StateName::name); state != std::end(kStates)) {
    expected.state = state->info;
  } else if (word == "original") {
    expected.direction = Direction::kOriginal;
  } else if (word == "reply") {
    expected.direction = Direction::kReply;
  } else if (word == "timeout") {
    expected.timeout = reader.number("a timeout in seconds", 0, 0x7fffffff);
  } else if (word == "tcp") {
    std::string_view name = reader.word("a TCP state");
    expected.tcp = tcp_state_of(name);
    if (!expected.tcp) reader.fail(reader.last(), fmt::format("unknown TCP state '{}'", name));
  } else if (word == "sctp") {
    std::string_view name = reader.word("an SCTP state");
    expected.sctp = sctp_state_of(name);
    if (!expected.sctp) reader.fail(reader.last(), fmt::format("unknown SCTP state '{}'", name));
  } else if (word == "status") {
    expected.status = read_statuses(reader);
  } else if (word == "gone") {
    expected.gone = true;
  } else if (word == "rule") {
    expected.rule = read_rule(reader);
  } else if (word == "reason") {
    expected.reason = read_reason(reader);
  } else if (word == "answer") {
    std::string_view bytes = reader.word("the answer's bytes, or none");
    expected.answer = bytes == "none" ? std::vector<uint8_t>{} : parse_hex(bytes);
    if (!expected.answer) reader.fail(reader.last(), "an answer is hexadecimal digits, or none");
  } else {
    reader.fail(reader.last(), fmt::format("unknown expectation '{}'", word),
                "a state, original, reply, timeout N, tcp STATE, sctp STATE, status A,B, gone, "
                "rule TABLE/CHAIN/NUMBER, reason NAME, answer HEX|none");
  }
}

ExpectedOutcome read_expectation(LineReader& reader) {
  ExpectedOutcome expected;
  std::string_view verdict = reader.word("a verdict");
  auto fate = std::ranges::find(kFates, verdict, verdict_word);
  if (fate == std::end(kFates)) {
    reader.fail(reader.last(), fmt::format("unknown verdict '{}'", verdict),
                "ACCEPT, DROP, QUEUE, STOLEN or NONE");
    return expected;
  }
  expected.fate = *fate;
  while (!reader.at_end()) read_expected_word(reader, expected);
  bool alive = expected.timeout || expected.tcp || expected.sctp || expected.status;
  if (expected.gone && alive) {
    reader.fail(reader.last(), "a flow that is gone has no timeout, state or status");
  }
  return expected;
}

ScriptPacket read_packet_line(LineReader& reader, uint32_t number, std::optional<Duration> previous,
                              std::span<const ScriptBridge> bridges) {
  ScriptPacket packet;
  packet.line = number;
  packet.time = read_time(reader, previous);
  read_way(reader, packet);
  put_on_bridges(reader, bridges, packet);
  packet.packet = read_packet(reader);
  packet.end_column = reader.end_column();
  packet.comment_column = reader.comment_column();
  if (reader.at(")")) reader.fail("')' without '('");
  if (reader.take("=>")) packet.expected = read_expectation(reader);
  return packet;
}

// The script's text line by line, with the state that lines share.
class ScriptParser {
 public:
  ScriptParser(std::string_view text, Diagnostics& diagnostics)
      : text_(text), diagnostics_(diagnostics) {}

  std::optional<Script> parse() {
    std::string_view line;
    while (next_line(line)) read_line(line);
    if (!diagnostics_.empty()) return std::nullopt;
    return std::move(script_);
  }

 private:
  bool next_line(std::string_view& line) {
    if (offset_ >= text_.size()) return false;
    size_t end = std::min(text_.find('\n', offset_), text_.size());
    line = text_.substr(offset_, end - offset_);
    offset_ = end + 1;
    number_++;
    return true;
  }

  void read_line(std::string_view line) {
    LineReader reader(line, number_, diagnostics_);
    if (reader.at_end()) return;
    if (reader.take("wait")) {
      std::optional<Duration> seconds = read_seconds(reader, reader.word("seconds"));
      previous_ = previous_.value_or(Duration::zero()) + seconds.value_or(Duration::zero());
      if (*previous_ > kMostTime) reader.fail(reader.last(), "a script lasts a year at most");
    } else if (!read_head(reader)) {
      add(read_packet_line(reader, number_, previous_, script_.bridges));
    }
    if (!reader.at_end()) reader.fail(fmt::format("unexpected '{}'", reader.text()));
  }

  void add(ScriptPacket packet) {
    previous_ = packet.time;
    bytes_ += packet.packet.bytes.size();
    if (bytes_ > kMostPacketBytes) {
      diagnostics_.add(
          {{number_, 1, 0}, "the packets of a script have 64 MiB at most together", ""});
      offset_ = text_.size();
      return;
    }
    script_.packets.push_back(std::move(packet));
  }

  // Whether the line is one of the head.
  bool read_head(LineReader& reader) {
    if (reader.take("host")) {
      do read_host_address(reader);
      while (!reader.at_end());
    } else if (reader.take("forward")) {
      script_.forwards = true;
      if (!reader.at_end()) reader.expect("inside");
      while (!reader.at_end())
        script_.inside.push_back(read_prefix(reader, reader.word("a network")));
    } else if (reader.take("bridge")) {
      read_bridge(reader);
    } else if (reader.take("group")) {
      do read_group(reader);
      while (!reader.at_end());
    } else if (reader.take("sysctl")) {
      read_sysctl(reader);
    } else if (reader.take("compat")) {
      std::string_view word = reader.word("linux or none");
      if (word != "linux" && word != "none") reader.fail(reader.last(), "compat is linux or none");
      script_.compat_linux = word == "linux";
    } else if (reader.take("differs")) {
      if (reader.at_end()) reader.fail("how the engine differs is missing");
      while (!reader.at_end()) {
        if (!script_.differs.empty()) script_.differs += ' ';
        script_.differs += reader.word("how the engine differs");
      }
    } else if (reader.take("sets")) {
      read_block(reader, script_.sets);
    } else if (reader.take("rules")) {
      read_block(reader, script_.rules);
    } else if (reader.take("rules6")) {
      read_block(reader, script_.rules6);
    } else {
      return false;
    }
    if (!script_.packets.empty()) {
      reader.fail(Span{number_, 1, 0}, "this belongs before the first packet");
    }
    return true;
  }

  static Prefix read_prefix(LineReader& reader, std::string_view text) {
    std::optional<Prefix> prefix = Prefix::parse(text);
    if (!prefix) {
      reader.fail(reader.last(), fmt::format("'{}' is not an address", text),
                  "like 192.168.1.2/24");
    }
    return prefix.value_or(Prefix{});
  }

  void read_host_address(LineReader& reader) {
    std::string_view text = reader.word("the host's address");
    size_t equals = text.find('=');
    std::string_view name = equals == std::string_view::npos ? "eth0" : text.substr(0, equals);
    if (name.empty() || name.size() > 15) {
      reader.fail(reader.last(), "the name of an interface has 1 to 15 bytes");
    }
    if (const ScriptBridge* bridge = bridge_of(InterfaceName(name), script_.bridges)) {
      reader.fail(reader.last(), fmt::format("'{}' is a port of {}", name, bridge->name.text()),
                  fmt::format("give its addresses to {}", bridge->name.text()));
    }
    Prefix prefix =
        read_prefix(reader, equals == std::string_view::npos ? text : text.substr(equals + 1));
    script_.host.push_back({InterfaceName(name), prefix});
  }

  static bool is_port(const InterfaceName& name, const ScriptBridge& bridge) {
    return std::ranges::find(bridge.ports, name) != bridge.ports.end();
  }
  bool is_taken(const InterfaceName& name) const {
    return name.text() == "lo" ||
           std::ranges::any_of(script_.bridges, [&](const ScriptBridge& bridge) {
             return bridge.name == name || is_port(name, bridge);
           });
  }
  bool has_address(const InterfaceName& name) const {
    return std::ranges::find(script_.host, name, &Script::HostAddress::interface) !=
           script_.host.end();
  }

  void read_bridge(LineReader& reader) {
    ScriptBridge bridge{.name = read_interface(reader), .ports = {}};
    if (is_taken(bridge.name)) {
      reader.fail(reader.last(), fmt::format("'{}' is taken", bridge.name.text()));
    }
    for (InterfaceName& port : bridge.ports) {
      port = read_interface(reader);
      if (is_taken(port)) reader.fail(reader.last(), fmt::format("'{}' is taken", port.text()));
      if (has_address(port)) {
        reader.fail(reader.last(), fmt::format("'{}' has an address above", port.text()),
                    fmt::format("give it to {}", bridge.name.text()));
      }
    }
    if (bridge.ports[0] == bridge.ports[1] || is_port(bridge.name, bridge)) {
      reader.fail(reader.last(), "a bridge is one name, its ports are two others");
    }
    script_.bridges.push_back(bridge);
  }

  void read_group(LineReader& reader) {
    std::string_view text = reader.word("a group");
    if (reader.failed()) return;
    Family family = text.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
    std::optional<Address> address = Address::parse(family, text);
    if (!address || !address->is_multicast(family)) {
      reader.fail(reader.last(), fmt::format("'{}' is not a multicast address", text));
      return;
    }
    script_.groups.push_back({family, *address});
  }

  void read_sysctl(LineReader& reader) {
    std::string_view text = reader.word("NAME=VALUE");
    size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      reader.fail(reader.last(), "expected NAME=VALUE, without blanks",
                  "like net.netfilter.nf_conntrack_udp_timeout=2");
      return;
    }
    script_.sysctls.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }

  // "<<END", then lines as they are, up to a line that is END.
  void read_block(LineReader& reader, std::optional<Script::Block>& block) {
    std::string_view marker = reader.word("<<END");
    Span opening = reader.last();
    if (reader.failed()) return;
    if (!marker.starts_with("<<") || marker.size() == 2) {
      reader.fail(opening, "expected << and the word that ends the text", "like rules <<END");
      return;
    }
    if (block) reader.fail(opening, "this is given twice");
    std::string_view end = marker.substr(2), line;
    Script::Block read{"", number_ + 1};
    while (next_line(line)) {
      if (line == end) {
        block = std::move(read);
        return;
      }
      read.text.append(line).push_back('\n');
    }
    reader.fail(opening, fmt::format("no line '{}' ends this text", end));
  }

  std::string_view text_;
  Diagnostics& diagnostics_;
  Script script_;
  std::optional<Duration> previous_;
  size_t bytes_ = 0;
  size_t offset_ = 0;
  uint32_t number_ = 0;
};

}  // namespace

std::string ExpectedOutcome::text() const {
  std::string out(verdict_word(fate));
  if (state) out += fmt::format(" {}", std::ranges::find(kStates, *state, &StateName::info)->name);
  if (direction) out += *direction == Direction::kOriginal ? " original" : " reply";
  if (tcp) out += fmt::format(" tcp {}", tcp_state_name(*tcp));
  if (sctp) out += fmt::format(" sctp {}", sctp_state_name(*sctp));
  if (timeout) out += fmt::format(" timeout {}", *timeout);
  if (status) {
    std::string list;
    for (const StatusName& known : kStatuses) {
      if (*status & known.bit) list += fmt::format(",{}", known.name);
    }
    out += fmt::format(" status {}", list.empty() ? "-" : list.substr(1));
  }
  if (gone) out += " gone";
  if (rule) {
    out += fmt::format(" rule {}/{}/{}", rule->table, rule->chain,
                       rule->number == 0 ? "policy" : std::to_string(rule->number));
  }
  if (reason) out += fmt::format(" reason {}", reason_name(*reason));
  if (answer) {
    out += answer->empty() ? " answer none" : " answer ";
    for (uint8_t byte : *answer) out += fmt::format("{:02x}", byte);
  }
  return out;
}

std::optional<Script> parse_script(std::string_view text, Diagnostics& diagnostics) {
  return ScriptParser(text, diagnostics).parse();
}

std::optional<ScriptPacket> parse_script_line(std::string_view line, uint32_t number,
                                              std::optional<Duration> previous,
                                              Diagnostics& diagnostics) {
  LineReader reader(line, number, diagnostics);
  ScriptPacket packet = read_packet_line(reader, number, previous, {});
  if (reader.failed()) return std::nullopt;
  return packet;
}

}  // namespace sallyport
