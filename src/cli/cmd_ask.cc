// sallyport ask: what would happen to this packet? Without a capture.
//
// Packets are asked about in order, each on the engine as the ones before it left it. A remedy
// is tried by asking about all of them again. A script that brings rules and sets of its own
// (docs/flow.md) needs no other flags.
#include <algorithm>
#include <fmt/format.h>
#include <iostream>
#include <sstream>

#include "attach/script_run.h"
#include "cli/anonymize.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/explanation.h"
#include "cli/inputs.h"
#include "cli/narrator.h"

namespace sallyport {
namespace {

// Dropped packets that remedies are looked for: each costs asking about all before it again.
constexpr size_t kMostRemedied = 32;

struct Options {
  Inputs inputs;
  std::vector<std::string> packets;
  std::string file;
  bool all = false;
  bool anonymize = false;
  bool json = false;
  bool strict = false;
};

// The addresses that packets come to or leave from, where --host does not say: `in` and `out`
// tell whose they are.
std::optional<Host> host_of(const Script& script) {
  Host host;
  for (const Script::HostAddress& address : script.host)
    host.add(address.interface, address.address);
  if (!host.empty()) return host;
  std::vector<Prefix> seen;
  for (const ScriptPacket& packet : script.packets) {
    const PacketSpec& spec = packet.packet.spec;
    bool through =
        packet.path == ScriptPacket::Path::kForward || packet.path == ScriptPacket::Path::kBridged;
    if (through) continue;
    bool out = packet.path == ScriptPacket::Path::kOut;
    const Address& own = out ? spec.source : spec.destination;
    if (own.is_multicast(spec.family) || own.is_zero() || own == Address::ipv4(~0u)) continue;
    Prefix prefix{.family = spec.family,
                  .length = static_cast<uint8_t>(spec.family == Family::kIpv4 ? 24 : 64),
                  .address = own};
    if (std::ranges::find(seen, prefix) != seen.end()) continue;
    seen.push_back(prefix);
    host.add(out ? packet.out : packet.in, prefix);
  }
  return host.empty() ? std::nullopt : std::optional(host);
}

// A text within a script, on the lines where it stands there, so that errors and rules point there.
InputFile file_of(const Script::Block& block, const std::string& script) {
  return {.name = script, .text = std::string(block.line - 1, '\n') + block.text};
}

// What the script says, where the command line does not.
void add_script(const Script& script, const std::string& name, Sources& sources) {
  bool own_rules = !sources.rules && !sources.rules6 && (script.rules || script.rules6);
  if (own_rules) {
    if (script.rules) sources.rules = file_of(*script.rules, name);
    if (script.rules6) sources.rules6 = file_of(*script.rules6, name);
    if (script.compat_linux) sources.inputs.compat = "linux";
  }
  if (!sources.sets && script.sets) sources.sets = file_of(*script.sets, name);
  for (const auto& [knob, value] : script.sysctls) {
    sources.sysctls.push_back({.name = name, .text = fmt::format("{}={}\n", knob, value)});
  }
  for (const Script::Group& group : script.groups) {
    sources.groups.push_back({.family = group.family,
                              .length = static_cast<uint8_t>(bits_of(group.family)),
                              .address = group.address});
  }
  // Nothing is said of the past, so there was none.
  if (!sources.conntrack) sources.conntrack = InputFile{.name = "no flows", .text = {}};
}

// The packets of a script before one firewall.
class Questions {
 public:
  // Nothing, and said in `errors`, where a text is wrong.
  static std::optional<Questions> make(const Sources& sources, const Script& script,
                                       std::ostream& errors) {
    std::optional<Setup> setup = make_setup(sources, Instant{}, host_of(script), errors);
    if (!setup) return std::nullopt;
    return Questions(std::move(*setup), script);
  }

  // In order, each once.
  Judged judge(size_t index, EngineTrace& trace);
  Engine& engine() { return *setup_.engine; }
  const std::vector<std::string>& notes() const { return setup_.notes; }

 private:
  Questions(Setup setup, const Script& script) : setup_(std::move(setup)), script_(&script) {
    for (const ScriptPacket& packet : script.packets) bytes_.push_back(packet.packet.bytes);
  }

  Setup setup_;
  const Script* script_;
  std::vector<std::vector<uint8_t>> bytes_;  // of each packet: fragments are held by address
};

Judged Questions::judge(size_t index, EngineTrace& trace) {
  const ScriptPacket& asked = script_->packets[index];
  Packet packet = packet_of(asked, bytes_[index], Instant{});
  packet.cookie = bytes_[index].data();
  Way way = way_of(asked, packet, *setup_.viewpoint);
  Record record{.index = index, .time = packet.time};
  Judged judged;
  describe(record, packet, way, judged);
  judged.outcome = setup_.engine->process_traced(packet, way, trace);
  return judged;
}

std::optional<Outcome> try_sources(size_t index, const Sources& sources, const Script& script) {
  std::ostringstream unheard;
  std::optional<Questions> questions = Questions::make(sources, script, unheard);
  if (!questions) return std::nullopt;
  std::optional<Outcome> outcome;
  for (size_t i = 0; i <= index; i++) {
    Narrator narrator;
    outcome = questions->judge(i, narrator).outcome;
  }
  return outcome;
}

// What is expected of a packet, behind `=>`; the difference is said.
bool is_as_expected(const ScriptPacket& asked, const Outcome& outcome, const std::string& name,
                    Engine& engine) {
  if (!asked.expected) return true;
  std::string difference = compare(*asked.expected, observe(asked, outcome, engine));
  if (difference.empty()) return true;
  std::cerr << fmt::format("{}:{}: expected {}; it is {}\n", name, asked.line,
                           asked.expected->text(), difference);
  return false;
}

// Answers all of them; the exit code.
int answer(const Options& options, const std::string& name, const Sources& sources,
           const Script& script, Questions& questions, std::ostream& out) {
  keep_history(questions.engine());
  History history;
  size_t remedied = 0;
  bool certain = true, as_expected = true;
  for (size_t i = 0; i < script.packets.size(); i++) {
    Narrator narrator;
    Judged judged = questions.judge(i, narrator);
    as_expected &= is_as_expected(script.packets[i], judged.outcome, name, questions.engine());
    Explanation explanation =
        make_explanation(judged, sources, questions.engine(), narrator, history, options.all);
    if (judged.outcome.fate != Outcome::Fate::kAccept && remedied++ < kMostRemedied) {
      explanation.remedies =
          find_remedies(judged, deciding_table(explanation), sources, explanation.misses,
                        [&](const Sources& changed) { return try_sources(i, changed, script); });
    }
    history.add(judged, explanation.program);
    certain = certain && judged.outcome.certain;
    if (options.json) {
      out << explanation_json(explanation) << '\n';
      continue;
    }
    if (i > 0) out << '\n';
    print_text(out, stdout_style(), explanation, Instant{});
  }
  if (!as_expected) return kExitNo;
  return options.strict && !certain ? kExitUncertain : kExitOk;
}

int ask(const Options& options) {
  std::string text;
  std::string name = "packet";
  if (!options.file.empty()) {
    std::optional<InputFile> file = read_input(options.file, std::cerr);
    if (!file) return kExitUsage;
    name = file->name;
    text = std::move(file->text);
  }
  for (const std::string& packet : options.packets) text += packet + "\n";
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(text, diagnostics);
  if (!script) {
    std::cerr << diagnostics.render(name, text);
    return kExitNo;
  }
  if (script->packets.empty()) {
    std::cerr << "sallyport: no packet to ask about: write one, or give --file\n"
                 "see sallyport ask --help\n";
    return kExitUsage;
  }
  bool own_rules = script->rules || script->rules6;
  std::optional<Sources> sources =
      read_sources(options.inputs, std::cerr, own_rules ? Rules::kMayBeMissing : Rules::kNeeded);
  if (!sources) return kExitUsage;
  add_script(*script, name, *sources);
  std::optional<Questions> questions = Questions::make(*sources, *script, std::cerr);
  if (!questions) return kExitNo;
  Anonymizer anonymize;
  for (const std::string& note : questions->notes()) {
    std::cerr << fmt::format("sallyport: {}\n", options.anonymize ? anonymize(note) : note);
  }
  std::ostringstream answers;
  int exit_code = answer(options, name, *sources, *script, *questions, answers);
  std::cout << (options.anonymize ? anonymize(answers.str()) : answers.str());
  return exit_code;
}

}  // namespace

void add_ask(CommandLine& line) {
  Subcommand command =
      line.subcommand("ask", "Say what would happen to a packet that you describe");
  auto options = std::make_shared<Options>();
  command.footer(R"(Examples:

  sallyport ask --rules my.rules 'in eth0 tcp 10.0.0.7:4000 > 192.168.1.2:22'
  sallyport ask --rules my.rules 'out udp 192.168.1.2:40000 > 10.0.0.7:53' \
                                 '+31 in udp 10.0.0.7:53 > 192.168.1.2:40000'

Exit codes: 0; 1 an error in a file or a packet; 2 usage; 3 uncertain, with
--strict.)");
  options->inputs.add_to(command);
  command.flag("--json", options->json, "a JSON object a line for each packet");
  command.flag("--anonymize", options->anonymize,
               "exchange all addresses for others, so that strangers may read it");
  command.flag("--all", options->all,
               "every rule that was asked, not one line for many that failed alike");
  command.flag("--strict", options->strict, "exit with 3 if any verdict is uncertain");
  command
      .option("--file", options->file,
              "packets, a line each, or a script with rules of its own; - is standard input")
      .takes("FILE");
  command
      .argument("PACKET", options->packets,
                "[TIME] in|out|fwd [IFACE] PROTO SRC > DST [OPTIONS], see docs/flow.md; several "
                "are judged in order")
      .takes("TEXT ...");
  command.does([options] { return ask(*options); });
}

}  // namespace sallyport
