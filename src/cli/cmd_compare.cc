// sallyport compare: one capture under several policies, and what else each of them admits.
#include <iostream>

#include "cli/command_line.h"
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

void add_compare(CommandLine& line) {
  Subcommand command = line.subcommand(
      "compare", "Run a capture under several policies, and measure what else each would admit");
  command.footer(R"(Examples:

  sallyport compare policies.toml my.pcap
  sallyport compare --markdown policies.toml my.pcap > table.md

docs/compare.md describes the policies file; share/demo/policies.toml is one.
Exit codes: 0; 1 an error in a file; 2 usage.)");
  auto options = std::make_shared<Options>();
  Subcommand::Option markdown =
      command.flag("--markdown", options->markdown, "the table for a Markdown document");
  command.flag("--json", options->json, "one JSON object").excludes(markdown);
  command.argument("POLICIES", options->policies, "policies, as docs/compare.md describes them")
      .takes("FILE")
      .required();
  command.argument("CAPTURE", options->capture, "a pcap or pcapng file; - is standard input")
      .takes("FILE")
      .required();
  command.does([options] { return compare(*options); });
}

}  // namespace sallyport
