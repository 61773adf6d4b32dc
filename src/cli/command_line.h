// The command line: subcommands, and the flags, options and arguments of each, which are bound to
// the variables that they set.
//
//   Subcommand command = line.subcommand("shout", "Print a text, loudly");
//   command.option("--colour", options->colour, "of what colour")
//       .takes("red|green [red]")
//       .one_of({"red", "green"});
//   command.argument("TEXT", options->text, "what to print").required();
//   command.does([options] { return shout(*options); });
//
// CLI11 parses it, and gives everything here its meaning. It is ten thousand lines of templates in
// a header, six seconds for each file that includes it: so one file does, command_line.cc, and
// here is what our subcommands need of it.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace sallyport {

// A handle, cheap to copy, as are its options; good as long as the CommandLine.
class Subcommand {
 public:
  class Option;

  // Names are as in "-c,--counters". A flag that sets nothing is asked whether it was given().
  Option flag(std::string_view names, std::string_view help);
  Option flag(std::string_view names, bool& value, std::string_view help);
  // --name, for which the value is kAlone, or --name=VALUE.
  static constexpr std::string_view kAlone = "true";
  Option flag(std::string_view names, std::string& value, std::string_view help);
  // --name VALUE or --name=VALUE; where there are `values`, given as often as there are any.
  Option option(std::string_view names, std::string& value, std::string_view help);
  Option option(std::string_view names, uint16_t& value, std::string_view help);
  Option option(std::string_view names, std::vector<std::string>& values, std::string_view help);
  // What has a place instead of a name; `values` are all that are left.
  Option argument(std::string_view name, std::string& value, std::string_view help);
  Option argument(std::string_view name, std::vector<std::string>& values, std::string_view help);

  // The end of its help.
  void footer(std::string_view text);
  // What is done when it is chosen and the line is right; `action` returns the exit code.
  void does(std::function<int()> action);

  // All that have a long name, but for --help.
  std::vector<Option> options() const;

 private:
  friend class CommandLine;
  Subcommand(CLI::App& app, int& exit_code) : app_(&app), exit_code_(&exit_code) {}

  CLI::App* app_;
  int* exit_code_;
};

// A flag, an option or an argument.
class Subcommand::Option {
 public:
  // What the help says that it takes.
  Option takes(std::string_view text);
  Option required();
  Option needs(Option other);
  Option excludes(Option other);
  // Of its values several may be given as one: A,B,C.
  Option comma_separated();

  Option one_of(std::initializer_list<std::string> values);
  Option within(int least, int most);
  Option existing_directory();
  // `complaint` returns what is wrong with a value, or nothing.
  Option checked_by(std::function<std::string(const std::string&)> complaint);

  // The first long name, without its dashes.
  std::string name() const;
  std::string taken() const;  // what takes() was told

  // When the line has been parsed:
  bool given() const;
  // Sets its variable as the command line would have; else why the values are wrong.
  std::expected<void, std::string> give(std::vector<std::string> values);

 private:
  friend class Subcommand;
  explicit Option(CLI::Option* option) : option_(option) {}

  CLI::Option* option_;
};

class CommandLine {
 public:
  CommandLine(std::string_view program, std::string_view summary, std::string_view version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Subcommand subcommand(std::string_view name, std::string_view summary);
  // The end of the help, and of that of subcommands which come later and have none of their own.
  void footer(std::string_view text);

  // Does what the line says, or prints help, or what is wrong with it. The exit code.
  int run(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  int exit_code_;
};

}  // namespace sallyport
