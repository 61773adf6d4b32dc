// sallyport compare: one capture under several policies, and what else each of them admits.
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/comparison.h"

namespace sallyport {
namespace {

struct Options {
  std::string policies;
  std::string capture;
  bool markdown = false;
  bool json = false;
};

int compare(const Options& options) {
  std::optional<InputFile> file = read_input(options.policies, std::cerr);
  if (!file) return kExitUsage;
  Diagnostics diagnostics;
  std::optional<PolicyFile> policies = parse_policy_file(*file, diagnostics);
  if (!policies) {
    std::cerr << diagnostics.render(file->name, file->text);
    return kExitNo;
  }
  std::optional<CaptureFile> capture = CaptureFile::open(options.capture, std::cerr);
  if (!capture) return kExitUsage;
  std::optional<Comparison> comparison = compare(*file, std::move(*policies), *capture, std::cerr);
  if (!comparison) return kExitNo;
  if (options.json) {
    std::cout << comparison_json(*comparison) << '\n';
  } else if (options.markdown) {
    print_markdown(std::cout, *comparison);
  } else {
    print_text(std::cout, stdout_style(), *comparison);
  }
  return kExitOk;
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "compare", "Run a capture under several policies, and measure what else each would admit");
  command->footer(R"(Examples:

  sallyport compare policies.toml my.pcap
  sallyport compare --markdown policies.toml my.pcap > table.md

docs/compare.md describes the policies file; share/demo/policies.toml is one.
Exit codes: 0; 1 an error in a file; 2 usage.)");
  auto options = std::make_shared<Options>();
  CLI::Option* markdown =
      command->add_flag("--markdown", options->markdown, "the table for a Markdown document");
  command->add_flag("--json", options->json, "one JSON object")->excludes(markdown);
  command->add_option("POLICIES", options->policies, "policies, as docs/compare.md describes them")
      ->option_text("FILE")
      ->required();
  command->add_option("CAPTURE", options->capture, "a pcap or pcapng file; - is standard input")
      ->option_text("FILE")
      ->required();
  command->callback([options, &exit_code] { exit_code = compare(*options); });
}

}  // namespace sallyport
