// sallyport: what a firewall does with each packet, and why.
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/help.h"
#include "control/personality.h"
#include "sallyport/version.h"

namespace {

constexpr const char* kFooter =
    R"(To begin with, the rules of a machine and a capture of its traffic:

  iptables-save > my.rules
  tcpdump -i eth0 -w my.pcap
  sallyport check my.rules
  sallyport replay --rules my.rules my.pcap
  sallyport explain --rules my.rules my.pcap 'udp port 1900'

Exit codes: 0 as asked; 1 the answer is no (errors in a file, an expectation not
met); 2 usage, or a file that cannot be read or written; 3 uncertain, with
--strict.)";

// A personality: by the name that we were called by, or as the first word.
std::optional<int> run_as_personality(int argc, char** argv) {
  const std::string called = std::filesystem::path(argc > 0 ? argv[0] : "").filename();
  const bool by_name = sallyport::find_personality(called) != nullptr;
  if (!by_name && (argc < 2 || !sallyport::find_personality(argv[1]))) return std::nullopt;
  return sallyport::run_personality(by_name ? called : argv[1],
                                    {argv + (by_name ? 1 : 2), argv + argc});
}

}  // namespace

int main(int argc, char** argv) {
  if (std::optional<int> done = run_as_personality(argc, argv)) return *done;
  CLI::App app("A stateful firewall that gives Linux's verdict for every packet and says why.",
               "sallyport");
  app.set_version_flag("--version", std::string(sallyport::kVersion));
  app.require_subcommand(1);
  app.footer(kFooter);
  app.formatter(std::make_shared<sallyport::HelpFormatter>());
  app.failure_message(sallyport::usage_error);
  int exit_code = sallyport::kExitOk;
  sallyport::add_ask(app, exit_code);
  sallyport::add_check(app, exit_code);
  sallyport::add_compare(app, exit_code);
  sallyport::add_control(app, exit_code);
  sallyport::add_detach(app, exit_code);
  sallyport::add_doctor(app, exit_code);
  sallyport::add_explain(app, exit_code);
  sallyport::add_fmt(app, exit_code);
  sallyport::add_import(app, exit_code);
  sallyport::add_replay(app, exit_code);
  sallyport::add_run(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? sallyport::kExitOk : sallyport::kExitUsage;
  } catch (const std::bad_alloc&) {
    std::fputs("sallyport: out of memory\n", stderr);
    return sallyport::kExitUsage;
  }
  std::cout.flush();
  // A pipe's reader that leaves early ends us with SIGPIPE, as it ends all programs.
  if (!std::cout || std::fflush(stdout) != 0) {
    std::fputs("sallyport: standard output: not all of it could be written\n", stderr);
    return sallyport::kExitUsage;
  }
  return exit_code;
}
