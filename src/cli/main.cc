// sallyport: what a firewall does with each packet, and why.
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <string>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/control_client.h"
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
  sallyport::CommandLine line(
      "sallyport", "A stateful firewall that gives Linux's verdict for every packet and says why.",
      sallyport::kVersion);
  line.footer(kFooter);
  sallyport::add_ask(line);
  sallyport::add_check(line);
  sallyport::add_compare(line);
  sallyport::add_control(line);
  sallyport::add_detach(line);
  sallyport::add_doctor(line);
  sallyport::add_explain(line);
  sallyport::add_fmt(line);
  sallyport::add_import(line);
  sallyport::add_replay(line);
  sallyport::add_run(line);
  sallyport::add_top(line);
  int exit_code = sallyport::kExitOk;
  try {
    exit_code = line.run(argc, argv);
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
