// Help that fits a terminal of 80 columns, with each command's examples beneath its options.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace sallyport {

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
};

// "sallyport: what is wrong", and which help to read.
std::string usage_error(const CLI::App* app, const CLI::Error& error);

}  // namespace sallyport
