#include "cli/remedies.h"

#include <charconv>
#include <fmt/format.h>

#include "cli/words.h"

namespace sallyport {
namespace {

constexpr size_t kMostSets = 8;  // whose timeouts are tried

struct Candidate {
  Sources sources;
  Remedy remedy;
};

Candidate with_sysctl(const Sources& sources, const std::string& knob, const std::string& value,
                      std::string also) {
  Candidate candidate{sources, {fmt::format("sysctl -w {}={}", knob, value), std::move(also)}};
  candidate.sources.sysctls.push_back({.name = "--sysctl", .text = knob + "=" + value + "\n"});
  return candidate;
}

// The text with `rule` put before the end of its table.
std::string put_rule(const std::string& text, const std::string& table, const std::string& rule) {
  std::string head = "*" + table;
  size_t start = text.starts_with(head) ? 0 : text.find("\n" + head);
  size_t commit = start == std::string::npos ? start : text.find("\nCOMMIT", start);
  if (commit == std::string::npos) return text + "\n" + head + "\n" + rule + "\nCOMMIT\n";
  return text.substr(0, commit + 1) + rule + text.substr(commit);
}

bool has_ports(uint8_t protocol) {
  return protocol == protocol::kTcp || protocol == protocol::kUdp ||
         protocol == protocol::kUdpLite || protocol == protocol::kSctp ||
         protocol == protocol::kDccp;
}

// A client's port is picked at random, a server's is known and lower: a rule with the first would
// serve just once. Where both may have been picked (ip_local_port_range begins at 32768), which is
// whose is not known.
bool is_from_client(const Tuple& tuple) {
  constexpr uint16_t kFirstPicked = 32768;
  return has_ports(tuple.protocol) && tuple.destination_port < kFirstPicked &&
         tuple.source_port > tuple.destination_port;
}

// A rule for just this packet's like.
std::string narrow_rule(const Tuple& tuple, bool has_ports, std::string_view chain) {
  std::string rule =
      fmt::format("-I {} -s {} -d {} -p {}", chain, tuple.source.text(tuple.family),
                  tuple.destination.text(tuple.family), protocol_word(tuple.protocol));
  if (has_ports) {
    if (!is_from_client(tuple)) rule += fmt::format(" --sport {}", tuple.source_port);
    rule += fmt::format(" --dport {}", tuple.destination_port);
  } else if (tuple.protocol == protocol::kIcmp || tuple.protocol == protocol::kIcmpv6) {
    rule += fmt::format(" --{}-type {}/{}", tuple.protocol == protocol::kIcmp ? "icmp" : "icmpv6",
                        tuple.destination_port >> 8, tuple.destination_port & 0xff);
  }
  return rule + " -j ACCEPT";
}

std::optional<Candidate> with_rule(const Sources& sources, Family family, const std::string& table,
                                   const std::string& rule, std::string also) {
  std::string command = fmt::format("{} {}{}", family == Family::kIpv4 ? "iptables" : "ip6tables",
                                    table == "filter" ? "" : "-t " + table + " ", rule);
  Candidate candidate{sources, {std::move(command), std::move(also)}};
  std::optional<InputFile>& file =
      family == Family::kIpv4 ? candidate.sources.rules : candidate.sources.rules6;
  if (!file) return std::nullopt;
  file->text = put_rule(file->text, table, rule);
  return candidate;
}

bool is_reply_state(CtInfo info) {
  return info == CtInfo::kEstablished || info == CtInfo::kRelated;
}

class Candidates {
 public:
  Candidates(const Judged& judged, const std::string& table, const Sources& sources,
             const std::vector<NearMiss>& misses)
      : judged_(judged), table_(table), sources_(sources), misses_(misses) {}

  std::vector<Candidate> list() {
    discovery();
    groups();
    on_link();
    knobs();
    dropped_before();
    sets();
    checksums();
    rules();
    return std::move(list_);
  }

 private:
  void add(std::optional<Candidate> candidate) {
    if (candidate) list_.push_back(std::move(*candidate));
  }

  void discovery() {
    if (sources_.inputs.compat != "linux") return;
    Candidate candidate{sources_,
                        {"Sallyport's discovery: leave out --compat linux",
                         "answers to questions that this host asks a group or everyone: from "
                         "on-link, to the asking socket, within the protocol's window"}};
    candidate.sources.inputs.compat.clear();
    add(std::move(candidate));
  }

  void groups() {
    if (!judged_.destination.is_multicast(*judged_.family)) return;
    std::string group = judged_.destination.text(*judged_.family);
    Candidate candidate{
        sources_,
        {fmt::format("a program on the host joins {0} (had one before the capture: --group {0})",
                     group),
         "what the rules accept of all that is sent to that group"}};
    candidate.sources.groups.push_back({.family = *judged_.family,
                                        .length = static_cast<uint8_t>(bits_of(*judged_.family)),
                                        .address = judged_.destination});
    add(std::move(candidate));
  }

  // A host given without the length of its network: nothing is on-link.
  void on_link() {
    if (judged_.outcome.tracking != Reason::kDiscoveryOffLink) return;
    Family family = *judged_.family;
    uint8_t length = family == Family::kIpv4 ? 24 : 64;
    Candidate candidate{sources_, {}};
    Host host;
    for (const Host::Interface& interface : sources_.host.interfaces()) {
      for (Prefix prefix : interface.addresses) {
        bool is_own = prefix.family == family && prefix.address == judged_.destination;
        if (is_own && prefix.length == bits_of(family)) {
          prefix.length = length;
          candidate.remedy = {
              fmt::format("--host {}, if that is the length of the network there", prefix.text()),
              "answers to this host's questions from all of that network"};
        }
        host.add(interface.name, prefix);
      }
    }
    candidate.sources.host = std::move(host);
    if (!candidate.remedy.change.empty()) add(std::move(candidate));
  }

  void knobs() {
    for (const NearMiss& miss : misses_) {
      if (miss.knob.empty()) continue;
      add(with_sysctl(sources_, miss.knob, miss.value,
                      "answers that come that late, of every such flow; each flow stays in the "
                      "table for longer"));
    }
    switch (judged_.outcome.tracking) {
      case Reason::kInvalidTcpWindow:
      case Reason::kInvalidTcpAck:
      case Reason::kInvalidTcpRst:
        add(with_sysctl(
            sources_, "net.netfilter.nf_conntrack_tcp_be_liberal", "1",
            "segments outside the window, forged ones among them, of every connection"));
        break;
      case Reason::kInvalidTcpNew:
        add(with_sysctl(sources_, "net.netfilter.nf_conntrack_tcp_loose", "1",
                        "segments of connections whose beginning was not seen: they become NEW, "
                        "for the rules to judge"));
        break;
      default: break;
    }
  }

  // The question, so that this is its answer.
  void dropped_before() {
    for (const NearMiss& miss : misses_) {
      if (!miss.dropped || !miss.dropped->hook) continue;
      const Tuple& tuple = miss.dropped->tuple;
      add(with_rule(sources_, tuple.family, miss.dropped->table,
                    narrow_rule(tuple, has_ports(tuple.protocol), hook_name(*miss.dropped->hook)),
                    "that earlier packet and its like, and with them the answers"));
    }
  }

  // "create upnp hash:ip,port timeout 3": with a time that lasts since the question.
  void sets() {
    if (!sources_.sets) return;
    std::optional<Tick> ago;
    for (const NearMiss& miss : misses_) {
      if (miss.asked_ago && (!ago || *miss.asked_ago < *ago)) ago = miss.asked_ago;
    }
    if (!ago) return;
    uint64_t needed = *ago / kTicksPerSecond + 1;
    const std::string& text = sources_.sets->text;
    size_t tried = 0;
    for (size_t line = 0; line < text.size() && tried < kMostSets;) {
      size_t end = std::min(text.find('\n', line), text.size());
      if (with_timeout(text, line, end, needed)) tried++;
      line = end + 1;
    }
  }

  bool with_timeout(const std::string& text, size_t line, size_t end, uint64_t needed) {
    constexpr std::string_view kCreate = "create ", kTimeout = " timeout ";
    std::string_view words = std::string_view(text).substr(line, end - line);
    size_t timeout = words.find(kTimeout);
    if (!words.starts_with(kCreate) || timeout == std::string_view::npos) return false;
    std::string_view name = words.substr(kCreate.size());
    name = name.substr(0, name.find(' '));
    size_t digits = timeout + kTimeout.size();
    uint64_t seconds = 0;
    auto [stop, error] =
        std::from_chars(words.data() + digits, words.data() + words.size(), seconds);
    if (error != std::errc() || seconds == 0 || seconds >= needed) return false;
    auto length = static_cast<size_t>(stop - (words.data() + digits));
    Candidate candidate{
        sources_,
        {fmt::format("create the set {} with timeout {} instead of {}", name, needed, seconds),
         fmt::format("whatever else the rules let in for an element of {}, for that much longer",
                     name)}};
    candidate.sources.sets->text.replace(line + digits, length, std::to_string(needed));
    add(std::move(candidate));
    return true;
  }

  void rules() {
    if (!judged_.outcome.hook) return;
    std::string_view chain = hook_name(*judged_.outcome.hook);
    Family family = *judged_.family;
    if (is_reply_state(judged_.outcome.info)) {
      add(with_rule(
          sources_, family, table_,
          fmt::format("-I {} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", chain),
          "whatever belongs to flows that were accepted: the answers, and errors about them"));
    }
    std::string from =
        !judged_.has_ports
            ? std::string("anything of that kind from that address")
            : fmt::format("all {} from that address{}", protocol_word(judged_.protocol),
                          is_from_client(judged_.tuple) ? "" : " and port");
    add(with_rule(sources_, family, table_, narrow_rule(judged_.tuple, judged_.has_ports, chain),
                  fmt::format("{} to {}, at any time, asked or not", from,
                              endpoint(family, judged_.destination, judged_.has_ports,
                                       judged_.destination_port))));
  }

  void checksums() {
    Reason reason = judged_.outcome.tracking != Reason::kNone ? judged_.outcome.tracking
                                                              : judged_.outcome.reason;
    if (reason != Reason::kInvalidChecksum && reason != Reason::kBadHeaderChecksum) return;
    Candidate candidate{sources_,
                        {"--checksums ignore, if the capture is of a machine with checksum offload",
                         "nothing: the packet was whole on the wire then, and only the capture is "
                         "wrong"}};
    candidate.sources.inputs.checksums = "ignore";
    add(std::move(candidate));
    if (reason == Reason::kBadHeaderChecksum) return;
    add(with_sysctl(sources_, "net.netfilter.nf_conntrack_checksum", "0",
                    "packets that were damaged on the way; the host's own stack drops those"));
  }

  const Judged& judged_;
  const std::string& table_;
  const Sources& sources_;
  const std::vector<NearMiss>& misses_;
  std::vector<Candidate> list_;
};

// Lost: dropped, or turned away for what the host is.
bool is_lost(const Outcome& outcome) {
  return outcome.fate == Outcome::Fate::kDrop || outcome.reason == Reason::kGroupNotJoined ||
         outcome.reason == Reason::kBadHeaderChecksum;
}

}  // namespace

std::vector<Remedy> find_remedies(const Judged& judged, const std::string& table,
                                  const Sources& sources, const std::vector<NearMiss>& misses,
                                  const Trial& trial) {
  std::vector<Remedy> remedies;
  if (!judged.family || !is_lost(judged.outcome)) return remedies;
  for (Candidate& candidate : Candidates(judged, table, sources, misses).list()) {
    std::optional<Outcome> outcome = trial(candidate.sources);
    if (!outcome || outcome->fate != Outcome::Fate::kAccept) continue;
    remedies.push_back(std::move(candidate.remedy));
  }
  return remedies;
}

}  // namespace sallyport
