// sallyport status, drops, reload, confirm: what is asked of a Sallyport that runs; sallyport link:
// its personalities under their own names.
#include <filesystem>
#include <fmt/format.h>
#include <iostream>

#include "cli/command_line.h"
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
void add_question(CommandLine& line, const std::string& name, const std::string& summary,
                  const std::vector<Toggle>& flags = {}) {
  Subcommand command = line.subcommand(name, summary);
  auto control = std::make_shared<std::string>();
  add_control_option(command, *control);
  std::vector<Subcommand::Option> given;
  given.reserve(flags.size());
  for (const Toggle& flag : flags) given.push_back(command.flag(flag.name, flag.summary));
  command.does([control, name, given] {
    std::vector<std::string> words{name};
    for (const Subcommand::Option& flag : given) {
      if (flag.given()) words.push_back("--" + flag.name());
    }
    return ask_daemon(*control, words);
  });
}

void add_try(CommandLine& line) {
  struct Options {
    std::string control;
    std::string rules;
    bool ipv6 = false;
    std::string length = "30s";
  };
  Subcommand command = line.subcommand(
      "try", "Run other rules for some time; those of now come back unless you confirm");
  auto options = std::make_shared<Options>();
  command.argument("RULES", options->rules, "as iptables-save prints them; - is standard input")
      .takes("RULES")
      .required();
  command.flag("-6", options->ipv6, "the rules are IPv6's, as ip6tables-save prints them");
  command.option("--for", options->length, "then those of now come back").takes("TIME [30s]");
  add_control_option(command, options->control);
  command.does([options] {
    std::optional<InputFile> file = read_input(options->rules, std::cerr);
    if (!file) return kExitUsage;
    std::vector<std::string> words{"try", "--for", options->length};
    if (options->ipv6) words.emplace_back("-6");
    return ask_daemon(options->control, words, file->text);
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
      std::cerr << fmt::format("sallyport: {}: {}\n", place.string(), error.message());
      return kExitUsage;
    }
  }
  return kExitOk;
}

}  // namespace

void add_control(CommandLine& line) {
  const Toggle json{"--json", "an object a line"};
  add_question(line, "status", "What a running Sallyport does, and has done", {json});
  add_question(
      line, "drops",
      "The last packets that a running Sallyport dropped, why, and what nearly let them in",
      {{"--follow", "those that come from now on, until stopped"}, json});
  add_question(
      line, "reload", "Read rules, sets and descriptors again: all or nothing, and no flow is lost",
      {{"--preview", "change nothing, and list the live flows that would be judged otherwise"},
       {"--revalidate", "end the live flows that are not accepted any more"}});
  add_question(line, "confirm", "End a trial (run --for, try): what runs, stays");
  add_try(line);
  Subcommand command = line.subcommand(
      "link", "Make links, by which iptables, ipset, conntrack … are Sallyport's, in a directory");
  auto directory = std::make_shared<std::string>();
  command.argument("DIR", *directory, "it is put before others in PATH")
      .takes("DIR")
      .required()
      .existing_directory();
  command.does([directory] { return link(*directory); });
}

}  // namespace sallyport
