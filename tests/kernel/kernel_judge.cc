// kernel_judge: what Linux does with the packets of a .flow script.
//
//   kernel_judge [--record] [--jobs N] SCRIPT...
//
// Runs each script in a network namespace of its own, packet by packet in real
// time, and compares what the kernel did with what the script expects; with
// --record it writes the expectations into the script as the kernel shows them.
// Each script is a process, several at a time, since most of a script's time is
// waiting. Exit codes: 0 all as expected, 1 not, 2 usage, 77 the machine cannot
// tell (no root, no TAP devices ...); SALLYPORT_REQUIRE_KERNEL=1 makes that 1.
//
// A machine that is busy may be late for a tick. A script that was late and
// differs is run again; one that was in time and differs does differ.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <map>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "kernel/probe.h"
#include "kernel/recording.h"
#include "kernel/sandbox.h"
#include "kernel/tick_clock.h"

namespace sallyport::testing {
namespace {

constexpr int kTries = 4;

enum Code : int { kGood = 0, kDiffers = 1, kCannot = 77, kLate = 3 };

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

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

// The zones that rules name, zone 0 first.
std::vector<uint16_t> zones_of(const Script& script) {
  std::vector<uint16_t> zones{0};
  for (const std::optional<Script::Block>* block : {&script.rules, &script.rules6}) {
    std::istringstream words(*block ? (*block)->text : "");
    for (std::string word, before; words >> word; before = word) {
      if (!before.starts_with("--zone")) continue;
      zones.push_back(static_cast<uint16_t>(parse_number(word).value_or(0)));
    }
  }
  return zones;
}

struct Run {
  std::vector<Observation> seen;
  bool late = false;
};

std::expected<Run, std::string> run_on_kernel(const Script& script) {
  std::expected<Sandbox, std::string> sandbox = Sandbox::open(script);
  if (!sandbox) return std::unexpected(sandbox.error());
  std::expected<Probe, std::string> probe = Probe::open(needs_conntrack(script));
  if (!probe) return std::unexpected(probe.error());
  sched_param priority{.sched_priority = 1};
  ::sched_setscheduler(0, SCHED_FIFO, &priority);  // if it fails, ticks are missed more often
  TickClock clock;
  clock.start();
  std::vector<uint16_t> zones = zones_of(script);
  Run run;
  for (const ScriptPacket& packet : script.packets) {
    if (!clock.wait_for(packet.time)) run.late = true;
    sandbox->drain();
    if (Done sent = sandbox->send(packet); !sent) {
      return std::unexpected(fmt::format("line {}: {}", packet.line, sent.error()));
    }
    std::expected<std::optional<SeenFlow>, std::string> flow =
        find_flow(tuple_of(packet.packet), zones);
    bool in_time = clock.still_in(packet.time);
    if (!flow) return std::unexpected(fmt::format("line {}: {}", packet.line, flow.error()));
    Observation seen = probe->take(packet);
    seen.flow = *flow;
    seen.timeout_may_be_less = !in_time;
    run.late |= !in_time;
    run.seen.push_back(std::move(seen));
  }
  return run;
}

// In a process of its own. Writes its findings to stdout, a pipe to the parent.
int judge(const std::string& path, bool recording, bool last_try) {
  std::string text = read_file(path);
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(text, diagnostics);
  if (!script) {
    fmt::print("{}", diagnostics.render(path, text));
    return kDiffers;
  }
  std::expected<Run, std::string> run = run_on_kernel(*script);
  if (!run) {
    fmt::print("{}: {}\n", path, run.error());
    return kDiffers;
  }
  if (recording) {
    if (run->late && !last_try) return kLate;
    std::vector<Expectation> expectations;
    for (size_t i = 0; i < script->packets.size(); i++) {
      expectations.push_back(record(script->packets[i].expected, run->seen[i]));
    }
    std::ofstream(path) << rewrite(text, *script, expectations);
    if (run->late) fmt::print("{}: recorded, but late for a tick: look at it\n", path);
    return kGood;
  }
  std::string report;
  for (size_t i = 0; i < script->packets.size(); i++) {
    const ScriptPacket& packet = script->packets[i];
    if (!packet.expected) continue;
    std::string differs = compare(*packet.expected, run->seen[i]);
    if (differs.empty()) continue;
    fmt::format_to(std::back_inserter(report), "{}:{}: expected {}; the kernel: {}\n", path,
                   packet.line, packet.expected->text(), differs);
  }
  if (report.empty()) return kGood;
  if (run->late && !last_try) return kLate;
  fmt::print("{}{}", report, run->late ? "(late for a tick in all tries)\n" : "");
  return kDiffers;
}

// Why this machine cannot tell; empty if it can.
std::string what_is_missing() {
  if (::geteuid() != 0) return "not root";
  if (!TickClock::has_known_length()) return "the kernel's tick is not 4 ms";
  Diagnostics diagnostics;
  Script trial = *parse_script(
      "host eth0=192.0.2.1/24\nrules <<END\n*filter\nCOMMIT\nEND\n"
      "in udp 192.0.2.2:1 > 192.0.2.1:2\n",
      diagnostics);
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  pid_t child = ::fork();
  if (child == 0) {
    std::expected<Sandbox, std::string> sandbox = Sandbox::open(trial);
    std::string error = sandbox ? "" : sandbox.error();
    if (sandbox) {
      std::expected<Probe, std::string> probe = Probe::open(true);
      if (!probe) error = probe.error();
    }
    ssize_t count = ::write(ends[1], error.data(), error.size());
    ::_exit(count == static_cast<ssize_t>(error.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string error(1000, '\0');
  ssize_t count = ::read(ends[0], error.data(), error.size());
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  error.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return error;
}

// The pool: each script in a process that dies with this one.
class Pool {
 public:
  Pool(bool recording, size_t jobs) : recording_(recording), jobs_(jobs) {}

  // How many scripts failed.
  int run(const std::vector<std::string>& paths) {
    std::vector<std::string> waiting(paths.rbegin(), paths.rend());
    int failed = 0;
    while (!waiting.empty() || !children_.empty()) {
      while (!waiting.empty() && children_.size() < jobs_) {
        start(waiting.back(), 1);
        waiting.pop_back();
      }
      failed += finish_one();
    }
    return failed;
  }

 private:
  struct Child {
    std::string path;
    int attempt = 1;
    std::FILE* output = nullptr;
  };

  void start(const std::string& path, int attempt) {
    std::FILE* output = std::tmpfile();
    std::fflush(nullptr);
    pid_t parent = ::getpid();
    pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      ::dup2(::fileno(output), 1);
      int code = judge(path, recording_, attempt == kTries);
      std::fflush(nullptr);
      ::_exit(code);
    }
    children_[child] = {path, attempt, output};
  }

  int finish_one() {
    int status = 0;
    pid_t pid = ::waitpid(-1, &status, 0);
    auto found = children_.find(pid);
    if (found == children_.end()) return 0;
    Child child = found->second;
    children_.erase(found);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : kDiffers;
    std::rewind(child.output);
    char line[4096];
    while (std::fgets(line, sizeof line, child.output)) std::fputs(line, stdout);
    std::fclose(child.output);
    if (code == kLate) {
      start(child.path, child.attempt + 1);
      return 0;
    }
    fmt::print("{:<8}{}\n", code == kGood ? (recording_ ? "recorded" : "ok") : "FAILED",
               " " + child.path);
    return code == kGood ? 0 : 1;
  }

  bool recording_;
  size_t jobs_;
  std::map<pid_t, Child> children_;
};

int main_of(int argc, char** argv) {
  CLI::App app("What Linux does with the packets of a .flow script");
  bool recording = false;
  size_t jobs = 8;
  std::vector<std::string> paths;
  app.add_flag("--record", recording, "write the expectations as the kernel shows them");
  app.add_option("--jobs", jobs, "scripts at a time")->check(CLI::Range(1, 64));
  app.add_option("SCRIPT", paths, ".flow files")->required()->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (std::string missing = what_is_missing(); !missing.empty()) {
    const char* required = std::getenv("SALLYPORT_REQUIRE_KERNEL");
    bool fail = required && std::string_view(required) == "1";
    fmt::print("{}: {} scripts not judged by the kernel: {}\n", fail ? "FAILED" : "SKIPPED",
               paths.size(), missing);
    return fail ? kDiffers : kCannot;
  }
  int failed = Pool(recording, jobs).run(paths);
  fmt::print("{} of {} scripts as the kernel does\n", paths.size() - static_cast<size_t>(failed),
             paths.size());
  return failed == 0 ? kGood : kDiffers;
}

}  // namespace
}  // namespace sallyport::testing

int main(int argc, char** argv) {
  return sallyport::testing::main_of(argc, argv);
}
