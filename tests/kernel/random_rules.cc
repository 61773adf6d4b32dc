// A rule set is tables of chains; a user chain knows from which hooks packets
// may come to it, jumps only to chains after it (so there is no loop) and only
// to those that allow its hooks, so every match and target stands where the
// kernel lets it stand.
#include "kernel/random_rules.h"

#include <algorithm>
#include <fmt/format.h>

#include "kernel/random_matches.h"

namespace sallyport::testing {
namespace {

constexpr uint8_t kEverywhere = 31;

struct Chain {
  std::string name;
  uint8_t hooks;
  bool built_in;
};

struct Table {
  std::string_view name;
  uint32_t percent;  // how often it is there
  std::vector<Chain> (*chains)();
};

std::vector<Chain> filter_chains() {
  return {{"INPUT", kAtInput, true}, {"FORWARD", kAtForward, true}, {"OUTPUT", kAtOutput, true}};
}
std::vector<Chain> raw_chains() {
  return {{"PREROUTING", kAtPrerouting, true}, {"OUTPUT", kAtOutput, true}};
}
std::vector<Chain> mangle_chains() {
  return {{"PREROUTING", kAtPrerouting, true},
          {"INPUT", kAtInput, true},
          {"FORWARD", kAtForward, true},
          {"OUTPUT", kAtOutput, true},
          {"POSTROUTING", kAtPostrouting, true}};
}

constexpr Table kTables[] = {{"raw", 40, raw_chains},
                             {"mangle", 35, mangle_chains},
                             {"filter", 100, filter_chains},
                             {"security", 10, filter_chains}};

// ------------------------------------------------------------------ targets

std::string reject(Random& random, const RulePlace& place) {
  if (place.protocol == "tcp" && random.chance(40)) return " -j REJECT --reject-with tcp-reset";
  if (random.chance(40)) return " -j REJECT";
  return std::string(" -j REJECT --reject-with ") +
         (place.family == Family::kIpv4
              ? random.pick({"icmp-net-unreachable", "icmp-host-unreachable",
                             "icmp-proto-unreachable", "icmp-port-unreachable",
                             "icmp-net-prohibited", "icmp-host-prohibited",
                             "icmp-admin-prohibited"})
              : random.pick({"icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable",
                             "icmp6-port-unreachable", "icmp6-policy-fail", "icmp6-reject-route"}));
}

std::string log(Random& random, const RulePlace&) {
  std::string text = " -j LOG";
  text += random.maybe(30, " --log-prefix \"seen: \"");
  text += random.maybe(20, " --log-level 6");
  text += random.maybe(10, " --log-tcp-sequence");
  text += random.maybe(10, " --log-tcp-options");
  text += random.maybe(10, " --log-ip-options");
  text += random.maybe(10, " --log-uid");
  text += random.maybe(10, " --log-macdecode");
  return text;
}

// To a group that nobody listens to, so that the probes' own packets stay apart.
std::string nflog(Random& random, const RulePlace&) {
  std::string text = " -j NFLOG";
  text += random.maybe(30, " --nflog-prefix \"kept: \"");
  text += random.maybe(50, " --nflog-group 5");
  text += random.pick({"", "", " --nflog-size 64", " --nflog-range 64"});
  text += random.maybe(10, " --nflog-threshold 3");
  return text;
}

std::string value_of(Random& random, std::string_view option) {
  bool bits = option == "--and-mark" || option == "--or-mark" || option == "--xor-mark";
  return bits ? random_mask(random) : random_mark(random);
}

std::string mark(Random& random, const RulePlace&) {
  std::string_view option = random.pick<std::string_view>(
      {"--set-xmark", "--set-mark", "--set-mark", "--and-mark", "--or-mark", "--xor-mark"});
  return fmt::format(" -j MARK {} {}", option, value_of(random, option));
}

std::string connmark(Random& random, const RulePlace&) {
  std::string_view option = random.pick<std::string_view>(
      {"--set-xmark", "--set-mark", "--set-mark", "--and-mark", "--or-mark", "--xor-mark",
       "--save-mark", "--save-mark", "--restore-mark", "--restore-mark"});
  std::string text = fmt::format(" -j CONNMARK {}", option);
  if (option != "--save-mark" && option != "--restore-mark") {
    return text + ' ' + value_of(random, option);
  }
  switch (random.below(4)) {
    case 0: text += " --mask " + random_mask(random); break;
    case 1:
      text += joined({" --nfmask ", random_mask(random), " --ctmask ", random_mask(random)});
      break;
    default: break;
  }
  return text;
}

// A mark that is shifted on its way.
std::string shifted_connmark(Random& random, const RulePlace&) {
  return joined({" -j CONNMARK ", random.pick({"--save-mark", "--restore-mark", "--set-mark 0x12"}),
                 random.pick({" --left-shift-mark ", " --right-shift-mark "}),
                 random.pick({"1", "4", "8"})});
}

std::string set(Random& random, const RulePlace& place) {
  const RandomSet* chosen = random_set(random, place);
  if (!chosen) return "";
  if (random.chance(25)) return " -j SET --del-set " + random_set_use(random, *chosen);
  std::string text = " -j SET --add-set " + random_set_use(random, *chosen);
  text += random.maybe(50, " --exist");
  if (random.chance(chosen->timeouts ? 30 : 5)) {
    text +=
        std::string(" --timeout ") +
        (chosen->is_lasting() ? random.pick({"0", "600"}) : random.pick({"0", "1", "2", "600"}));
  }
  return text;
}

std::string ct(Random& random, const RulePlace& place) {
  std::string text = " -j CT";
  if (random.chance(30)) text += " --notrack";
  if (random.chance(60)) {
    text += joined({" ", random.pick({"--zone", "--zone", "--zone-orig", "--zone-reply"}), " ",
                    random.pick({"1", "1", "2", "mark"})});
  }
  if (random.chance(60) && (place.protocol == "tcp" || place.protocol == "udp")) {
    text += std::string(" --helper ") + (place.protocol == "tcp" ? "ftp" : "tftp");
  }
  if (random.chance(15)) text += random.pick({" --ctevents new,destroy", " --ctevents assured"});
  if (random.chance(8)) text += " --expevents new";
  return text;
}

std::string plain(Random& random, const RulePlace&) {
  return random.pick({" -j ACCEPT", " -j ACCEPT", " -j DROP", " -j RETURN", ""});
}
std::string notrack(Random&, const RulePlace&) {
  return " -j NOTRACK";
}

bool always(const RulePlace&) {
  return true;
}
bool is_tracked(const RulePlace& place) {
  return place.world.is_tracked();
}
bool is_raw(const RulePlace& place) {
  return place.table == "raw" && place.world.is_tracked();
}
bool may_reject(const RulePlace& place) {
  return place.table == "filter";
}
bool has_sets(const RulePlace& place) {
  return !place.sets.sets.empty();
}

struct TargetKind {
  uint32_t weight;
  bool (*fits)(const RulePlace&);
  std::string (*write)(Random&, const RulePlace&);
};
constexpr TargetKind kTargets[] = {
    {60, always, plain},
    {10, may_reject, reject},
    {2, always, log},
    {1, always, nflog},
    {12, always, mark},
    {10, is_tracked, connmark},
    {2, is_tracked, shifted_connmark},
    {14, has_sets, set},
    {25, is_raw, ct},
    {14, is_raw, notrack},
};

std::string target(Random& random, const RulePlace& place) {
  for (;;) {
    const TargetKind& kind = pick_weighted(random, kTargets);
    if (kind.fits(place)) return kind.write(random, place);
  }
}

// ------------------------------------------------------------------ chains and
// tables

// A jump to a chain that comes later and allows what comes from here; empty if
// there is none.
std::string jump(Random& random, const std::vector<Chain>& chains, size_t from) {
  for (int tries = 0; tries < 4; tries++) {
    size_t to = random.below(static_cast<uint32_t>(chains.size()));
    if (chains[to].built_in || to <= from || (chains[from].hooks & ~chains[to].hooks) != 0) {
      continue;
    }
    return (random.chance(70) ? " -j " : " -g ") + chains[to].name;
  }
  return "";
}

// What stands behind "-A CHAIN".
std::string rule_text(Random& random, const std::vector<Chain>& chains, size_t at,
                      RulePlace place) {
  std::string conditions = random_protocol(random, place);
  conditions += random_matches(random, place);
  std::string to = random.chance(25) ? jump(random, chains, at) : "";
  if (to.empty()) to = target(random, place);
  // A rule that decides about every packet leaves nothing to the rules after it.
  bool decides = to == " -j ACCEPT" || to.starts_with(" -j DROP") || to.starts_with(" -j REJECT");
  if (conditions.empty() && decides && !random.chance(15)) to = "";
  return conditions + to;
}

std::string table_text(Random& random, const World& world, Family family, const Table& table,
                       const RandomSets& sets) {
  std::vector<Chain> chains = table.chains();
  for (uint32_t i = random.below(4); i > 0; i--) {
    uint8_t hooks =
        random.pick<uint8_t>({kEverywhere, kEverywhere, kAtPrerouting | kAtInput | kAtForward,
                              kAtForward | kAtOutput | kAtPostrouting});
    chains.push_back({fmt::format("user{}", chains.size()), hooks, false});
  }
  std::string text = fmt::format("*{}\n", table.name), rules;
  // What is dropped early tells nothing of what comes later.
  uint32_t drops = table.name == "filter" ? 25 : 6;
  for (const Chain& chain : chains) {
    std::string_view policy = "-";
    if (chain.built_in) policy = random.chance(drops) ? "DROP" : "ACCEPT";
    text += fmt::format(":{} {} [0:0]\n", chain.name, policy);
  }
  if (world.is_tracked() && table.name == "filter") {
    // Whatever else is drawn, somebody asks.
    rules += fmt::format("-A {} -m conntrack --ctstate INVALID\n", random.pick(chains).name);
  }
  for (size_t i = 0; i < chains.size(); i++) {
    RulePlace place{.world = world,
                    .sets = sets,
                    .family = family,
                    .table = table.name,
                    .built_in = chains[i].built_in,
                    .hooks = chains[i].hooks,
                    .protocol = ""};
    for (uint32_t count = random.below(6); count > 0; count--) {
      rules += fmt::format("-A {}{}\n", chains[i].name, rule_text(random, chains, i, place));
    }
  }
  return text + rules + "COMMIT\n";
}

std::string helper_rule(Random& random, std::string_view chain, std::string_view protocol,
                        uint16_t port, std::string_view helper) {
  return fmt::format("-A {} -p {} --dport {} -j CT --helper {}{}\n", chain, protocol, port, helper,
                     random.maybe(15, " --zone 1"));
}

}  // namespace

std::string with_helpers(std::string rules, Random& random, Family family) {
  constexpr std::string_view kRaw = "*raw\n";
  if (rules.find(kRaw) == std::string::npos) {
    rules += "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";
  }
  std::string first;
  for (const char* chain : {"PREROUTING", "OUTPUT"}) {
    first += helper_rule(random, chain, "tcp", 21, "ftp");
    first += helper_rule(random, chain, "udp", 69, "tftp");
    if (family == Family::kIpv4) first += helper_rule(random, chain, "udp", 137, "netbios-ns");
  }
  size_t at = rules.find(kRaw) + kRaw.size();
  while (rules[at] == ':') at = rules.find('\n', at) + 1;
  return rules.insert(at, first);
}

std::string random_rules(Random& random, const World& world, Family family,
                         const RandomSets& sets) {
  std::string text;
  for (const Table& table : kTables) {
    if (random.chance(table.percent)) text += table_text(random, world, family, table, sets);
  }
  return text;
}

}  // namespace sallyport::testing
