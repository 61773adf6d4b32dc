#include "cli/command_line.h"

#include <fmt/format.h>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/terminal.h"

namespace sallyport {
namespace {

constexpr size_t kColumn = 26;  // where descriptions begin

// A name, and beside it a text that is wrapped at blanks.
std::string entry(const std::string& name, std::string_view text) {
  std::string out = "  " + name;
  size_t column = out.size();
  if (column + 2 > kColumn) {
    out += '\n';
    column = 0;
  }
  out.append(kColumn - column, ' ');
  return out + wrapped(text, kColumn, kColumn) + '\n';
}

// Help that fits a terminal of 80 columns, with each command's examples beneath its options.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    return '\n' + usage.substr(0, usage.find_last_not_of('\n') + 1) + "\n";
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string name = make_option_name(option, is_positional);
    if (!is_positional && !option->get_option_text().empty())
      name += ' ' + option->get_option_text();
    return entry(name, option->get_description());
  }

  std::string make_subcommand(const CLI::App* command) const override {
    return entry(command->get_name(), command->get_description());
  }
};

// "sallyport: what is wrong", and which help to read.
std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  std::string name = app->get_name();
  for (const CLI::App* command : app->get_subcommands()) name += ' ' + command->get_name();
  return fmt::format("{}: {}\nsee {} --help\n", app->get_name(), error.what(), name);
}

}  // namespace

using Option = Subcommand::Option;

Option Subcommand::flag(std::string_view names, std::string_view help) {
  const std::string description(help);  // const: else CLI11 takes it for a variable to set
  return Option(app_->add_flag(std::string(names), description));
}

Option Subcommand::flag(std::string_view names, bool& value, std::string_view help) {
  return Option(app_->add_flag(std::string(names), value, std::string(help)));
}

Option Subcommand::flag(std::string_view names, std::string& value, std::string_view help) {
  return Option(app_->add_flag(std::string(names), value, std::string(help)));
}

Option Subcommand::option(std::string_view names, std::string& value, std::string_view help) {
  return Option(app_->add_option(std::string(names), value, std::string(help)));
}

Option Subcommand::option(std::string_view names, uint16_t& value, std::string_view help) {
  return Option(app_->add_option(std::string(names), value, std::string(help)));
}

Option Subcommand::option(std::string_view names, std::vector<std::string>& values,
                          std::string_view help) {
  CLI::Option* option = app_->add_option(std::string(names), values, std::string(help));
  return Option(option->allow_extra_args(false));  // else what follows would be values, too
}

Option Subcommand::argument(std::string_view name, std::string& value, std::string_view help) {
  return Option(app_->add_option(std::string(name), value, std::string(help)));
}

Option Subcommand::argument(std::string_view name, std::vector<std::string>& values,
                            std::string_view help) {
  return Option(app_->add_option(std::string(name), values, std::string(help)));
}

void Subcommand::footer(std::string_view text) {
  app_->footer(std::string(text));
}

void Subcommand::does(std::function<int()> action) {
  app_->callback([action = std::move(action), exit_code = exit_code_] { *exit_code = action(); });
}

std::vector<Option> Subcommand::options() const {
  std::vector<Option> all;
  for (CLI::Option* option : app_->get_options()) {
    if (!option->get_lnames().empty() && option != app_->get_help_ptr())
      all.push_back(Option(option));
  }
  return all;
}

Option Option::takes(std::string_view text) {
  return Option(option_->option_text(std::string(text)));
}

Option Option::required() {
  return Option(option_->required());
}

Option Option::needs(Option other) {
  return Option(option_->needs(other.option_));
}

Option Option::excludes(Option other) {
  return Option(option_->excludes(other.option_));
}

Option Option::comma_separated() {
  return Option(option_->delimiter(','));
}

Option Option::one_of(std::initializer_list<std::string> values) {
  return Option(option_->check(CLI::IsMember(values)));
}

Option Option::within(int least, int most) {
  return Option(option_->check(CLI::Range(least, most)));
}

Option Option::existing_directory() {
  return Option(option_->check(CLI::ExistingDirectory));
}

Option Option::checked_by(std::function<std::string(const std::string&)> complaint) {
  return Option(option_->check(std::move(complaint)));
}

std::string Option::name() const {
  return option_->get_lnames().front();
}

std::string Option::taken() const {
  return option_->get_option_text();
}

bool Option::given() const {
  return option_->count() > 0;
}

std::expected<void, std::string> Option::give(std::vector<std::string> values) {
  try {
    option_->add_result(std::move(values));
    option_->run_callback();
  } catch (const CLI::ParseError& error) {
    return std::unexpected(error.what());
  }
  return {};
}

CommandLine::CommandLine(std::string_view program, std::string_view summary,
                         std::string_view version)
    : app_(std::make_unique<CLI::App>(std::string(summary), std::string(program))),
      exit_code_(kExitOk) {
  app_->set_version_flag("--version", std::string(version));
  app_->require_subcommand(1);
  app_->formatter(std::make_shared<HelpFormatter>());
  app_->failure_message(usage_error);
}

CommandLine::~CommandLine() = default;

Subcommand CommandLine::subcommand(std::string_view name, std::string_view summary) {
  return {*app_->add_subcommand(std::string(name), std::string(summary)), exit_code_};
}

void CommandLine::footer(std::string_view text) {
  app_->footer(std::string(text));
}

int CommandLine::run(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return exit_code_;
}

}  // namespace sallyport
