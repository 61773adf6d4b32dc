// A rule file and the sets that it names: what `check` and `fmt` read.
#pragma once

#include <functional>
#include <string>

#include "rules/ruleset.h"

namespace sallyport {

class Subcommand;

struct RuleFile {
  bool ipv6 = false;
  std::string sets;
  std::string labels;
  std::string rules;

  void add_to(Subcommand& command);
  // Reads it all; calls `use` if everything is right, else prints every error to standard error.
  // The exit code.
  int parse(const std::function<void(const Ruleset&)>& use) const;
};

}  // namespace sallyport
