#include "cli/inputs.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>
#include <random>
#include <set>

#include "base/system_error.h"
#include "cli/command_line.h"
#include "control/set_lines.h"
#include "engine/host_text.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {

void Inputs::add_rules_to(Subcommand& command) {
  command.option("--rules", rules, "IPv4 rules, as iptables-save prints them").takes("FILE");
  command.option("--rules6", rules6, "IPv6 rules, as ip6tables-save prints them").takes("FILE");
  command.option("--sets", sets, "sets, as ipset save prints them").takes("FILE");
  command
      .option("--conntrack", conntrack,
              "the flows there were at the start, as conntrack -L [-o extended,labels] prints them")
      .takes("FILE");
  command.option("--labels", labels, "the names of labels: connlabel.conf").takes("FILE");
  command
      .option("--sysctl", sysctls,
              "a knob, as in net.netfilter.nf_conntrack_udp_timeout=60, or a sysctl.conf file")
      .takes("K=V|FILE");
  command.option("--discovery", discovery, "a discovery descriptor of your own, beside ours")
      .takes("FILE");
  command.option("--compat", compat, "linux: exactly what Linux does, without discovery")
      .takes("linux")
      .one_of({"linux"});
}

void Inputs::add_to(Subcommand& command) {
  add_rules_to(command);
  Subcommand::Option host =
      command
          .option("--host", hosts,
                  "the firewall of this host: packets from it pass OUTPUT, packets to it INPUT")
          .takes("[IFNAME=]ADDR[/LEN],...");
  Subcommand::Option through =
      command.flag("--forward", forward, "the firewall of a router: all packets pass FORWARD");
  host.excludes(through);
  command
      .option(
          "--inside", inside,
          "with --forward: what is inside: packets from there come in at in0, all others at out0")
      .takes("NET,...")
      .comma_separated()
      .needs(through);
  command.option("--in-if", in_if, "with --forward: the inner interface")
      .takes("NAME [in0]")
      .needs(through);
  command.option("--out-if", out_if, "with --forward: the outer interface")
      .takes("NAME [out0]")
      .needs(through);
  command
      .option("--bridge", bridge,
              "with --forward: it is a bridge of this name, and in0 and out0 are its ports: "
              "packets pass FORWARD, and are not routed")
      .takes("NAME")
      .needs(through);
  command
      .option("--group", groups,
              "multicast groups that the host had joined before the capture began")
      .takes("ADDR,...")
      .comma_separated();
  command
      .option("--checksums", checksums,
              "ignore: do not look at them (a capture taken with offload)")
      .takes("verify|ignore")
      .one_of({"verify", "ignore"});
}

namespace {

constexpr size_t kMostText = size_t{1} << 30;  // of one file: /dev/zero has no end

// The first bytes of pcap (both resolutions, both byte orders) and pcapng files.
bool is_capture(std::string_view text) {
  using namespace std::string_view_literals;
  constexpr std::string_view kStarts[] = {"\xa1\xb2\xc3\xd4"sv, "\xd4\xc3\xb2\xa1"sv,
                                          "\xa1\xb2\x3c\x4d"sv, "\x4d\x3c\xb2\xa1"sv,
                                          "\x0a\x0d\x0d\x0a"sv};
  return std::ranges::any_of(kStarts,
                             [&](std::string_view start) { return text.starts_with(start); });
}

}  // namespace

std::optional<InputFile> read_input(const std::string& name, std::ostream& errors) {
  const bool is_stdin = name == "-";
  InputFile file{.name = is_stdin ? "standard input" : name, .text = {}};
  auto fail = [&](const std::string& why) {
    errors << fmt::format("sallyport: {}: {}\n", file.name, why);
    return std::nullopt;
  };
  using Stream = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  auto leave_open = [](std::FILE*) { return 0; };
  Stream stream =
      is_stdin ? Stream(stdin, leave_open) : Stream(std::fopen(name.c_str(), "rbe"), std::fclose);
  if (!stream) return fail(system_error());
  if (std::feof(stream.get())) return fail(kReadAlready);
  std::vector<char> block(1 << 20);
  while (size_t count = std::fread(block.data(), 1, block.size(), stream.get())) {
    if (file.text.size() + count > kMostText) {
      return fail(fmt::format("more than {} MiB: not a text of rules", kMostText >> 20));
    }
    file.text.append(block.data(), count);
  }
  if (std::ferror(stream.get())) return fail(system_error());
  if (is_capture(file.text)) return fail("it is a capture; a text is wanted here");
  return file;
}

namespace {

// What the flags themselves say, read once; what is wrong with them is a matter of usage, not of
// a file.
class Flags {
 public:
  Flags(const Inputs& inputs, std::ostream& errors) : inputs_(inputs), errors_(errors) {}

  bool good() const { return good_; }
  Host host();
  std::vector<Prefix> groups();
  std::vector<Prefix> inside();
  void check_interface(std::string_view flag, const std::string& name);
  void check_bridge();
  void check_sysctl(const std::string& text);

 private:
  void fail(std::string_view flag, const std::string& value, const Diag& diag) {
    errors_ << fmt::format("sallyport: {} {}: {}{}{}\n", flag, value, diag.what,
                           diag.hint.empty() ? "" : "; ", diag.hint);
    good_ = false;
  }

  const Inputs& inputs_;
  std::ostream& errors_;
  bool good_ = true;
};

Host Flags::host() {
  Host host;
  for (const std::string& text : inputs_.hosts) {
    Result<void> added = add_host_text(text, host);
    if (!added) fail("--host", text, added.error());
  }
  return host;
}

std::vector<Prefix> Flags::groups() {
  std::vector<Prefix> groups;
  for (const std::string& text : inputs_.groups) {
    std::optional<Prefix> group = Prefix::parse(text);
    if (group && group->address.is_multicast(group->family)) {
      groups.push_back(*group);
    } else {
      fail("--group", text, {{}, "not a multicast address", ""});
    }
  }
  return groups;
}

std::vector<Prefix> Flags::inside() {
  std::vector<Prefix> inside;
  for (const std::string& text : inputs_.inside) {
    if (std::optional<Prefix> prefix = Prefix::parse(text)) {
      inside.push_back(*prefix);
    } else {
      fail("--inside", text, {{}, "not a network", "write ADDR/LEN, as in 10.0.0.0/8"});
    }
  }
  return inside;
}

void Flags::check_interface(std::string_view flag, const std::string& name) {
  constexpr size_t kLongest = 15;  // what Linux gives an interface's name
  if (name.empty() || name.size() > kLongest) {
    fail(flag, name, {{}, "an interface's name has 1 to 15 characters", ""});
  }
}

void Flags::check_bridge() {
  if (inputs_.bridge.empty()) return;
  check_interface("--bridge", inputs_.bridge);
  const std::set<std::string> names{inputs_.bridge, inputs_.in_if, inputs_.out_if};
  if (names.size() == 3) return;
  fail("--bridge", inputs_.bridge, {{}, "it has two ports, --in-if and --out-if", ""});
}

void Flags::check_sysctl(const std::string& text) {
  size_t equals = text.find('=');
  Knobs unused;
  Result<void> set = unused.set(text.substr(0, equals), text.substr(equals + 1));
  if (!set) fail("--sysctl", text, set.error());
}

}  // namespace

std::optional<Sources> read_sources(const Inputs& inputs, std::ostream& errors, Rules rules) {
  Sources sources{.inputs = inputs};
  Flags flags(inputs, errors);
  sources.host = flags.host();
  sources.groups = flags.groups();
  sources.inside = flags.inside();
  flags.check_interface("--in-if", inputs.in_if);
  flags.check_interface("--out-if", inputs.out_if);
  flags.check_bridge();
  bool ok = true;
  auto read = [&](const std::string& name, std::optional<InputFile>& file) {
    if (name.empty()) return;
    file = read_input(name, errors);
    ok = ok && file;
  };
  read(inputs.rules, sources.rules);
  read(inputs.rules6, sources.rules6);
  read(inputs.sets, sources.sets);
  read(inputs.conntrack, sources.conntrack);
  read(inputs.labels, sources.labels);
  for (const std::string& sysctl : inputs.sysctls) {
    std::optional<InputFile> file;
    if (sysctl.find('=') != std::string::npos) {
      flags.check_sysctl(sysctl);
      file = InputFile{.name = "--sysctl", .text = sysctl + "\n"};
    } else {
      read(sysctl, file);
    }
    if (file) sources.sysctls.push_back(std::move(*file));
  }
  for (const std::string& name : inputs.discovery) {
    std::optional<InputFile> file;
    read(name, file);
    if (file) sources.discovery.push_back(std::move(*file));
  }
  if (ok && rules == Rules::kNeeded && !sources.rules && !sources.rules6) {
    errors << "sallyport: no rules: give --rules FILE, --rules6 FILE or both\n";
    ok = false;
  }
  return ok && flags.good() ? std::optional(std::move(sources)) : std::nullopt;
}

HashKey random_hash_key() {
  std::random_device device;
  return make_hash_key(uint64_t{device()} << 32 | device());
}

namespace {

// Collects what is wrong with each text, so that all of it is printed at once.
class Texts {
 public:
  explicit Texts(std::ostream& errors) : errors_(errors) {}

  void fail(const InputFile& file, const Diagnostics& diagnostics) {
    if (diagnostics.empty()) return;
    errors_ << diagnostics.render(file.name, file.text);
    failed_ = true;
  }
  bool failed() const { return failed_; }

 private:
  std::ostream& errors_;
  bool failed_ = false;
};

Knobs read_knobs(const Sources& sources, Texts& texts) {
  Knobs knobs;
  for (const InputFile& file : sources.sysctls) {
    Diagnostics diagnostics;
    knobs.set_all(file.text, diagnostics);
    texts.fail(file, diagnostics);
  }
  if (sources.inputs.checksums == "ignore") knobs.checksum = 0;
  if (sources.inputs.compat == "linux") knobs.discovery = 0;
  return knobs;
}

std::vector<Descriptor> read_descriptors(const Sources& sources, Texts& texts) {
  std::vector<Descriptor> descriptors = builtin_descriptors();
  for (const InputFile& file : sources.discovery) {
    Diagnostics diagnostics;
    parse_descriptors(file.text, descriptors, diagnostics);
    texts.fail(file, diagnostics);
  }
  return descriptors;
}

std::optional<Ruleset> read_rules(const std::optional<InputFile>& file, Family family,
                                  const SetStore& sets, const LabelNames* labels, Texts& texts) {
  if (!file) return std::nullopt;
  std::expected<Ruleset, Diagnostics> rules = parse_rules(file->text, family, &sets, labels);
  if (rules) return std::move(*rules);
  texts.fail(*file, rules.error());
  return std::nullopt;
}

// The interfaces that the rules name in full; loopback does not count.
std::set<std::string> interfaces_of(const std::optional<Ruleset>& rules,
                                    const std::optional<Ruleset>& rules6) {
  std::set<std::string> names;
  auto add = [&](const InterfaceTest& test) {
    std::string name(test.name.text());
    bool whole = !name.empty() && test.mask.bytes[name.size()] != 0;
    if (whole && name != "lo") names.insert(name);
  };
  for (const std::optional<Ruleset>* ruleset : {&rules, &rules6}) {
    if (!*ruleset) continue;
    for (const std::optional<Table>& table : (*ruleset)->tables) {
      if (!table) continue;
      for (const Chain& chain : table->chains) {
        for (const Rule& rule : chain.rules) {
          add(rule.ip.in);
          add(rule.ip.out);
        }
      }
    }
  }
  return names;
}

// Where neither the flags nor the capture name an interface.
std::string usual_interface(const std::set<std::string>& of_rules) {
  return of_rules.size() == 1 ? *of_rules.begin() : "eth0";
}

// Rules that name other interfaces than the packets have match nothing, which looks like a drop.
void note_interfaces(const Inputs& inputs, const Host& host, const std::set<std::string>& of_rules,
                     std::vector<std::string>& notes) {
  if (of_rules.empty()) return;
  if (!inputs.bridge.empty()) {
    if (of_rules.contains(inputs.bridge)) return;
    notes.push_back(
        fmt::format("the rules name {}, and not {}, by which all packets come in and "
                    "leave (ports are -m physdev's): give --bridge",
                    fmt::join(of_rules, ", "), inputs.bridge));
    return;
  }
  if (inputs.forward) {
    if (of_rules.contains(inputs.in_if) || of_rules.contains(inputs.out_if)) return;
    notes.push_back(fmt::format("the rules name {}, and not {} or {}: give --in-if and --out-if",
                                fmt::join(of_rules, ", "), inputs.in_if, inputs.out_if));
    return;
  }
  bool all_named = std::ranges::all_of(host.interfaces(), [](const Host::Interface& interface) {
    return !interface.name.text().empty();
  });
  if (all_named) return;
  notes.push_back(
      fmt::format("where the capture does not name the interface it is taken to be {} "
                  "(the rules name {}); --host NAME=ADDR/LEN says it",
                  usual_interface(of_rules), fmt::join(of_rules, ", ")));
}

// `iptables-save` prints nothing on a machine whose rules are of the other kind, nftables' or
// legacy: an easy way to judge a capture by no rules at all.
void note_empty(const std::optional<InputFile>& file, const std::optional<Ruleset>& rules,
                std::vector<std::string>& notes) {
  if (!rules || std::ranges::any_of(rules->tables, &std::optional<Table>::has_value)) return;
  notes.push_back(fmt::format("{}: {}", file->name, kNoRulesInIt));
}

void note_host(const Host& host, bool discovery, std::vector<std::string>& notes) {
  for (const Host::Interface& interface : host.interfaces()) {
    for (const Prefix& prefix : interface.addresses) {
      if (!discovery || prefix.length < bits_of(prefix.family)) continue;
      notes.push_back(
          fmt::format("{}: nothing is on-link of a /{}, so no answer to discovery is let in; give "
                      "--host {}/LEN",
                      prefix.text(), prefix.length, prefix.address.text(prefix.family)));
    }
  }
}

Viewpoint viewpoint_of(const Sources& sources, const Host& host,
                       const std::set<std::string>& interfaces) {
  const Inputs& inputs = sources.inputs;
  if (!inputs.forward) return Viewpoint::of_host(host, InterfaceName(usual_interface(interfaces)));
  const InterfaceName in(inputs.in_if), out(inputs.out_if);
  if (inputs.bridge.empty()) return Viewpoint::of_router(sources.inside, in, out);
  return Viewpoint::of_bridge(sources.inside, InterfaceName(inputs.bridge), in, out);
}

}  // namespace

std::optional<Setup> make_setup(const Sources& sources, Instant start,
                                const std::optional<Host>& guess, std::ostream& errors) {
  Texts texts(errors);
  Engine::Config config;
  config.knobs = read_knobs(sources, texts);
  config.descriptors = read_descriptors(sources, texts);
  bool guessing = sources.inputs.hosts.empty() && !sources.inputs.forward;
  config.host = guessing && guess ? *guess : sources.host;
  for (const Prefix& group : sources.groups) config.host.join(group.family, group.address);
  config.hash_key = random_hash_key();
  config.history_unknown = !sources.conntrack && !sources.live;

  auto sets = std::make_unique<SetStore>(config.hash_key);
  if (sources.sets) {
    Diagnostics diagnostics;
    sets->restore(sources.sets->text, tick_of(start), diagnostics);
    texts.fail(*sources.sets, diagnostics);
  }
  Setup setup;
  for (const std::string& text : sources.kept_sets) {
    Diagnostics diagnostics;
    if (sets->restore(with_exist(text), tick_of(start), diagnostics)) continue;
    setup.notes.push_back(fmt::format("a set of the state is not taken back: {}: {}",
                                      text.substr(0, text.find('\n')),
                                      diagnostics.list().front().what));
  }
  if (sources.labels) setup.labels.emplace(sources.labels->text);
  const LabelNames* labels = setup.labels ? &*setup.labels : nullptr;
  std::optional<Ruleset> rules = read_rules(sources.rules, Family::kIpv4, *sets, labels, texts);
  std::optional<Ruleset> rules6 = read_rules(sources.rules6, Family::kIpv6, *sets, labels, texts);

  note_empty(sources.rules, rules, setup.notes);
  note_empty(sources.rules6, rules6, setup.notes);
  if (sources.inputs.forward && sources.inside.empty()) {
    setup.notes.push_back(
        fmt::format("no --inside: every packet is taken to come in at {} and to leave at {}",
                    sources.inputs.out_if, sources.inputs.in_if));
  }
  std::set<std::string> interfaces = interfaces_of(rules, rules6);
  note_interfaces(sources.inputs, config.host, interfaces, setup.notes);
  setup.verify_checksums = sources.inputs.checksums == "verify";
  if (!sources.live) note_host(config.host, config.knobs.discovery != 0, setup.notes);
  setup.engine = std::make_unique<Engine>(std::move(config), std::move(sets));
  if (sources.conntrack) {
    Diagnostics diagnostics;
    setup.engine->conntrack().load(sources.conntrack->text, tick_of(start), diagnostics, labels);
    texts.fail(*sources.conntrack, diagnostics);
  }
  if (texts.failed()) return std::nullopt;
  if (rules) setup.engine->set_program(Family::kIpv4, compile(*rules));
  if (rules6) setup.engine->set_program(Family::kIpv6, compile(*rules6));
  setup.viewpoint = viewpoint_of(sources, setup.engine->host(), interfaces);
  setup.rules = std::move(rules);
  setup.rules6 = std::move(rules6);
  return setup;
}

}  // namespace sallyport
