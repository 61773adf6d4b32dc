// What a capture came to: verdicts, rules, states, reasons, flows, and hints.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "attach/judged.h"
#include "cli/offload.h"
#include "cli/terminal.h"
#include "engine/engine.h"

namespace sallyport {

class Summary {
 public:
  void add(const Judged& judged);
  // Of everything added; the engine has the rules, their hits and the flows that are left.
  void print(std::ostream& out, const Style& style, Engine& engine) const;

  uint64_t packets() const { return packets_; }
  uint64_t uncertain() const { return uncertain_; }

 private:
  void print_verdicts(std::ostream& out, const Style& style, Engine& engine) const;
  void print_states(std::ostream& out, const Style& style) const;
  void print_rules(std::ostream& out, const Style& style, Engine& engine, Family family) const;
  void print_flows(std::ostream& out, const Style& style, Engine& engine) const;
  std::vector<std::string> hints() const;
  void print_hints(std::ostream& out, const Style& style) const;

  uint64_t packets_ = 0;
  uint64_t uncertain_ = 0;
  uint64_t nat_ = 0;
  std::array<uint64_t, 2> without_rules_{};  // by family
  OffloadSuspicion offload_;
  Instant first_{}, last_{};
  using Verdicts = std::array<uint64_t, 5>;
  Verdicts verdicts_{};
  std::array<std::vector<Verdicts>, 2> by_rule_;  // by family, and RuleInfo's place in its program
  std::array<uint64_t, 6> states_{};
  std::array<uint64_t, static_cast<size_t>(Reason::kCount)> reasons_{};  // of what was not accepted
  std::set<std::string> groups_not_joined_;                              // the first of them
};

}  // namespace sallyport
