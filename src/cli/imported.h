// What Sallyport takes of rules and sets that were another's: all lines that its own readers take,
// and the others as comments, each with its reason, so that nothing is lost unseen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/label_names.h"
#include "rules/ruleset.h"
#include "sets/set_store.h"

namespace sallyport {

struct Imported {
  struct Refused {
    std::string line;
    std::string why;
  };

  std::string text;              // for --rules or --sets
  std::vector<Refused> refused;  // in the order of their lines
  std::vector<std::string> taken_tables;
  size_t taken = 0;  // rules, or elements
};

// `text` is of iptables-save. The nat table is refused as a whole: it works in the kernel, and
// stays there.
Imported import_rules(std::string_view text, Family family, const SetStore& sets,
                      const LabelNames* labels);

// `text` is of ipset save; `sets` gets what was taken.
Imported import_sets(std::string_view text, SetStore& sets);

}  // namespace sallyport
