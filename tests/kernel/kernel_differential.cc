// kernel_differential: random traffic before the kernel and the engine, side by side.
//
//   kernel_differential [--seed N] [--count N | --packets N | --for SECONDS] [--keep DIR]
//                       [--soak] [--json FILE] [--jobs N] [SCRIPT...]
//
// Scripts come from a generator, one a seed, or are files whose expectations are passed over. Each
// runs on the kernel as fast as the kernel takes packets, in a namespace of its own; the ticks at
// which it took them are measured, and the engine is given the same packets at these very ticks.
// So nothing has to be synchronised, and no packet is too near a deadline to be compared: only one
// during which a tick passed is a tick out, and a script that differs is run again.
//
// A script that says that it `differs` is passed over.
//
// Of differences of one kind the first is shrunk (shrink.h) and shown, ready to be kept as a test;
// the others are counted. Exit codes: 0 no difference, 1 some, 2 usage, 77 the machine cannot tell
// (no root ...); SALLYPORT_REQUIRE_KERNEL=1 makes that 1.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <sstream>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "kernel/process_pool.h"
#include "kernel/random_script.h"
#include "kernel/shrink.h"
#include "kernel/trial.h"

namespace sallyport::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNo = 1, kUsage = 2, kCannot = 77;

constexpr uint64_t kRound = 500;  // scripts between two reports of --soak

struct File {
  std::string name, text;
};

struct Options {
  std::vector<File> files;  // instead of random scripts
  uint64_t seed = std::random_device{}();
  uint64_t count = 100;  // scripts
  uint64_t packets = 0;  // 0: as many as the scripts have
  double seconds = 0;    // 0: as long as it takes
  bool soak = false;
  std::string keep, json;
  size_t jobs = 48;
  size_t shrink = 8;        // kinds of differences
  int shrink_seconds = 60;  // for each
};

// The script without what is expected of its packets; nothing, and said, if it is known to differ.
std::optional<std::string> read_script(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(content.str(), diagnostics);
  if (!script) return content.str();  // whoever runs it says what is wrong
  if (!script->differs.empty()) {
    fmt::print("{}: passed over: {}\n", path, script->differs);
    return std::nullopt;
  }
  std::istringstream lines(content.str());
  std::string text;
  auto packet = script->packets.begin();
  uint32_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    if (packet != script->packets.end() && packet->line == ++number) {
      line.resize(std::min<size_t>(line.size(), packet->end_column - 1));
      ++packet;
    }
    text += line + '\n';
  }
  return text;
}

class Differential {
 public:
  explicit Differential(Options options) : options_(std::move(options)), pool_(options_.jobs) {}

  int run() {
    if (options_.files.empty()) fmt::print("seeds from {} on\n", options_.seed);
    do {
      pass_scripts();
      shrink_new();
      if (!options_.json.empty()) write_json();
      fmt::print("{}\n", summary());
      std::fflush(stdout);
      options_.count += kRound;
    } while (options_.soak);
    return divergences_.empty() && errors_ == 0 ? 0 : kNo;
  }

 private:
  struct Found {
    uint64_t number = 0;
    Difference difference;
  };

  void pass_scripts() {
    Clock::time_point start = Clock::now();
    double before = seconds_;
    while (more() || !pool_.empty()) {
      while (more() && !pool_.full()) {
        uint64_t number = next_++;
        pool_.start(number, [this, number] {
          fmt::print("{}", to_text(try_script(script(number))));
          return 0;
        });
      }
      if (!pool_.empty()) take(pool_.finish_one());
      seconds_ = before + std::chrono::duration<double>(Clock::now() - start).count();
    }
    say_progress("");
  }

  bool more() const {
    if (options_.packets > 0 && packets_ >= options_.packets) return false;
    if (options_.seconds > 0 && seconds_ > options_.seconds) return false;
    if (!options_.files.empty()) return next_ < options_.files.size();
    return options_.packets > 0 || options_.seconds > 0 || next_ < options_.count;
  }

  std::string script(uint64_t number) const {
    return options_.files.empty() ? random_script(options_.seed + number)
                                  : options_.files[number].text;
  }
  std::string name(uint64_t number) const {
    return options_.files.empty() ? fmt::format("seed {}", options_.seed + number)
                                  : options_.files[number].name;
  }

  void take(const ProcessPool::Result& result) {
    scripts_++;
    Trial trial;
    if (result.code == 0) {
      trial = trial_from(result.output);
    } else {
      trial.differences.push_back(
          {Aspect::kCrash, 0, "", "-", fmt::format("exit code {}", result.code)});
    }
    packets_ += trial.packets;
    unsent_ += trial.unsent;
    if (!trial.unsteady.empty()) {
      unsteady_++;
      say_progress("");
      const Difference& first = trial.unsteady.front();
      fmt::print("{}:{}: differed, but not each time: {}: the kernel: {}; the engine: {}\n",
                 name(result.id), first.line, aspect_name(first.aspect), first.kernel,
                 first.engine);
    }
    coverage_.add(trial.coverage);
    if (!trial.error.empty()) {
      errors_++;
      fmt::print("{}: {}\n", name(result.id), trial.error);
    }
    if (!trial.differences.empty()) {
      // Later differences of a script follow from the first, as often as not.
      const Difference& first = trial.differences.front();
      divergences_[std::string(aspect_name(first.aspect))]++;
      if (kinds_.insert(first.kind()).second) found_.push_back({result.id, first});
    }
    say_progress(fmt::format("{} packets, {} scripts, {:.0f} packets/s, {} differ", packets_,
                             scripts_, static_cast<double>(packets_) / seconds_,
                             divergent_scripts()));
  }

  uint64_t divergent_scripts() const {
    uint64_t sum = 0;
    for (const auto& [kind, count] : divergences_) sum += count;
    return sum;
  }

  static void say_progress(const std::string& line) {
    if (::isatty(2)) fmt::print(stderr, "\r\033[K{}", line);
  }

  void shrink_new() {
    for (; shown_ < found_.size(); shown_++) {
      const Found& found = found_[shown_];
      if (options_.soak || shown_ < options_.shrink) {
        say_progress(fmt::format("shrinking {} of {}", shown_ + 1, found_.size()));
        shrink(found);
      } else {
        fmt::print("{}:{}: {}: the kernel: {}; the engine: {}\n", name(found.number),
                   found.difference.line, aspect_name(found.difference.aspect),
                   found.difference.kernel, found.difference.engine);
      }
    }
  }

  void shrink(const Found& found) {
    std::string kind = found.difference.kind();
    bool crash = found.difference.aspect == Aspect::kCrash;
    auto differs = [&](const std::vector<std::string>& texts) {
      std::vector<bool> held(texts.size());
      ProcessPool pool(texts.size());
      for (size_t i = 0; i < texts.size(); i++) {
        pool.start(i, [&, i] { return still_differs(texts[i], kind) ? 1 : 0; });
      }
      while (!pool.empty()) {
        ProcessPool::Result result = pool.finish_one();
        held[result.id] = crash ? result.code > 1 : result.code == 1;
      }
      return held;
    };
    // A script that only one side takes is the difference itself, and one that crashes may well
    // do so when it is loaded.
    bool any = crash || found.difference.aspect == Aspect::kRefused;
    Shrinker shrinker([any](const std::string& text) { return any || loads(text); }, differs);
    std::string text =
        shrinker.shrink(script(found.number), std::chrono::seconds(options_.shrink_seconds));
    show(found, text);
  }

  void show(const Found& found, const std::string& text) {
    std::string origin = name(found.number);
    std::string shown = text;
    if (found.difference.aspect != Aspect::kCrash) {
      ProcessPool pool(1);
      pool.start(0, [&] {
        fmt::print("{}", present(text, found.difference, origin));
        return 0;
      });
      ProcessPool::Result result = pool.finish_one();
      if (result.code == 0) shown = result.output;
    }
    say_progress("");
    fmt::print("{}: {}: the kernel: {}; the engine: {}; shrunk:\n{}\n", origin,
               aspect_name(found.difference.aspect), found.difference.kernel,
               found.difference.engine, shown);
    if (options_.keep.empty()) return;
    std::string file = fmt::format("{} {}", std::filesystem::path(origin).stem().string(),
                                   found.difference.kind());
    std::ranges::replace_if(
        file, [](char c) { return !std::isalnum(c, std::locale::classic()); }, '-');
    file.resize(std::min<size_t>(file.size(), 80));
    std::filesystem::create_directories(options_.keep);
    std::ofstream(std::filesystem::path(options_.keep) / (file + ".flow")) << shown;
  }

  std::string summary() const {
    std::string kinds;
    for (const auto& [kind, count] : divergences_) {
      kinds += fmt::format("{} {} {}", kinds.empty() ? ":" : ",", kind, count);
    }
    std::string seeds =
        options_.files.empty() && scripts_ > 0
            ? fmt::format(", seeds {} to {}", options_.seed, options_.seed + scripts_ - 1)
            : "";
    return fmt::format("{} packets in {} scripts{}, {:.0f} packets/s: {} scripts differ{}{}{}",
                       packets_, scripts_, seeds, static_cast<double>(packets_) / seconds_,
                       divergent_scripts(), kinds,
                       unsteady_ > 0 ? fmt::format("; {} only once", unsteady_) : "",
                       errors_ > 0 ? fmt::format("; {} that neither takes", errors_) : "");
  }

  void write_json() const {
    nlohmann::ordered_json json;
    json["packets"] = packets_;
    json["packets_unsent"] = unsent_;
    json["scripts"] = scripts_;
    if (options_.files.empty()) json["seeds"] = {{"first", options_.seed}, {"count", scripts_}};
    json["seconds"] = seconds_;
    json["packets_per_second"] = static_cast<double>(packets_) / seconds_;
    json["differing_scripts"] = divergent_scripts();
    json["divergences"] = divergences_;
    json["differing_once"] = unsteady_;
    for (const auto& [group, features] : coverage_.groups) {
      for (const auto& [feature, count] : features) {
        json["compared"][group][feature] = {{"packets", count.packets}, {"scripts", count.scripts}};
      }
    }
    std::ofstream(options_.json) << json.dump(2) << '\n';
  }

  Options options_;
  ProcessPool pool_;
  double seconds_ = 0;  // that scripts took
  uint64_t next_ = 0, scripts_ = 0, packets_ = 0, unsent_ = 0, unsteady_ = 0, errors_ = 0;
  Coverage coverage_;
  std::map<std::string, uint64_t> divergences_;  // scripts, by their first difference's aspect
  std::set<std::string> kinds_;
  std::vector<Found> found_;
  size_t shown_ = 0;  // of them
};

int main_of(int argc, char** argv) {
  CLI::App app("Random traffic before the kernel and the engine, side by side");
  Options options;
  std::vector<std::string> paths;
  app.add_option("--seed", options.seed, "the first seed; without it, a random one");
  app.add_option("--count", options.count, "scripts, one a seed");
  app.add_option("--packets", options.packets, "stop after so many packets");
  app.add_option("--for", options.seconds, "stop after so many seconds");
  app.add_flag("--soak", options.soak, "go on until stopped, with a report every 500 scripts");
  app.add_option("--jobs", options.jobs, "scripts at a time")->check(CLI::Range(1, 256));
  app.add_option("--keep", options.keep, "write scripts that differ, shrunk, to this directory");
  app.add_option("--json", options.json, "write what was compared to this file");
  app.add_option("--shrink", options.shrink, "kinds of differences to show shrunk");
  app.add_option("--shrink-seconds", options.shrink_seconds, "for each of them at most");
  app.add_option("SCRIPT", paths, "instead of random scripts")->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (std::string missing = what_is_missing(); !missing.empty()) {
    const char* required = std::getenv("SALLYPORT_REQUIRE_KERNEL");
    bool fail = required && std::string_view(required) == "1";
    fmt::print("{}: random traffic is not judged by the kernel: {}\n", fail ? "FAILED" : "SKIPPED",
               missing);
    return fail ? kNo : kCannot;
  }
  for (const std::string& path : paths) {
    if (std::optional<std::string> text = read_script(path)) options.files.push_back({path, *text});
  }
  if (options.files.empty() && !paths.empty()) return 0;
  return Differential(std::move(options)).run();
}

}  // namespace
}  // namespace sallyport::testing

int main(int argc, char** argv) {
  return sallyport::testing::main_of(argc, argv);
}
