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
// A machine that is busy may be late for a tick, or read a timer a tick late. What
// differs is run again: Linux differs where it does so in every try.
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>

#include <CLI/CLI.hpp>

#include "kernel/complaint.h"
#include "kernel/kernel_run.h"
#include "kernel/process_pool.h"
#include "kernel/recording.h"

namespace sallyport::testing {
namespace {

constexpr int kTries = 4;

enum Code : int { kGood = 0, kDiffers = 1, kCannot = 77, kAgain = 3 };

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
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
  std::expected<KernelRun, std::string> run = run_on_kernel(*script, Pace::kTicks);
  if (!run) {
    fmt::print("{}: {}\n", path, run.error());
    return kDiffers;
  }
  if (recording) {
    if (run->late && !last_try) return kAgain;
    std::vector<ExpectedOutcome> expectations;
    for (size_t i = 0; i < script->packets.size(); i++) {
      expectations.push_back(record(script->packets[i].expected, run->steps[i].sighting.seen));
    }
    std::ofstream(path) << rewrite(text, *script, expectations);
    if (run->late) fmt::print("{}: recorded, but late for a tick: look at it\n", path);
    return kGood;
  }
  std::string report;
  for (size_t i = 0; i < script->packets.size(); i++) {
    const ScriptPacket& packet = script->packets[i];
    if (!packet.expected) continue;
    const Sighting& sighting = run->steps[i].sighting;
    std::string differs = compare(*packet.expected, sighting.seen);
    std::optional<Reason> reason = packet.expected->reason;
    if (reason && is_told(*reason) && !may_mean(sighting.complaint, *reason)) {
      differs += fmt::format("{}reason: {}", differs.empty() ? "" : ", ",
                             sighting.complaint.empty() ? "no word" : sighting.complaint);
    }
    if (differs.empty()) continue;
    fmt::format_to(std::back_inserter(report), "{}:{}: expected {}; the kernel: {}\n", path,
                   packet.line, packet.expected->text(), differs);
  }
  if (report.empty()) return kGood;
  if (!last_try) return kAgain;
  fmt::print("{}{}", report, run->late ? "(late for a tick in all tries)\n" : "");
  return kDiffers;
}

// How many scripts failed.
int judge_all(const std::vector<std::string>& paths, bool recording, size_t jobs) {
  ProcessPool pool(jobs);
  std::vector<int> attempts(paths.size(), 0);
  auto start = [&](size_t i) {
    bool last_try = ++attempts[i] == kTries;
    pool.start(i, [&, i] { return judge(paths[i], recording, last_try); });
  };
  int failed = 0;
  for (size_t next = 0; next < paths.size() || !pool.empty();) {
    while (next < paths.size() && !pool.full()) start(next++);
    ProcessPool::Result result = pool.finish_one();
    fmt::print("{}", result.output);
    if (result.code == kAgain) {
      start(result.id);
      continue;
    }
    bool good = result.code == kGood;
    fmt::print("{:<8} {}\n", !good ? "FAILED" : recording ? "recorded" : "ok", paths[result.id]);
    if (!good) failed++;
  }
  return failed;
}

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
  int failed = judge_all(paths, recording, jobs);
  fmt::print("{} of {} scripts as the kernel does\n", paths.size() - static_cast<size_t>(failed),
             paths.size());
  return failed == 0 ? kGood : kDiffers;
}

}  // namespace
}  // namespace sallyport::testing

int main(int argc, char** argv) {
  return sallyport::testing::main_of(argc, argv);
}
