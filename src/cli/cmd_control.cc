// sallyport status, drops, reload, confirm: what is asked of a Sallyport that runs; sallyport link:
// its personalities under their own names.
#include <filesystem>
#include <fmt/ostream.h>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/control_client.h"
#include "control/personality.h"

namespace sallyport {
namespace {

struct Options {
  std::string control = control_socket();
  bool flag = false;
  std::string directory;
};

// A command without words of its own but for one flag.
void add_question(CLI::App& app, int& exit_code, const std::string& name,
                  const std::string& summary, const std::string& flag,
                  const std::string& flag_summary) {
  CLI::App* command = app.add_subcommand(name, summary);
  auto options = std::make_shared<Options>();
  command->add_option("--control", options->control, "whom to ask")
      ->option_text("SOCKET [/run/sallyport/control.sock]");
  if (!flag.empty()) command->add_flag(flag, options->flag, flag_summary);
  command->callback([options, name, flag, &exit_code] {
    std::vector<std::string> words{name};
    if (options->flag) words.push_back(flag);
    exit_code = ask_daemon(options->control, words);
  });
}

int link(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const Personality& personality : personalities()) {
    const std::filesystem::path place = std::filesystem::path(directory) / personality.name;
    if (!error && std::filesystem::is_symlink(place) &&
        std::filesystem::read_symlink(place, error) == program) {
      continue;
    }
    if (!error) std::filesystem::create_symlink(program, place, error);
    if (error) {
      fmt::print(std::cerr, "sallyport: {}: {}\n", place.string(), error.message());
      return kExitUsage;
    }
  }
  return kExitOk;
}

}  // namespace

void add_control(CLI::App& app, int& exit_code) {
  add_question(app, exit_code, "status", "What a running Sallyport does, and has done", "--json",
               "an object in one line");
  add_question(app, exit_code, "drops",
               "The last packets that a running Sallyport dropped, and why", "--follow",
               "those that come from now on, until stopped");
  add_question(app, exit_code, "reload",
               "Read rules and sets again: all or nothing, and no flow is lost", "", "");
  add_question(app, exit_code, "confirm", "End a trial (run --for): what runs, stays", "", "");
  CLI::App* command = app.add_subcommand(
      "link", "Make links, by which iptables, ipset, conntrack … are Sallyport's, in a directory");
  auto options = std::make_shared<Options>();
  command->add_option("DIR", options->directory, "it is put before others in PATH")
      ->option_text("DIR")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->callback([options, &exit_code] { exit_code = link(options->directory); });
}

}  // namespace sallyport
