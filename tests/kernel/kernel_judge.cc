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
// differs is run again, by itself once all others are through: Linux differs where it
// does so in every try, and tries that were late are no evidence.
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

constexpr int kTries = 4;       // of those in time
constexpr int kLateTries = 12;  // a script that is late in so many cannot be judged here

enum Code : int { kGood = 0, kDiffers = 1, kLate = 3, kCannot = 77 };

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// In a process of its own. Writes its findings to stdout, a pipe to the parent.
int judge(const std::string& path, bool recording) {
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
    if (run->late) return kLate;
    std::vector<ExpectedOutcome> expectations;
    for (size_t i = 0; i < script->packets.size(); i++) {
      expectations.push_back(record(script->packets[i].expected, run->steps[i].sighting.seen));
    }
    std::ofstream(path) << rewrite(text, *script, expectations);
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
    report += fmt::format("{}:{}: expected {}; the kernel: {}\n", path, packet.line,
                          packet.expected->text(), differs);
  }
  if (report.empty()) return kGood;
  fmt::print("{}", report);
  return run->late ? kLate : kDiffers;
}

struct Tries {
  int in_time = 0, late = 0;
  bool over() const { return in_time >= kTries || late >= kLateTries; }
};

// How many scripts failed.
int judge_all(const std::vector<std::string>& paths, bool recording, size_t jobs) {
  ProcessPool pool(jobs);
  std::vector<Tries> tries(paths.size());
  std::vector<size_t> again;
  int failed = 0;
  auto start = [&](size_t i) { pool.start(i, [&, i] { return judge(paths[i], recording); }); };
  auto finish_one = [&] {
    ProcessPool::Result result = pool.finish_one();
    const std::string& path = paths[result.id];
    Tries& tried = tries[result.id];
    if (result.code == kGood) {
      fmt::print("{:<8} {}\n", recording ? "recorded" : "ok", path);
      return;
    }
    (result.code == kLate ? tried.late : tried.in_time)++;
    if (!tried.over()) return again.push_back(result.id);
    fmt::print("{}FAILED   {} ({} tries in time, {} late for a tick)\n", result.output, path,
               tried.in_time, tried.late);
    failed++;
  };
  for (size_t i = 0; i < paths.size(); i++) {
    if (pool.full()) finish_one();
    start(i);
  }
  while (!pool.empty()) finish_one();
  while (!again.empty()) {
    start(again.back());
    again.pop_back();
    finish_one();
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
