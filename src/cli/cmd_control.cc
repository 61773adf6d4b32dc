// sallyport status, drops, reload, confirm: what is asked of a Sallyport that runs; sallyport link:
// its personalities under their own names.
#include <filesystem>
#include <fmt/ostream.h>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/inputs.h"
#include "control/personality.h"

namespace sallyport {
namespace {

// A flag that is handed on as it is.
struct Toggle {
  std::string name;
  std::string summary;
};

// A command without words of its own but for flags.
void add_question(CLI::App& app, int& exit_code, const std::string& name,
                  const std::string& summary, const std::vector<Toggle>& flags = {}) {
  CLI::App* command = app.add_subcommand(name, summary);
  auto control = std::make_shared<std::string>(control_socket());
  command->add_option("--control", *control, "whom to ask")
      ->option_text("SOCKET [/run/sallyport/control.sock]");
  std::vector<const CLI::Option*> given;
  for (const Toggle& flag : flags) given.push_back(command->add_flag(flag.name, flag.summary));
  command->callback([control, name, given, &exit_code] {
    std::vector<std::string> words{name};
    for (const CLI::Option* flag : given) {
      if (flag->count() > 0) words.push_back("--" + flag->get_lnames().front());
    }
    exit_code = ask_daemon(*control, words);
  });
}

void add_try(CLI::App& app, int& exit_code) {
  struct Options {
    std::string control = control_socket();
    std::string rules;
    bool ipv6 = false;
    std::string length = "30s";
  };
  CLI::App* command = app.add_subcommand(
      "try", "Run other rules for some time; those of now come back unless you confirm");
  auto options = std::make_shared<Options>();
  command->add_option("RULES", options->rules, "as iptables-save prints them; - is standard input")
      ->option_text("RULES")
      ->required();
  command->add_flag("-6", options->ipv6, "the rules are IPv6's, as ip6tables-save prints them");
  command->add_option("--for", options->length, "then those of now come back")
      ->option_text("TIME [30s]");
  command->add_option("--control", options->control, "whom to ask")
      ->option_text("SOCKET [/run/sallyport/control.sock]");
  command->callback([options, &exit_code] {
    exit_code = kExitUsage;
    std::optional<InputFile> file = read_input(options->rules, std::cerr);
    if (!file) return;
    std::vector<std::string> words{"try", "--for", options->length};
    if (options->ipv6) words.emplace_back("-6");
    exit_code = ask_daemon(options->control, words, file->text);
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
  const Toggle json{"--json", "an object a line"};
  add_question(app, exit_code, "status", "What a running Sallyport does, and has done", {json});
  add_question(
      app, exit_code, "drops",
      "The last packets that a running Sallyport dropped, why, and what nearly let them in",
      {{"--follow", "those that come from now on, until stopped"}, json});
  add_question(
      app, exit_code, "reload",
      "Read rules, sets and descriptors again: all or nothing, and no flow is lost",
      {{"--preview", "change nothing, and list the live flows that would be judged otherwise"},
       {"--revalidate", "end the live flows that are not accepted any more"}});
  add_question(app, exit_code, "confirm", "End a trial (run --for, try): what runs, stays");
  add_try(app, exit_code);
  CLI::App* command = app.add_subcommand(
      "link", "Make links, by which iptables, ipset, conntrack … are Sallyport's, in a directory");
  auto directory = std::make_shared<std::string>();
  command->add_option("DIR", *directory, "it is put before others in PATH")
      ->option_text("DIR")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->callback([directory, &exit_code] { exit_code = link(*directory); });
}

}  // namespace sallyport
