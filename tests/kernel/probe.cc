#include "kernel/probe.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <linux/netfilter/nfnetlink_log.h>
#include <sstream>
#include <sys/socket.h>

#include "kernel/attributes.h"
#include "kernel/log_group.h"

namespace sallyport::testing {
namespace {

using Fate = Outcome::Fate;

constexpr uint16_t kTraceGroup = 0;  // where the kernel's trace goes
constexpr uint16_t kProbeGroup = 7;
constexpr uint16_t kWholeGroup = 9;  // the same, with all of the packet

// Without a rule that asks for the state Linux does not track.
bool needs_conntrack(const Script& script) {
  if (!script.rules && !script.rules6) return true;
  std::string text =
      (script.rules ? script.rules->text : "") + (script.rules6 ? script.rules6->text : "");
  for (const char* word : {"conntrack", "-m state", "connmark", "CONNMARK", "-j CT", "*nat"}) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

// The probes' table. "<" marks a hook's begin, ">" its end, "S" the state. Where a way may end the
// whole packet is logged.
std::string probe_rules(bool conntrack, std::span<const ScriptBridge> bridges) {
  struct Chain {
    const char* name;
    const char* hook;
    bool entry;  // packets begin their way here
    bool last = false;
  };
  constexpr Chain kChains[] = {{"PRE", "prerouting", true},
                               {"IN", "input", false, true},
                               {"FWD", "forward", false},
                               {"OUT", "output", true},
                               {"POST", "postrouting", false, true}};
  std::string out = "table inet probe {\n";
  // After conntrack confirms the flow, which it does at the highest priority there is: what comes
  // later at the same priority goes before what is there.
  for (const Chain& chain : kChains) {
    out += fmt::format(" chain end_{} {{ type filter hook {} priority 2147483647;\n", chain.name,
                       chain.hook);
    out += fmt::format("  log group {} prefix \"{}>\" queue-threshold 1{}\n }}\n",
                       chain.last ? kWholeGroup : kProbeGroup, chain.name,
                       chain.last ? " snaplen 65535" : "");
  }
  for (const Chain& chain : kChains) {
    // Before defragmentation (-400) at the entries; the earliest elsewhere.
    out += fmt::format(" chain begin_{} {{ type filter hook {} priority {};\n", chain.name,
                       chain.hook, chain.entry ? "-450" : "-2147483647");
    if (std::string_view(chain.name) == "OUT") {
      out += fmt::format("  meta priority != {} drop\n", Sandbox::kPriority);
    }
    // The copy of a broadcast that its sender gets back: a packet has one way.
    if (std::string_view(chain.name) == "PRE") {
      out += fmt::format("  iifname != lo meta priority {} drop\n", Sandbox::kPriority);
    }
    // What a bridge hands on to all it keeps a copy of.
    for (const ScriptBridge& bridge : bridges) {
      if (std::string_view(chain.name) != "IN") break;
      out += fmt::format("  iifname {} meta pkttype {{ broadcast, multicast }} drop\n",
                         bridge.name.text());
    }
    if (chain.entry) out += "  meta nftrace set 1\n";
    out += fmt::format("  log group {} prefix \"{}<\" queue-threshold 1\n }}\n", kProbeGroup,
                       chain.name);
    if (!chain.entry || !conntrack) continue;
    // Right after conntrack (-200).
    out += fmt::format(" chain state_{} {{ type filter hook {} priority -199;\n", chain.name,
                       chain.hook);
    for (const char* state : {"NEW", "ESTABLISHED", "RELATED"}) {
      std::string lower(state);
      std::ranges::transform(lower, lower.begin(), [](char c) { return char(c | 0x20); });
      for (const char* direction : {"original", "reply"}) {
        out += fmt::format(
            "  ct state {} ct direction {} log group {} prefix \"S {} {}\" "
            "queue-threshold 1\n",
            lower, direction, kProbeGroup, state, direction);
      }
    }
    for (const char* state : {"INVALID", "UNTRACKED"}) {
      std::string lower(state);
      std::ranges::transform(lower, lower.begin(), [](char c) { return char(c | 0x20); });
      out += fmt::format("  ct state {} log group {} prefix \"S {}\" queue-threshold 1\n", lower,
                         kProbeGroup, state);
    }
    out += " }\n";
  }
  return out + "}\n";
}

// "S NEW original". Whether it counts.
bool read_state(std::string_view line, Observation& seen) {
  // Looped back: the first hook's state counts, unless it is none that goes with the packet.
  if (seen.state != CtInfo::kNone && seen.state != CtInfo::kInvalid) return false;
  line.remove_prefix(2);
  std::string_view word = line.substr(0, line.find(' '));
  for (CtInfo info : {CtInfo::kNew, CtInfo::kEstablished, CtInfo::kRelated, CtInfo::kInvalid,
                      CtInfo::kUntracked}) {
    if (ct_info_name(info) == word) seen.state = info;
  }
  if (line.ends_with("original")) seen.direction = Direction::kOriginal;
  if (line.ends_with("reply")) seen.direction = Direction::kReply;
  return true;
}

}  // namespace

// Rules are lines that add: -A CHAIN, -I CHAIN, counters before them or not.
Probe::ChainLengths Probe::chain_lengths(const std::optional<Script::Block>& rules) {
  ChainLengths lengths;
  std::istringstream lines(rules ? rules->text : "");
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word.starts_with('*')) table = word.substr(1);
    if (word.starts_with('[')) words >> word;
    bool adds = word == "-A" || word == "-I" || word == "--append" || word == "--insert";
    if (adds && words >> word) lengths[table + '/' + word]++;
  }
  return lengths;
}

// "TRACE: filter:INPUT:rule:3 ", "…:policy:4 ", "…:return:2 ". A rule without any condition whose
// target is ACCEPT, DROP or RETURN is called "policy" in a built-in chain and "return" in another,
// as if it were the chain's end: its number tells it from that. A user chain's end decides nothing.
std::optional<ExpectedOutcome::Rule> Probe::parse_trace(std::string_view line,
                                                        const ChainLengths& lengths) {
  constexpr std::string_view kTrace = "TRACE: ";
  if (!line.starts_with(kTrace)) return std::nullopt;
  line.remove_prefix(kTrace.size());
  std::array<std::string_view, 4> parts;
  for (std::string_view& part : parts) {
    part = line.substr(0, line.find(':'));
    line.remove_prefix(std::min(part.size() + 1, line.size()));
  }
  while (!parts[3].empty() && parts[3].back() == ' ') parts[3].remove_suffix(1);
  ExpectedOutcome::Rule rule{std::string(parts[0]), std::string(parts[1]), 0};
  auto number = static_cast<uint32_t>(parse_number(parts[3]).value_or(0));
  auto length = lengths.find(rule.table + '/' + rule.chain);
  if (length != lengths.end() && number <= length->second) {
    rule.number = number;
  } else if (parts[2] == "return") {
    return std::nullopt;
  }
  return rule;
}

std::expected<Probe, std::string> Probe::open(const Script& script) {
  Probe probe;
  probe.socket_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!probe.socket_) return std::unexpected("a netlink socket");
  int size = 4 * 1024 * 1024;
  ::setsockopt(probe.socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  for (uint16_t group : {kTraceGroup, kProbeGroup, kWholeGroup}) {
    LogCopy copy = group == kWholeGroup ? LogCopy::kWhole : LogCopy::kNothing;
    if (Done done = bind_log_group(probe.socket_.get(), group, copy); !done) {
      return std::unexpected(done.error());
    }
  }
  if (Done done =
          run_program({"nft", "-f", "-"}, probe_rules(needs_conntrack(script), script.bridges));
      !done) {
    return std::unexpected(done.error());
  }
  probe.lengths_ = {chain_lengths(script.rules), chain_lengths(script.rules6)};
  return probe;
}

int Probe::store_line(const nlmsghdr* message, void* data) {
  Line& line = static_cast<std::vector<Line>*>(data)->emplace_back();
  each_of(message, [&](int type, const nlattr* attribute) {
    if (type == NFULA_PREFIX) line.prefix = mnl_attr_get_str(attribute);
    if (type != NFULA_PAYLOAD) return;
    const auto* bytes = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
    line.packet.assign(bytes, bytes + mnl_attr_get_payload_len(attribute));
  });
  return MNL_CB_OK;
}

std::vector<Probe::Line> Probe::read_log() {
  std::vector<Line> lines;
  std::array<char, 131072> buffer;  // a whole datagram, and what is said of it
  for (;;) {
    ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return lines;
    mnl_cb_run(buffer.data(), static_cast<size_t>(count), 0, 0, store_line, &lines);
  }
}

Sighting Probe::take(const ScriptPacket& packet) {
  Sighting sighting;
  Observation& seen = sighting.seen;
  const ChainLengths& lengths = lengths_[packet.packet.spec.family == Family::kIpv6];
  std::vector<Line> lines = read_log();
  auto passed = [&](std::string_view mark) {
    return std::ranges::find(lines, mark, &Line::prefix) != lines.end();
  };
  std::optional<ExpectedOutcome::Rule> last, last_of_filter;
  std::string said;
  for (const auto& [line, bytes] : lines) {
    // Conntrack says it before the probe behind it says the state. The first is the reason; others
    // may follow from it.
    if (line == "OUT<" || line == "PRE<") said.clear();
    if (line.starts_with("nf_ct_") && said.empty()) said = line;
    if (line.starts_with("S ") && read_state(line, seen)) sighting.complaint = said;
    if (std::optional<ExpectedOutcome::Rule> rule = parse_trace(line, lengths)) {
      if (rule->table == "filter") last_of_filter = rule;
      sighting.passed.push_back(*rule);
      last = std::move(rule);
    }
  }
  // A helper's word comes later.
  if (sighting.complaint.empty() && seen.state != CtInfo::kInvalid) sighting.complaint = said;
  bool out = packet.path == ScriptPacket::Path::kOut;
  bool forward =
      packet.path == ScriptPacket::Path::kForward || packet.path == ScriptPacket::Path::kBridged;
  bool loops = out && packet.out.text() == "lo";
  std::string_view way_end = forward || (out && !loops) ? "POST>" : "IN>";
  std::string_view first = out ? "OUT<" : "PRE<", first_end = out ? "OUT>" : "PRE>";
  std::string_view second = out ? "POST<" : forward ? "FWD<" : "IN<";
  bool fragment = packet.packet.spec.fragment.has_value();
  bool lost_at_once = passed(first) && !passed(second) && (!last || passed(first_end));
  bool lost_on_delivery = loops && passed("PRE>") && !passed("IN<");
  if (passed(way_end)) {
    seen.fate = Fate::kAccept;
    seen.rule = last_of_filter;
    sighting.bytes = std::move(std::ranges::find(lines, way_end, &Line::prefix)->packet);
  } else if (fragment && seen.state == CtInfo::kNone && (lost_at_once || lost_on_delivery)) {
    // Held, or thrown away: by conntrack at once, or without it before INPUT.
    seen.fate = Fate::kStolen;
    seen.perhaps = Fate::kDrop;
  } else if (!passed(first) || (passed(first_end) && !passed(second)) || lost_on_delivery) {
    seen.fate = Fate::kNone;  // before any chain, or between two: no way to go
    if (passed(first)) seen.perhaps = Fate::kDrop;
  } else {
    seen.fate = Fate::kDrop;
    seen.rule = last;
  }
  return sighting;
}

}  // namespace sallyport::testing
