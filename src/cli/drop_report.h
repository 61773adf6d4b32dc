// The drops of a running firewall, told: each with the rule or the reason that did it, and its near
// misses (near_miss.h), as what the engine remembers of that time shows them.
#pragma once

#include <cstdint>
#include <string>

#include "cli/near_miss.h"
#include "control/drops.h"
#include "engine/engine.h"

namespace sallyport {

class DropReport {
 public:
  enum class Form : uint8_t { kText, kJson };  // JSON: an object a line, docs/live.md

  // Tells drops from number `first` on. Both outlive it. The engine keeps a history (near_miss.h).
  DropReport(const Drops& drops, Engine& engine, uint64_t first, Form form);

  // The next ones, as many as can be told without packets waiting for long; none if there are none.
  // False: there are more.
  bool tell(std::string& out);

 private:
  void tell_one(std::string& out);

  const Drops& drops_;
  Engine& engine_;
  uint64_t next_;   // to be told
  uint64_t known_;  // up to here, `history_` knows them
  Form form_;
  History history_;
};

}  // namespace sallyport
