// sallyport ask: what would happen to this packet? Without a capture.
#include <fmt/ostream.h>
#include <iostream>
#include <sstream>

#include "attach/script_run.h"
#include "cli/commands.h"
#include "cli/explanation.h"
#include "cli/inputs.h"
#include "cli/narrator.h"
#include "cli/words.h"

namespace sallyport {
namespace {

struct Options {
  Inputs inputs;
  std::vector<std::string> packets;
  std::string file;
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
    if (packet.path == ScriptPacket::Path::kForward) continue;
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

class Asker {
 public:
  // The packets were read from what is called `name`.
  Asker(const Options& options, std::string name, Setup& setup)
      : options_(options),
        name_(std::move(name)),
        engine_(*setup.engine),
        viewpoint_(*setup.viewpoint) {}

  void ask(uint64_t index, ScriptPacket& asked);
  bool uncertain() const { return uncertain_; }
  bool as_expected() const { return as_expected_; }

 private:
  void check(const ScriptPacket& asked, const Outcome& outcome);

  const Options& options_;
  std::string name_;
  Engine& engine_;
  const Viewpoint& viewpoint_;
  DropHistory history_;
  bool uncertain_ = false;
  bool as_expected_ = true;
};

void Asker::check(const ScriptPacket& asked, const Outcome& outcome) {
  if (!asked.expected) return;
  std::string difference = compare(*asked.expected, observe(asked, outcome, engine_));
  if (difference.empty()) return;
  as_expected_ = false;
  fmt::print(std::cerr, "{}:{}: expected {}; it is {}\n", name_, asked.line, asked.expected->text(),
             difference);
}

void Asker::ask(uint64_t index, ScriptPacket& asked) {
  Packet packet = packet_of(asked, asked.packet.bytes, Instant{});
  Way way = way_of(asked, packet, viewpoint_);
  Narrator narrator;
  Record record{.index = index, .time = packet.time};
  Explanation explanation{.judged = describe(record, packet, way)};
  Judged& judged = explanation.judged;
  judged.outcome = engine_.process_traced(packet, way, narrator);
  explanation.program = engine_.program(packet.family);
  explanation.way = narrator.lines();
  if (judged.outcome.fate == Outcome::Fate::kDrop) {
    explanation.misses = near_misses(judged, engine_, history_);
  }
  history_.add(judged, explanation.program);
  uncertain_ = uncertain_ || !judged.outcome.certain;
  check(asked, judged.outcome);
  if (options_.json) {
    std::cout << explanation_json(explanation) << '\n';
    return;
  }
  if (index > 0) std::cout << '\n';
  print_text(std::cout, stdout_style(), explanation, Instant{});
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
    fmt::print(std::cerr, "sallyport: no packet to ask about\n");
    return kExitUsage;
  }
  std::optional<Sources> sources = read_sources(options.inputs, std::cerr);
  if (!sources) return kExitUsage;
  // Nothing is said of the past, so there was none.
  if (!sources->conntrack) sources->conntrack = InputFile{.name = "no flows", .text = {}};
  std::optional<Setup> setup = make_setup(*sources, Instant{}, host_of(*script), std::cerr);
  if (!setup) return kExitNo;
  for (const std::string& note : setup->notes) fmt::print(std::cerr, "sallyport: {}\n", note);
  Asker asker(options, name, *setup);
  for (size_t i = 0; i < script->packets.size(); i++) asker.ask(i, script->packets[i]);
  if (!asker.as_expected()) return kExitNo;
  return options.strict && asker.uncertain() ? kExitUncertain : kExitOk;
}

}  // namespace

void add_ask(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("ask", "Say what would happen to a packet that you describe");
  auto options = std::make_shared<Options>();
  command->footer(R"(Examples:

  sallyport ask --rules my.rules 'in eth0 tcp 10.0.0.7:4000 > 192.168.1.2:22'
  sallyport ask --rules my.rules 'out udp 192.168.1.2:40000 > 10.0.0.7:53' \
                                 '+31 in udp 10.0.0.7:53 > 192.168.1.2:40000'

Exit codes: 0; 1 an error in a file or a packet; 2 usage; 3 uncertain, with
--strict.)");
  options->inputs.add_to(*command);
  command->add_flag("--json", options->json, "a JSON object a line for each packet");
  command->add_flag("--strict", options->strict, "exit with 3 if any verdict is uncertain");
  command->add_option("--file", options->file, "packets, a line each; - is standard input")
      ->option_text("FILE");
  command
      ->add_option("PACKET", options->packets,
                   "[TIME] in|out|fwd [IFACE] PROTO SRC > DST [OPTIONS], see docs/flow.md; several "
                   "are judged in order")
      ->option_text("TEXT ...");
  command->callback([options, &exit_code] { exit_code = ask(*options); });
}

}  // namespace sallyport
