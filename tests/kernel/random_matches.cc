// Every match of src/extensions, with every option that it has.
#include "kernel/random_matches.h"

#include <fmt/format.h>

namespace sallyport::testing {
namespace {

std::string not_now_and_then(Random& random) {
  return random.maybe(20, "! ");
}

// ------------------------------------------------------------------ addresses
// and interfaces

std::string masked(Random& random, const RulePlace& place) {
  std::string address = place.world.any_address(random, place.family);
  bool v4 = place.family == Family::kIpv4;
  switch (random.below(8)) {
    case 0: return address + (v4 ? "/24" : "/64");
    case 1: return address + (v4 ? "/16" : "/32");
    case 2: return address + (v4 ? "/255.0.0.255" : "/ffff::ffff");
    case 3: return address + fmt::format("/{}", random.below(v4 ? 33 : 129));
    default: return address;
  }
}

std::string addresses(Random& random, const RulePlace& place) {
  std::string text;
  if (random.chance(60))
    text += joined({" ", not_now_and_then(random), "-s ", masked(random, place)});
  if (text.empty() || random.chance(25)) {
    text += joined({" ", not_now_and_then(random), "-d ", masked(random, place)});
  }
  return text;
}

std::string interfaces(Random& random, const RulePlace& place) {
  bool in = !place.built_in || place.only_at(kAtPrerouting | kAtInput | kAtForward);
  bool out = !place.built_in || place.only_at(kAtForward | kAtOutput | kAtPostrouting);
  bool bridge = place.world.is_bridge();
  auto name = [&] {
    return bridge ? random.pick({"eth0", "br0", "br0", "eth+", "b+", "eth1"})
                  : random.pick({"eth0", "eth0", "eth1", "eth+", "lo", "e+"});
  };
  std::string text;
  if (in && random.chance(70)) text += joined({" ", not_now_and_then(random), "-i ", name()});
  if (out && (text.empty() || random.chance(40))) {
    text += joined({" ", not_now_and_then(random), "-o ", name()});
  }
  return text;
}

std::string physdev(Random& random, const RulePlace& place) {
  auto name = [&] { return random.pick({"eth1", "eth1", "eth2", "eth0", "eth+", "+", "br0"}); };
  std::string bridged = random.chance(30) ? not_now_and_then(random) + "--physdev-is-bridged" : "";
  // In OUTPUT the way out may be asked for of bridged packets only.
  bool out = place.only_at(kAtPrerouting | kAtInput | kAtForward | kAtPostrouting) ||
             bridged.starts_with("--");
  std::string text;
  if (random.chance(40)) text += joined({" ", not_now_and_then(random), "--physdev-in ", name()});
  if (out && random.chance(40)) {
    text += joined({" ", not_now_and_then(random), "--physdev-out ", name()});
  }
  if (out && random.chance(20)) text += joined({" ", not_now_and_then(random), "--physdev-is-out"});
  bool any = !text.empty() || !bridged.empty();
  if (!any || random.chance(20)) {
    text += joined({" ", not_now_and_then(random), "--physdev-is-in"});
  }
  if (!bridged.empty()) text += ' ' + bridged;
  return " -m physdev" + text;
}

std::string fragments(Random& random, const RulePlace&) {
  return random.chance(50) ? " -f" : " ! -f";
}

std::string iprange(Random& random, const RulePlace& place) {
  bool v4 = place.family == Family::kIpv4;
  auto range = [&]() -> std::string {
    switch (random.below(4)) {
      case 0: return place.world.any_address(random, place.family);
      case 1: return v4 ? "192.168.1.5-192.168.1.7" : "2001:db8::5-2001:db8::7";
      case 2: return v4 ? "10.0.0.0-192.168.1.7" : "2001:db8::-2001:db8:1::7";
      default: return v4 ? "192.168.1.8-239.255.255.250" : "2001:db8::8-ff05::c";
    }
  };
  std::string text = " -m iprange";
  bool source = random.chance(60);
  if (source) text += joined({" ", not_now_and_then(random), "--src-range ", range()});
  if (!source || random.chance(20)) {
    text += joined({" ", not_now_and_then(random), "--dst-range ", range()});
  }
  return text;
}

std::string addrtype(Random& random, const RulePlace& place) {
  bool v4 = place.family == Family::kIpv4;
  auto type = [&] {
    return v4 ? random.pick({"UNICAST", "LOCAL", "BROADCAST", "MULTICAST", "LOCAL,BROADCAST",
                             "UNSPEC", "BLACKHOLE", "PROHIBIT", "UNICAST,MULTICAST"})
              : random.pick({"UNICAST", "LOCAL", "ANYCAST", "MULTICAST", "LOCAL,MULTICAST",
                             "UNSPEC", "UNREACHABLE"});
  };
  std::string text = " -m addrtype";
  bool source = random.chance(50);
  if (source) text += joined({" ", not_now_and_then(random), "--src-type ", type()});
  if (!source || random.chance(20)) {
    text += joined({" ", not_now_and_then(random), "--dst-type ", type()});
  }
  if (random.chance(30)) {
    if (place.only_at(kAtPrerouting | kAtInput | kAtForward)) {
      text += " --limit-iface-in";
    } else if (place.only_at(kAtForward | kAtOutput | kAtPostrouting)) {
      text += " --limit-iface-out";
    }
  }
  return text;
}

std::string pkttype(Random& random, const RulePlace&) {
  return joined({" -m pkttype ", not_now_and_then(random), "--pkt-type ",
                 random.pick({"unicast", "broadcast", "multicast"})});
}

std::string mac(Random& random, const RulePlace&) {
  return joined({" -m mac ", not_now_and_then(random), "--mac-source ",
                 random.pick({"02:00:00:00:00:fe", "02:00:00:00:00:07", "02:00:00:00:00:08"})});
}

// ------------------------------------------------------------------ the
// transport

std::string port_range(Random& random, const RulePlace& place) {
  uint32_t port = place.world.any_port(random);
  switch (random.below(6)) {
    case 0: return fmt::format("{}:", port);
    case 1: return fmt::format(":{}", port);
    case 2: return fmt::format("{}:{}", port / 2, port);
    default: return fmt::format("{}", port);
  }
}

std::string ports(Random& random, const RulePlace& place) {
  std::string text;
  // The negation of every port is refused.
  auto range = [&] {
    std::string drawn = port_range(random, place);
    return drawn == "0:" || drawn == ":65535" ? std::string("53") : drawn;
  };
  if (random.chance(45)) text += joined({" ", not_now_and_then(random), "--sport ", range()});
  if (text.empty() || random.chance(25)) {
    text += joined({" ", not_now_and_then(random), "--dport ", range()});
  }
  return text;
}

std::string udp(Random& random, const RulePlace& place) {
  return " -m udp" + ports(random, place);
}

std::string tcp(Random& random, const RulePlace& place) {
  std::string text = " -m tcp";
  if (random.chance(50)) text += ports(random, place);
  switch (random.below(4)) {
    case 0: text += ' ' + not_now_and_then(random) + "--syn"; break;
    case 1:
      text += joined({" ", not_now_and_then(random), "--tcp-flags ",
                      random.pick({"SYN,ACK SYN,ACK", "ALL NONE", "RST RST", "FIN,ACK FIN",
                                   "ALL ALL", "SYN,RST,ACK,FIN SYN", "PSH,URG NONE"})});
      break;
    case 2:
      text += joined(
          {" ", not_now_and_then(random), "--tcp-option ", random.pick({"2", "3", "4", "5", "8"})});
      break;
    default: break;
  }
  return text;
}

std::string multiport(Random& random, const RulePlace& place) {
  std::string list;
  uint32_t count = random.between(1, 4);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t port = place.world.any_port(random);
    if (i > 0) list += ',';
    bool range = random.chance(25) && port > 0;
    list += range ? fmt::format("{}:{}", port / 2, port) : fmt::format("{}", port);
  }
  return joined({" -m multiport ", not_now_and_then(random),
                 random.pick({"--sports", "--dports", "--ports"}), " ", list});
}

std::string icmp(Random& random, const RulePlace& place) {
  if (place.family == Family::kIpv6) {
    return joined({" -m icmp6 ", not_now_and_then(random), "--icmpv6-type ",
                   random.pick({"128", "echo-reply", "1", "port-unreachable", "packet-too-big",
                                "129", "3/0", "redirect", "132", "no-route", "137"})});
  }
  return joined({" -m icmp ", not_now_and_then(random), "--icmp-type ",
                 random.pick({"8", "echo-reply", "3", "port-unreachable", "3/1", "any", "redirect",
                              "time-exceeded", "13", "timestamp-reply", "0", "11/1"})});
}

// ------------------------------------------------------------------ the flow

std::string states(Random& random, bool conntrack) {
  std::string text =
      random.pick({"NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "ESTABLISHED,RELATED",
                   "RELATED,ESTABLISHED", "NEW,INVALID", "NEW,UNTRACKED", "INVALID,UNTRACKED"});
  if (conntrack && random.chance(5)) text += random.pick({",SNAT", ",DNAT"});
  return text;
}

std::string state(Random& random, const RulePlace&) {
  return joined({" -m state ", not_now_and_then(random), "--state ", states(random, false)});
}

// -m conntrack takes no IPv6 mask with gaps (docs/kernel-differences.md).
std::string without_gaps(const std::string& text) {
  return text.ends_with("/ffff::ffff") ? text.substr(0, text.find('/')) : text;
}

std::string conntrack_option(Random& random, const RulePlace& place, uint32_t which) {
  switch (which) {
    case 0: return "--ctstate " + states(random, true);
    case 1: return std::string("--ctproto ") + random.pick({"tcp", "udp", "1", "132", "47", "58"});
    case 2: return "--ctorigsrc " + without_gaps(masked(random, place));
    case 3: return "--ctorigdst " + without_gaps(masked(random, place));
    case 4: return "--ctreplsrc " + without_gaps(masked(random, place));
    case 5: return "--ctrepldst " + without_gaps(masked(random, place));
    case 6: return "--ctorigsrcport " + port_range(random, place);
    case 7: return "--ctorigdstport " + port_range(random, place);
    case 8: return "--ctreplsrcport " + port_range(random, place);
    case 9: return "--ctrepldstport " + port_range(random, place);
    case 10:
      return std::string("--ctstatus ") + random.pick({"SEEN_REPLY", "ASSURED", "CONFIRMED", "NONE",
                                                       "EXPECTED", "SEEN_REPLY,ASSURED"});
    case 11:
      return std::string("--ctexpire ") +
             random.pick({"0", "0:1", "1", "2:1000", "29:30", "119:400000", "0:100"});
    default: return std::string("--ctdir ") + random.pick({"ORIGINAL", "REPLY"});
  }
}

std::string conntrack(Random& random, const RulePlace& place) {
  constexpr uint32_t kOptions = 13, kDirection = 12;
  uint32_t chosen = random.chance(60) ? 1 : 0;  // --ctstate
  while (chosen == 0 || random.chance(25)) chosen |= 1u << random.below(kOptions);
  std::string text = " -m conntrack";
  for (uint32_t i = 0; i < kOptions; i++) {
    if ((chosen >> i & 1) == 0) continue;
    text += ' ';
    if (i != kDirection) text += not_now_and_then(random);
    text += conntrack_option(random, place, i);
  }
  return text;
}

std::string helper(Random& random, const RulePlace&) {
  return joined({" -m helper ", not_now_and_then(random), "--helper ",
                 random.pick({"ftp", "ftp", "tftp", "\"\"", "ftp-2121", "netbios-ns"})});
}

std::string connmark(Random& random, const RulePlace&) {
  return joined({" -m connmark ", not_now_and_then(random), "--mark ", random_mark(random)});
}

std::string connlabel(Random& random, const RulePlace&) {
  return joined({" -m connlabel ", not_now_and_then(random), "--label ",
                 random.pick({"0", "1", "1", "1", "127"}), random.maybe(40, " --set")});
}

// ------------------------------------------------------------------ the
// packet, sets, time

std::string mark(Random& random, const RulePlace&) {
  return joined({" -m mark ", not_now_and_then(random), "--mark ", random_mark(random)});
}

std::string length(Random& random, const RulePlace&) {
  return joined({" -m length ", not_now_and_then(random), "--length ",
                 random.pick({"28", "40:", ":60", "0:100", "41:1000", "40", "60:80"})});
}

std::string ttl(Random& random, const RulePlace& place) {
  std::string name = place.family == Family::kIpv4 ? "ttl" : "hl";
  std::string text = " -m " + name + ' ';
  switch (random.below(3)) {
    case 0: text += not_now_and_then(random) + "--" + name + "-eq "; break;
    case 1: text += "--" + name + "-lt "; break;
    default: text += "--" + name + "-gt "; break;
  }
  return text + random.pick({"64", "63", "4", "1", "200"});
}

std::string limit(Random& random, const RulePlace&) {
  std::string text = " -m limit";
  if (random.chance(90)) {
    text += std::string(" --limit ") + random.pick({"1/sec", "5/second", "10/s", "100/sec",
                                                    "3/minute", "60/min", "1000/hour"});
  }
  if (random.chance(50)) text += fmt::format(" --limit-burst {}", random.between(1, 6));
  return text;
}

std::string comment(Random& random, const RulePlace&) {
  return std::string(" -m comment --comment ") + random.pick({"plain", "\"two words\""});
}

std::string set(Random& random, const RulePlace& place) {
  const RandomSet* chosen = random_set(random, place);
  if (!chosen) return "";
  std::string text = joined(
      {" -m set ", not_now_and_then(random), "--match-set ", random_set_use(random, *chosen)});
  text += random.maybe(10, " --return-nomatch");
  if (random.chance(18)) text += random.pick({" ! --update-counters", " --update-counters"});
  if (random.chance(15)) text += random.pick({" ! --update-subcounters", " --update-subcounters"});
  if (random.chance(chosen->counters || chosen->list ? 35 : 5)) {
    text +=
        random.pick({" --packets-eq 2", " ! --packets-eq 1", " --packets-lt 3", " --packets-gt 1"});
  }
  if (random.chance(chosen->counters || chosen->list ? 25 : 3)) {
    text +=
        random.pick({" --bytes-eq 28", " ! --bytes-eq 40", " --bytes-lt 100", " --bytes-gt 60"});
  }
  return text;
}

// ------------------------------------------------------------------ all of
// them

bool always(const RulePlace&) {
  return true;
}
bool is_tracked(const RulePlace& place) {
  return place.world.is_tracked();
}
bool is_ipv4(const RulePlace& place) {
  return place.family == Family::kIpv4;
}
bool is_tcp(const RulePlace& place) {
  return place.protocol == "tcp";
}
bool is_udp(const RulePlace& place) {
  return place.protocol == "udp";
}
bool has_ports(const RulePlace& place) {
  return is_tcp(place) || is_udp(place) || place.protocol == "udplite" ||
         place.protocol == "sctp" || place.protocol == "dccp";
}
bool is_icmp(const RulePlace& place) {
  return place.protocol == (is_ipv4(place) ? "icmp" : "icmpv6");
}
bool has_frame(const RulePlace& place) {
  return place.only_at(kAtPrerouting | kAtInput | kAtForward);
}
bool has_sets(const RulePlace& place) {
  return !place.sets.sets.empty();
}

struct MatchKind {
  uint32_t weight;
  bool (*fits)(const RulePlace&);
  std::string (*write)(Random&, const RulePlace&);
};
constexpr MatchKind kMatches[] = {
    {30, always, addresses},
    {10, always, interfaces},
    {4, is_ipv4, fragments},
    {6, always, iprange},
    {8, always, addrtype},
    {4, always, pkttype},
    {6, has_frame, mac},
    {40, is_udp, udp},
    {40, is_tcp, tcp},
    {20, has_ports, multiport},
    {40, is_icmp, icmp},
    {10, is_tracked, state},
    {30, is_tracked, conntrack},
    {3, is_tracked, helper},
    {8, is_tracked, connmark},
    {8, is_tracked, connlabel},
    {8, always, mark},
    {8, always, length},
    {8, always, ttl},
    {5, always, limit},
    {2, always, comment},
    {20, has_sets, set},
};

}  // namespace

std::string random_mark(Random& random) {
  return random.pick({"0", "0x1", "0x2", "0x10", "0x1/0x1", "0x10/0xf0", "0x2/0xff", "0/0x3"});
}

std::string random_mask(Random& random) {
  return random.pick({"0xff", "0x1", "0xf0", "0xffffffff", "0x3", "0"});
}

const RandomSet* random_set(Random& random, const RulePlace& place) {
  for (int tries = 0; tries < 8; tries++) {
    if (place.sets.sets.empty()) return nullptr;
    const RandomSet& set = random.pick(place.sets.sets);
    if (set.any_family || set.family == place.family) return &set;
  }
  return nullptr;
}

std::string random_set_use(Random& random, const RandomSet& set) {
  // One too few or too many is taken, and means something.
  uint32_t count = set.dimensions;
  if (random.chance(5)) count = random.between(1, 3);
  std::string text = set.name + ' ';
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) text += ',';
    text += random.chance(50) ? "src" : "dst";
  }
  return text;
}

std::string random_protocol(Random& random, RulePlace& place) {
  bool v4 = place.family == Family::kIpv4;
  if (random.chance(45)) return "";
  std::string_view protocol = random.pick<std::string_view>(
      {"tcp", "tcp", "tcp", "udp", "udp", "udp", v4 ? "icmp" : "icmpv6", v4 ? "icmp" : "icmpv6",
       "sctp", "gre", "udplite", "dccp", "esp", "ah", "2", "41", "253"});
  if (random.chance(12)) return fmt::format(" ! -p {}", protocol);
  place.protocol = protocol;
  return fmt::format(" -p {}", protocol);
}

std::string random_matches(Random& random, const RulePlace& place) {
  std::string text;
  uint32_t count = random.pick({0u, 1u, 1u, 1u, 2u, 2u, 3u});
  uint32_t used = 0;  // each kind once
  for (uint32_t i = 0; i < count; i++) {
    const MatchKind& kind = pick_weighted(random, kMatches);
    uint32_t bit = 1u << (&kind - kMatches);
    if ((used & bit) != 0 || !kind.fits(place)) continue;
    used |= bit;
    text += kind.write(random, place);
  }
  // Beside the table, so that a seed without a bridge means what it always meant.
  if (place.world.is_bridge() && random.chance(25)) text += physdev(random, place);
  return text;
}

}  // namespace sallyport::testing
