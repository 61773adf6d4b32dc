// sallyport check: every error of a rule file at once, with its place and a hint.
#include <fmt/format.h>
#include <iostream>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/rule_file.h"
#include "cli/words.h"

namespace sallyport {

void add_check(CommandLine& line) {
  Subcommand command =
      line.subcommand("check", "Say whether a rule file is right, and if not where");
  auto file = std::make_shared<RuleFile>();
  command.footer(R"(Examples:

  sallyport check my.rules
  sallyport check -6 --sets my.sets my.rules6
  iptables-save | sallyport check -

Exit codes: 0 all right; 1 errors; 2 usage.)");
  file->add_to(command);
  command.does([file] {
    return file->parse([&](const Ruleset& rules) {
      size_t tables = 0, count = 0;
      for (const std::optional<Table>& table : rules.tables) {
        if (!table) continue;
        tables++;
        for (const Chain& chain : table->chains) count += chain.rules.size();
      }
      std::cout << fmt::format("{}, all right\n", counted(count, "rule"));
      if (tables == 0) std::cout << fmt::format("{}: {}\n", file->rules, kNoRulesInIt);
    });
  });
}

}  // namespace sallyport
