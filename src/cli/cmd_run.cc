// sallyport run: the firewall of this host; sallyport detach: its rules in the kernel taken out.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>

#include "attach/interfaces.h"
#include "attach/queue_rules.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/control_client.h"
#include "cli/service.h"
#include "cli/when.h"
#include "control/guard.h"

namespace sallyport {
namespace {

struct Options {
  std::string config;
  Service::Options service;
  std::string fail = "closed";
  std::vector<std::string> administrators;
  uint16_t queue = QueueRules{}.first_queue;
  uint16_t balance = 1;
  std::string queue_with;
  std::string length;
  std::string group;
  bool dry_run = false;
};

bool fail(const std::string& what) {
  tell_administrator(what);
  return false;
}

// What an earlier run has kept. One that cannot be read is said, and is as none: packets are not
// kept waiting for it.
std::optional<KeptState> read_state(const std::string& path) {
  if (path.empty()) return std::nullopt;
  std::error_code error;
  if (const auto folder = std::filesystem::path(path).parent_path(); !folder.empty()) {
    std::filesystem::create_directories(folder, error);
  }
  std::expected<std::optional<KeptState>, std::string> state = KeptState::read(path);
  if (state) return std::move(*state);
  fail(fmt::format("{}; nothing is taken back from it", state.error()));
  return std::nullopt;
}

// Flags that say what this one start is for.
constexpr std::array<std::string_view, 3> kNotInConfig{"config", "dry-run", "for"};

// What --config says beside the flags. False, and said, where it has an error.
bool read_config(const Options& options, const Subcommand& command) {
  if (options.config.empty()) return true;
  std::optional<InputFile> file = read_input(options.config, std::cerr);
  if (!file) return false;
  Diagnostics diagnostics;
  apply_config(*file, command, kNotInConfig, diagnostics);
  std::cerr << diagnostics.render(file->name, file->text);
  return diagnostics.empty();
}

// What the flags say of the kernel's side. False, and said, where they make no sense.
bool understand(const Options& options, Daemon::Options& daemon) {
  QueueRules& rules = daemon.rules;
  rules.first_queue = options.queue;
  rules.balance = options.balance;
  if (options.queue + options.balance + 1 > 65535) {
    return fail(fmt::format("--queue {}: there are no {} queues from there on", options.queue,
                            options.balance + 2));
  }
  if (options.fail == "open") rules.failing = QueueRules::Failing::kOpen;
  for (const std::string& text : options.administrators) {
    std::optional<Prefix> prefix = Prefix::parse(text);
    if (!prefix) return fail(fmt::format("--admin {}: not an address or network", text));
    rules.administrators.push_back(*prefix);
  }
  if (options.length.empty()) return true;
  daemon.trial = parse_length(options.length);
  return daemon.trial || fail(fmt::format("--for {}: {}", options.length, kLengthForms));
}

void print_rules_of(const Daemon::Options& daemon) {
  if (daemon.tool == Tool::kNft) {
    std::cout << "# nft -f -\n" << nft_text(daemon.rules);
    return;
  }
  std::cout << "# iptables-restore -n\n"
            << iptables_text(daemon.rules, Family::kIpv4) << "# ip6tables-restore -n\n"
            << iptables_text(daemon.rules, Family::kIpv6);
}

std::string ready_text(const Daemon::Options& options) {
  const QueueRules& rules = options.rules;
  return fmt::format("filtering: queues {} to {} by {}, fail-{}", rules.heads(), rules.exempt(),
                     options.tool == Tool::kNft ? "nft" : "iptables",
                     rules.failing == QueueRules::Failing::kClosed ? "closed" : "open");
}

std::expected<Tool, std::string> tool_of(const Options& options) {
  if (options.queue_with == "nft") return Tool::kNft;
  if (options.queue_with == "iptables") return Tool::kIptables;
  return find_tool();
}

// The guard's, as the daemon cannot start programs any more.
std::expected<void, std::string> take_rules_out() {
  if (auto removed = remove_queue_rules(); !removed) return std::unexpected(removed.error());
  return {};
}

int run(Options& options, const Subcommand& command) {
  if (!read_config(options, command)) return kExitUsage;
  Service::Options& parts = options.service;
  if (!understand(options, parts.daemon)) return kExitUsage;
  if (!options.group.empty()) parts.control.group = options.group;
  // Before the rules, sets and flows of an earlier run fill memory.
  std::expected<Guard, std::string> guard = Guard::begin(take_rules_out);
  if (!guard) {
    fail(guard.error());
    return kExitUsage;
  }
  std::optional<Sources> sources = read_sources(parts.inputs, std::cerr);
  if (!sources) return kExitUsage;
  sources->live = true;
  std::expected<Interfaces, std::string> interfaces = Interfaces::open();
  if (!interfaces) {
    fail(interfaces.error());
    return kExitUsage;
  }
  const Instant now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  std::optional<KeptState> kept = options.dry_run ? std::nullopt : read_state(parts.state);
  if (kept) sources->kept_sets = kept->sets(tick_of(now));
  std::optional<Setup> setup = make_setup(*sources, now, interfaces->host(), std::cerr);
  if (!setup) return kExitNo;
  for (const std::string& note : setup->notes) fail(note);
  if (!setup->rules) fail("no --rules: IPv4 passes");
  if (!setup->rules6) fail("no --rules6: IPv6 passes");
  std::expected<Tool, std::string> tool = tool_of(options);
  if (!tool) {
    fail(tool.error());
    return kExitUsage;
  }
  parts.daemon.tool = *tool;
  if (options.dry_run) {
    print_rules_of(parts.daemon);
    return kExitOk;
  }
  Service service(parts, *interfaces, *guard, std::move(*setup));
  if (kept) service.take_back(*kept, now);
  kept.reset();
  if (auto started = service.start(); !started) {
    fail(started.error());
    return kExitUsage;
  }
  std::cout << ready_text(parts.daemon) << std::endl;  // NOLINT: who waits for it reads it now
  return service.run() ? kExitOk : kExitNo;
}

// Under a service manager (systemd.exec(5)): the service has not ended as it should, and is
// started again or has to be looked at. Meanwhile its rules say what happens to packets.
bool service_has_failed() {
  const char* result = std::getenv("SERVICE_RESULT");
  return result && std::string_view(result) != "success";
}

int detach(bool unless_failed) {
  if (unless_failed && service_has_failed()) {
    std::cout << "the service has failed: its queueing rules stay, as --fail says; sallyport "
                 "detach takes them out\n";
    return kExitOk;
  }
  std::expected<bool, std::string> removed = remove_queue_rules();
  if (!removed) {
    fail(removed.error());
    return kExitUsage;
  }
  std::cout << (*removed ? "the queueing rules are out: nothing is filtered by Sallyport\n"
                         : "there were no queueing rules of Sallyport's\n");
  return kExitOk;
}

}  // namespace

void add_run(CommandLine& line) {
  Subcommand command = line.subcommand("run", "Be the firewall of this host, until a signal");
  auto options = std::make_shared<Options>();
  Service::Options& parts = options->service;
  command.footer(R"(Examples:

  sallyport run --rules my.rules --rules6 my.rules6 --sets my.sets
  sallyport run --rules my.rules --admin 192.0.2.7 --for 60s
  sallyport run --rules my.rules --dry-run
  sallyport run --config /etc/sallyport/sallyport.toml

Packets of INPUT, OUTPUT and FORWARD come through the kernel's queues, behind all
other rules of the kernel. When it dies, packets are dropped until it runs again
or `sallyport detach` is called, but for loopback and --admin; --fail open lets
them pass. Exit codes: 0; 1 an error in a file; 2 usage, or something that the
kernel does not allow.)");
  command
      .option("--config", options->config,
              "the flags as keys of a TOML file; those that are given stand over it")
      .takes("FILE");
  parts.inputs.add_rules_to(command);
  command
      .option("--fail", options->fail, "what happens to packets when nobody is there to judge them")
      .takes("closed|open [closed]")
      .one_of({"closed", "open"});
  command
      .option("--admin", options->administrators,
              "whose packets pass even then; as long as it runs they are judged as all are")
      .takes("ADDR[/LEN],...")
      .comma_separated();
  command.option("--queue", options->queue, "the first number of its queues")
      .takes("N [7200]")
      .within(0, 65533);
  command
      .option("--queue-balance", options->balance,
              "spread packets over so many queues by their addresses: more wait before any is lost")
      .takes("N [1]")
      .within(1, 64);
  command
      .option("--queue-with", options->queue_with,
              "what puts the queueing rules in; default nft, where the kernel has its queue")
      .takes("nft|iptables")
      .one_of({"nft", "iptables"});
  command
      .option("--for", options->length,
              "end by itself after that time, even if it has died by then")
      .takes("TIME");
  add_control_option(command, parts.control.path, "the socket that it is administered by");
  command.option("--control-group", options->group, "a group whose members may, beside root")
      .takes("GROUP");
  command
      .option("--state", parts.state,
              "where flows, sets and counters are kept over a restart, or a kill -9")
      .takes("FILE");
  command
      .option("--log", parts.log,
              "where LOG's lines go, else standard error; opened again at a SIGHUP")
      .takes("FILE");
  command
      .option("--nflog", parts.nflog,
              "a pcapng file for the packets of NFLOG; opened again at a SIGHUP")
      .takes("FILE");
  command
      .option("--metrics", parts.metrics, "where Prometheus finds /metrics, as in 127.0.0.1:9123")
      .takes("ADDR:PORT");
  command.flag("--dry-run", options->dry_run, "print the kernel's queueing rules, and do nothing");
  command.does([options, command] { return run(*options, command); });
}

void add_detach(CommandLine& line) {
  Subcommand command = line.subcommand(
      "detach", "Take Sallyport's queueing rules out of the kernel, whoever left them there");
  auto unless_failed = std::make_shared<bool>(false);
  command.flag("--unless-failed", *unless_failed,
               "not where SERVICE_RESULT, systemd's, says that the service has failed");
  command.does([unless_failed] { return detach(*unless_failed); });
}

}  // namespace sallyport
