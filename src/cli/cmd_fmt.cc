// sallyport fmt: a rule file as iptables-legacy-save would print it.
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/rule_file.h"
#include "rules/print.h"

namespace sallyport {

void add_fmt(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("fmt", "Print a rule file as iptables-legacy-save would");
  auto file = std::make_shared<RuleFile>();
  auto options = std::make_shared<PrintOptions>();
  command->footer(R"(Examples:

  sallyport fmt my.rules > tidy.rules
  iptables-save -c | sallyport fmt -c -

Exit codes: 0; 1 errors; 2 usage.)");
  file->add_to(*command);
  command->add_flag("-c,--counters", options->counters, "with each rule's counters");
  command->callback([file, options, &exit_code] {
    exit_code =
        file->parse([&](const Ruleset& rules) { std::cout << print_rules(rules, *options); });
  });
}

}  // namespace sallyport
