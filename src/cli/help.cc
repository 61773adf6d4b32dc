#include "cli/help.h"

#include <fmt/format.h>

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

}  // namespace

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const {
  std::string usage = CLI::Formatter::make_usage(app, std::move(name));
  return '\n' + usage.substr(0, usage.find_last_not_of('\n') + 1) + "\n";
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string name = make_option_name(option, is_positional);
  if (!is_positional && !option->get_option_text().empty()) name += ' ' + option->get_option_text();
  return entry(name, option->get_description());
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  return entry(command->get_name(), command->get_description());
}

std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  std::string name = app->get_name();
  for (const CLI::App* command : app->get_subcommands()) name += ' ' + command->get_name();
  return fmt::format("sallyport: {}\nsee {} --help\n", error.what(), name);
}

}  // namespace sallyport
