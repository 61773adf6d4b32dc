// What `iptables -L` and `iptables -S` print of a table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rules/ruleset.h"

namespace sallyport {

struct ListingForm {
  bool verbose = false;  // -v: counters and interfaces
  bool numeric = false;  // -n
  bool exact = false;    // -x: counters in full
  bool numbers = false;  // --line-numbers
};

// Of one chain, or of all; of one rule of it, or of all. The chain is there; a rule that is not is
// passed over.
std::string list_table(const Table& table, Family family, const std::optional<std::string>& chain,
                       std::optional<uint32_t> number, const ListingForm& form);
std::string list_commands(const Table& table, Family family,
                          const std::optional<std::string>& chain, std::optional<uint32_t> number,
                          bool counters);

}  // namespace sallyport
