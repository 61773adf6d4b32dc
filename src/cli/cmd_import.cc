// sallyport import: the rules and sets that this host has, as files for `sallyport run`; and the
// old rules taken down, on trial, once Sallyport filters in their place.
#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>
#include <map>
#include <poll.h>
#include <set>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

#include "attach/system_program.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/host_rules.h"
#include "cli/imported.h"
#include "cli/inputs.h"
#include "cli/when.h"
#include "cli/words.h"
#include "cli/written_file.h"
#include "control/guard.h"

namespace sallyport {
namespace {

struct Options {
  std::string directory = "/etc/sallyport";
  bool force = false;
  bool stand_down = false;
  std::string length = "60s";
  std::string control;

  std::string path(std::string_view name) const { return fmt::format("{}/{}", directory, name); }
};

int fail(std::string_view what) {
  std::cerr << fmt::format("sallyport: {}\n", what);
  return kExitUsage;
}

std::string_view rules_name(Family family) {
  return family == Family::kIpv4 ? "rules.v4" : "rules.v6";
}

// A table that both variants have is two filters behind each other, which no one table is: the
// first of them is taken.
struct Choice {
  std::vector<HostTable> taken, left;
};

Choice choose(const HostRules& rules) {
  Choice choice;
  for (const HostTable& table : rules.tables) {
    if (!table.has_effect()) continue;
    const bool taken_before = std::ranges::any_of(choice.taken, [&](const HostTable& one) {
      return one.family == table.family && one.name == table.name;
    });
    (taken_before ? choice.left : choice.taken).push_back(table);
  }
  return choice;
}

// What the host has, as the files' texts.
class Import {
 public:
  explicit Import(const HostRules& host)
      : host_(host), choice_(choose(host)), sets_(random_hash_key()) {}

  // The error is what could not be read.
  std::expected<void, std::string> read() {
    std::error_code error;
    if (std::filesystem::exists(kLabels, error)) {
      if (std::optional<InputFile> file = read_input(kLabels, std::cerr)) {
        labels_.emplace(file->text);
      }
    }
    const Ran saved = run_program({"ipset", "save"});
    if (saved.code > 0) return std::unexpected(fmt::format("ipset save: {}", saved.errors));
    add("sets", "element", import_sets(saved.out, sets_));
    for (Family family : kFamilies) {
      std::string text;
      for (const HostTable& table : choice_.taken) {
        if (table.family != family) continue;
        text += fmt::format("# {}\n{}", table.program("-save"), table.text());
      }
      Imported rules = import_rules(text, family, sets_, labels_ ? &*labels_ : nullptr);
      for (const HostTable& table : choice_.left) {
        if (table.family == family) leave(table, rules);
      }
      add(std::string(rules_name(family)), "rule", std::move(rules));
    }
    return {};
  }

  std::expected<void, std::string> write(const Options& options) const {
    std::error_code error;
    std::filesystem::create_directories(options.directory, error);
    if (error) {
      return std::unexpected(fmt::format("{}: {}", options.directory, error.message()));
    }
    WrittenFiles files;
    for (const File& file : files_) {
      auto written = files.write(options.path(file.name),
                                 "# Written by sallyport import.\n" + file.imported.text);
      if (!written) return written;
    }
    return files.put_in_place();
  }

  // True: all of it was taken.
  bool report(const Options& options) const {
    bool all = host_.nft.empty() && host_.failed.empty();
    for (const File& file : files_) {
      std::cout << fmt::format("{}: {}", options.path(file.name),
                               counted(file.imported.taken, file.noun));
      if (!file.imported.taken_tables.empty()) {
        std::cout << fmt::format(" of {}", fmt::join(file.imported.taken_tables, ", "));
      }
      std::cout << '\n';
      for (const Imported::Refused& refused : file.imported.refused) {
        std::cout << fmt::format("  not taken: {}\n    {}\n", refused.line, refused.why);
        all = false;
      }
    }
    for (const NftTable& table : host_.nft) {
      std::cout << fmt::format("not taken: nft's table {}\n    it is not iptables', and stays\n",
                               table.name);
    }
    for (const std::string& failed : host_.failed) {
      std::cout << fmt::format("not read: {}\n", failed);
    }
    return all;
  }

  void tell_how_to_go_on(const Options& options) const {
    std::cout << fmt::format(
        "to go on:\n  sallyport run --rules {} --rules6 {} --sets {}{} --for 60s\n",
        options.path("rules.v4"), options.path("rules.v6"), options.path("sets"),
        labels_ ? fmt::format(" --labels {}", kLabels) : "");
    std::cout << "  sallyport confirm\n  sallyport import --stand-down";
    if (options.directory != Options{}.directory) std::cout << ' ' << options.directory;
    std::cout << '\n';
  }

 private:
  struct File {
    std::string name;
    std::string_view noun;
    Imported imported;
  };

  void add(std::string name, std::string_view noun, Imported imported) {
    files_.push_back({std::move(name), noun, std::move(imported)});
  }

  static void leave(const HostTable& table, Imported& rules) {
    const std::string why =
        fmt::format("table {} is in both variants of iptables: {} stays as it is", table.name,
                    table.program(""));
    for (const std::string& line : table.lines) {
      if (is_open_policy(line)) continue;
      rules.text += fmt::format("# not taken: {}\n#   {}\n", line, why);
      rules.refused.push_back({line, why});
    }
  }

  const HostRules& host_;
  Choice choice_;
  SetStore sets_;
  std::optional<LabelNames> labels_;
  std::vector<File> files_;
};

int take_over(const Options& options) {
  for (const char* name : {"rules.v4", "rules.v6", "sets"}) {
    if (!options.force && std::filesystem::exists(options.path(name))) {
      return fail(
          fmt::format("{}: it is there already; --force writes it anew", options.path(name)));
    }
  }
  auto host = read_host_rules();
  if (!host) return fail(host.error());
  Import taken(*host);
  if (auto read = taken.read(); !read) return fail(read.error());
  if (auto written = taken.write(options); !written) return fail(written.error());
  const bool all = taken.report(options);
  taken.tell_how_to_go_on(options);
  return all ? kExitOk : kExitNo;
}

// ---- --stand-down

// The tables that the files have: what is in comments does not count.
std::vector<HostTable> tables_of_files(const Options& options) {
  std::vector<HostTable> tables;
  for (Family family : kFamilies) {
    std::optional<InputFile> file = read_input(options.path(rules_name(family)), std::cerr);
    if (!file) return {};
    for (HostTable& table : parse_saved(file->text, "", family)) tables.push_back(std::move(table));
  }
  return tables;
}

// What the host has now of the tables that were imported.
std::vector<HostTable> standing(const HostRules& host, const std::vector<HostTable>& imported) {
  std::vector<HostTable> tables = choose(host).taken;
  std::erase_if(tables, [&](const HostTable& table) {
    return std::ranges::none_of(imported, [&](const HostTable& one) {
      return one.family == table.family && one.name == table.name;
    });
  });
  return tables;
}

// Rules that Sallyport does not have: they were not taken, or have come since, or the file was
// edited.
void tell_what_ends(const std::vector<HostTable>& tables, const std::vector<HostTable>& imported) {
  for (const HostTable& table : tables) {
    std::set<std::string_view> known;
    for (const HostTable& one : imported) {
      if (one.family != table.family || one.name != table.name) continue;
      for (const std::string& line : one.lines) known.insert(without_counters(line));
    }
    for (const std::string& line : table.lines) {
      const std::string_view rule = without_counters(line);
      if (line.starts_with(':') || known.contains(rule)) continue;
      std::cout << fmt::format("not in {}, so its effect ends: {}\n", rules_name(table.family),
                               rule);
    }
  }
}

// Sallyport's own rules stay as they are now, whatever they were when the table was saved.
std::expected<void, std::string> restore(const HostTable& table, const std::string& text) {
  const Ran ran = run_program({table.program("-restore"), "-w", "-c"}, text);
  if (ran.code == 0) return {};
  return std::unexpected(fmt::format("{}: {}", table.program("-restore"), ran.errors));
}

std::vector<std::string> own_lines_now(const HostTable& table) {
  const Ran ran = run_program({table.program("-save"), "-c", "-t", table.name});
  const std::vector<HostTable> now = parse_saved(ran.out, table.variant, table.family);
  return now.empty() ? std::vector<std::string>{} : now.front().own;
}

std::expected<void, std::string> put_back(const std::vector<HostTable>& tables) {
  std::string wrong;
  for (const HostTable& table : tables) {
    auto restored = restore(table, table.text_with(own_lines_now(table)));
    if (!restored) wrong += (wrong.empty() ? "" : "; ") + restored.error();
  }
  if (!wrong.empty()) return std::unexpected(wrong);
  return {};
}

std::expected<void, std::string> save_before(const Options& options,
                                             const std::vector<HostTable>& tables) {
  std::map<std::string, std::string> texts;
  for (const HostTable& table : tables) {
    const std::string path =
        options.path(fmt::format("before{}.{}", table.variant == "-legacy" ? "-legacy" : "",
                                 table.family == Family::kIpv4 ? "v4" : "v6"));
    std::string& text = texts[path];
    if (text.empty()) text = fmt::format("# {} -c < {}\n", table.program("-restore"), path);
    text += table.text();
  }
  WrittenFiles files;
  for (const auto& [path, text] : texts) {
    if (auto written = files.write(path, text); !written) return written;
  }
  auto placed = files.put_in_place();
  if (!placed) return placed;
  for (const auto& [path, text] : texts) std::cout << fmt::format("saved: {}\n", path);
  return {};
}

// Signals that would end us come as something to read, so that the rules are put back first.
int signals_to_read() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, signal);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

// True: "yes" was typed in time. False: the time is over, or a signal has come.
bool wait_for_yes(std::chrono::seconds length, int signals) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + length;
  std::string typed;
  for (int input = STDIN_FILENO;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    std::array<pollfd, 2> waiting{{{.fd = input, .events = POLLIN, .revents = 0},
                                   {.fd = signals, .events = POLLIN, .revents = 0}}};
    if (left <= 0) return false;
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(left)) < 0) continue;
    if (waiting[1].revents) return false;
    if (!waiting[0].revents) continue;
    char one = 0;
    if (::read(input, &one, 1) != 1) {
      input = -1;  // nobody types any more
    } else if (one != '\n') {
      typed += one;
    } else if (std::exchange(typed, {}) == "yes") {
      return true;
    }
  }
}

// Takes the tables down, and waits. Whatever becomes of us, the guard puts them back in time.
int try_without(const std::vector<HostTable>& tables, std::chrono::seconds length) {
  const int signals = signals_to_read();
  auto guard = Guard::begin([&tables] { return put_back(tables); });
  if (!guard) return fail(guard.error());
  if (auto begun = guard->revert_after(length); !begun) return fail(begun.error());
  std::string wrong;
  for (const HostTable& table : tables) {
    auto down = restore(table, table.emptied());
    if (!down) wrong = down.error();
    if (!down) break;
    std::cout << fmt::format("down: {} of {}\n", table.name, table.program(""));
  }
  if (wrong.empty()) {
    std::cout << fmt::format("they are put back in {} s, unless you type yes: ", length.count());
    std::cout.flush();
    if (wait_for_yes(length, signals) && guard->confirm()) {
      std::cout << "they stay down\n";
      return kExitOk;
    }
    std::cout << '\n';
  }
  auto back = guard->revert();
  if (!wrong.empty()) fail(wrong);
  if (!back) return fail(back.error());
  std::cout << "they are back as they were\n";
  return wrong.empty() ? kExitNo : kExitUsage;
}

// Empty: there is a Sallyport that filters in the place of the old rules, and stays. Else what
// there is to do first.
std::string why_not_yet(const Options& options, const HostRules& host) {
  if (!host.has_queueing_rules()) {
    return "Sallyport does not filter here, so nothing would: sallyport run comes first";
  }
  const auto on_trial = ask_whether_on_trial(options.control);
  if (!on_trial) {
    return fmt::format("{}: {}; sallyport doctor says more", options.control, on_trial.error());
  }
  if (*on_trial) {
    return "Sallyport is on trial, and takes itself out: sallyport confirm comes first";
  }
  return {};
}

int stand_down(const Options& options) {
  const std::optional<std::chrono::seconds> length = parse_length(options.length);
  if (!length) return fail(fmt::format("--for {}: {}", options.length, kLengthForms));
  const std::vector<HostTable> imported = tables_of_files(options);
  if (imported.empty()) {
    return fail(fmt::format("{} has no rules that were imported: sallyport import comes first",
                            options.directory));
  }
  auto host = read_host_rules(WithCounters::kYes);
  if (!host) return fail(host.error());
  if (std::string why = why_not_yet(options, *host); !why.empty()) return fail(why);
  const std::vector<HostTable> tables = standing(*host, imported);
  if (tables.empty()) {
    std::cout << "there is nothing left of them to take down\n";
    return kExitOk;
  }
  if (auto saved = save_before(options, tables); !saved) return fail(saved.error());
  tell_what_ends(tables, imported);
  return try_without(tables, *length);
}

}  // namespace

void add_import(CommandLine& line) {
  Subcommand command =
      line.subcommand("import", "Take over the iptables rules and the sets of this host");
  auto options = std::make_shared<Options>();
  command.footer(R"(Examples:

  sallyport import
  sallyport run --rules /etc/sallyport/rules.v4 --rules6 /etc/sallyport/rules.v6 \
    --sets /etc/sallyport/sets --for 60s
  sallyport import --stand-down

It writes rules.v4, rules.v6 and sets into DIR, all of them or none, and changes
nothing in the kernel. Lines that Sallyport does not know are comments there.
--stand-down empties the kernel's tables that rules.v4 and rules.v6 have, and puts
them back when the time is over, unless you type yes.
Exit codes: 0; 1 not all was taken, or the rules were put back; 2 usage, or
something that cannot be read or written.)");
  command.argument("DIR", options->directory, "where the files are").takes("DIR [/etc/sallyport]");
  command.flag("--force", options->force, "write files anew that are there already");
  Subcommand::Option down = command.flag("--stand-down", options->stand_down,
                                         "take the imported rules out of the kernel, on trial");
  command.option("--for", options->length, "how long the trial is").takes("TIME [60s]").needs(down);
  add_control_option(command, options->control, "where Sallyport is asked whether it filters")
      .needs(down);
  command.does(
      [options] { return options->stand_down ? stand_down(*options) : take_over(*options); });
}

}  // namespace sallyport
