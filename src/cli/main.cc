// sallyport: what a firewall does with each packet, and why.
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "sallyport/version.h"

namespace {

constexpr std::string_view kFooter =
    "Exit codes: 0 as asked; 1 the answer is no (errors in a rule file, an expectation not met);\n"
    "2 usage; 3 uncertain, with --strict.\n";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A stateful firewall that gives Linux's verdict for every packet and says why.",
               "sallyport");
  app.set_version_flag("--version", std::string(sallyport::kVersion));
  app.require_subcommand(1);
  app.footer(std::string(kFooter));
  int exit_code = sallyport::kExitOk;
  sallyport::add_ask(app, exit_code);
  sallyport::add_check(app, exit_code);
  sallyport::add_explain(app, exit_code);
  sallyport::add_fmt(app, exit_code);
  sallyport::add_replay(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    int code = app.exit(error);
    return code == 0 ? sallyport::kExitOk : sallyport::kExitUsage;
  }
  std::cout.flush();
  return exit_code;
}
