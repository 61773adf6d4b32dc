// sallyport fmt: a rule file as iptables-legacy-save would print it.
#include <iostream>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/rule_file.h"
#include "rules/print.h"

namespace sallyport {

void add_fmt(CommandLine& line) {
  Subcommand command = line.subcommand("fmt", "Print a rule file as iptables-legacy-save would");
  auto file = std::make_shared<RuleFile>();
  auto options = std::make_shared<PrintOptions>();
  command.footer(R"(Examples:

  sallyport fmt my.rules > tidy.rules
  iptables-save -c | sallyport fmt -c -

Exit codes: 0; 1 errors; 2 usage.)");
  file->add_to(command);
  command.flag("-c,--counters", options->counters, "with each rule's counters");
  command.does([file, options] {
    return file->parse([&](const Ruleset& rules) { std::cout << print_rules(rules, *options); });
  });
}

}  // namespace sallyport
