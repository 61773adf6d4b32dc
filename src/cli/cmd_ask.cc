// sallyport ask: what would happen to this packet? Without a capture.
#include <fmt/ostream.h>
#include <iostream>
#include <sstream>

#include "attach/script.h"
#include "cli/commands.h"
#include "cli/explanation.h"
#include "cli/inputs.h"
#include "cli/narrator.h"
#include "cli/words.h"
#include "packet/parse.h"

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

Way way_of(const ScriptPacket& packet) {
  switch (packet.path) {
    case ScriptPacket::Path::kIn: return {.path = Way::Path::kInput, .in = &packet.in};
    case ScriptPacket::Path::kOut: return {.path = Way::Path::kOutput, .out = &packet.out};
    case ScriptPacket::Path::kForward: break;
  }
  return {.path = Way::Path::kForward, .in = &packet.in, .out = &packet.out};
}

class Asker {
 public:
  Asker(const Options& options, Engine& engine) : options_(options), engine_(engine) {}

  void ask(uint64_t index, ScriptPacket& asked);
  bool uncertain() const { return uncertain_; }

 private:
  const Options& options_;
  Engine& engine_;
  DropHistory history_;
  bool uncertain_ = false;
};

void Asker::ask(uint64_t index, ScriptPacket& asked) {
  Packet packet;
  packet.data = asked.packet.bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(asked.packet.bytes.size());
  packet.time = Instant(asked.time);
  packet.has_mac = asked.packet.mac_source.has_value();
  if (packet.has_mac) packet.mac_source = *asked.packet.mac_source;
  parse(packet);
  packet.fields[Field::kMark] = asked.packet.mark;
  Way way = way_of(asked);
  if (packet.malformed != Reason::kNone) {
    way = {.path = Way::Path::kNone, .reason = packet.malformed};
  }
  Narrator narrator;
  Explanation explanation{.judged = {.record = {.index = index, .time = packet.time},
                                     .family = packet.family,
                                     .source = packet.source(),
                                     .destination = packet.destination(),
                                     .protocol = packet.protocol(),
                                     .length = packet.length}};
  Judged& judged = explanation.judged;
  judged.source_port = static_cast<uint16_t>(packet.fields[Field::kSourcePort]);
  judged.destination_port = static_cast<uint16_t>(packet.fields[Field::kDestinationPort]);
  judged.has_ports = judged.source_port != 0 || judged.destination_port != 0;
  judged.outcome = engine_.process_traced(packet, way, narrator);
  explanation.program = engine_.program(packet.family);
  explanation.way = narrator.lines();
  if (judged.outcome.fate == Outcome::Fate::kDrop) {
    explanation.misses = near_misses(judged, engine_, history_);
  }
  history_.add(judged, explanation.program);
  uncertain_ = uncertain_ || !judged.outcome.certain;
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
  Asker asker(options, *setup->engine);
  for (size_t i = 0; i < script->packets.size(); i++) asker.ask(i, script->packets[i]);
  return options.strict && asker.uncertain() ? kExitUncertain : kExitOk;
}

}  // namespace

void add_ask(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "ask",
      "Say what would happen to a packet, as in 'in eth0 udp 10.0.0.7:53 > 192.168.1.2:40000'");
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
