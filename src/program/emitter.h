// Writing a program, rule by rule.
//
//   begin_chain("INPUT", hook)   every chain once, in any order; jumps may go forward
//     begin_rule(info)           its number, text and place
//       condition("--dport 53")  the words for the tests that follow, until the next condition
//       test(...)                all must hold
//     accept() / jump("x") …     the target; none at all: the rule only counts
//     end_rule()
//   end_chain(policy)
//   finish()
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "program/program.h"

namespace sallyport {

class Emitter {
 public:
  explicit Emitter(Family family);
  Family family() const { return program_.family; }

  // Tables and chains.
  void begin_table(TableId table);
  void begin_chain(std::string_view name, std::optional<Hook> hook);
  // A built-in chain's policy, kAccept or kDrop; a user's chain returns.
  void end_chain(Verdict policy, const RuleCounters& counters = {}, Span span = {});
  void begin_rule(RuleInfo info, const RuleCounters& counters = {});
  void end_rule();

  // Conditions. With `negate` the test must fail for the rule to match.
  void condition(std::string text);
  void test(Field field, uint32_t mask, uint32_t value, bool negate = false);
  void test_protocol(uint8_t protocol, bool negate = false);  // of -p
  void test_range(Field field, uint32_t low, uint32_t high, bool negate = false);
  void test_ranges(Field field, std::span<const ValueRange> ranges, bool negate = false);
  void test_address(Field first, const Address& address, const Address& mask, bool negate = false);
  void test_interface(bool out, const InterfaceTest& interface, bool negate = false);
  void need_header(uint32_t bytes);
  // `depends`: bits of namespace depends.
  void test_call(MatchResult (*call)(const void*, Context&), std::shared_ptr<const void> options,
                 uint8_t depends, bool negate = false, Tell tell = nullptr);
  // The index of a Memory that no other condition has.
  uint32_t new_memory() {
    program_.memory_rules.push_back(static_cast<uint32_t>(program_.rules.size()) - 1);
    return program_.memories++;
  }

  // Targets.
  void accept();
  void drop();
  void return_();
  void jump(std::string_view chain);
  void go_to(std::string_view chain);
  void action(Verdict (*call)(const void*, Context&), std::shared_ptr<const void> options);

  void needs_conntrack() { program_.needs_conntrack = true; }
  // A rule hands on so much of a packet, from its IP header on.
  void needs_bytes(uint32_t bytes) { program_.needs_bytes = std::max(program_.needs_bytes, bytes); }
  void needs_flow_extensions() { program_.needs_flow_extensions = true; }

  // The program, with all jumps resolved; the emitter is spent. That every chain jumped to exists
  // and that none jump in a circle is the caller's to have checked. Chains of as many rules are
  // indexed.
  std::shared_ptr<const Program> finish(uint32_t indexed_from = kIndexedFrom);

 private:
  struct Chain {
    Pc entry = kNoPc;
    std::vector<Pc> calls;      // instructions that wait for this chain's entry
    std::vector<Chain*> jumps;  // chains called from here that come back
    std::vector<Chain*> gotos;  // ... that do not
    uint32_t depth = 0;         // of the stack below; 0: not counted yet
  };
  Pc emit(Instruction instruction);
  void emit_test(Instruction instruction);
  void begin_target();
  void call_chain(Op op, std::string_view chain);
  void finish_table();
  static uint32_t count_depth(Chain& chain);

  Program program_;
  TableId table_ = TableId::kFilter;
  // Of the table at hand; elements stay where they are.
  std::unordered_map<std::string, Chain> chains_;
  Chain* chain_ = nullptr;  // at hand
  std::string chain_name_;
  std::optional<Hook> hook_;
  uint32_t rule_ = 0;
  uint32_t label_ = 0;
  bool targeted_ = false;    // the rule at hand has its target
  std::vector<Pc> failing_;  // tests of the rule at hand: they go to the next rule
};

}  // namespace sallyport
