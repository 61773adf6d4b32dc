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
  void test_range(Field field, uint32_t low, uint32_t high, bool negate = false);
  void test_ranges(Field field, std::span<const ValueRange> ranges, bool negate = false);
  void test_address(Field first, const Address& address, const Address& mask, bool negate = false);
  void test_interface(bool out, const InterfaceTest& interface, bool negate = false);
  void need_header(uint32_t bytes);
  // State is passed to each call, which may change it unless Context::what_if.
  void test_call(MatchResult (*call)(void*, Context&), std::shared_ptr<void> state, bool negate = false);
  template <typename State>
  void test_call(MatchResult (*call)(State&, Context&), std::shared_ptr<State> state, bool negate = false);

  // Targets.
  void accept();
  void drop();
  void return_();
  void jump(std::string_view chain);
  void go_to(std::string_view chain);
  void action(Verdict (*call)(void*, Context&), std::shared_ptr<void> state);

  void needs_conntrack() { program_.needs_conntrack = true; }

  // The program, with all jumps resolved; the emitter is spent. Chains that jump
  // in a circle are the caller's error to have found.
  std::shared_ptr<const Program> finish();

 private:
  struct Chain {
    Pc entry = kNoPc;
    std::optional<Hook> hook;
    std::vector<Pc> calls;                    // instructions that wait for this chain's entry
    std::vector<std::string> callees;         // for the depth
  };
  Pc emit(Instruction instruction);
  void emit_test(Instruction instruction);
  Chain& chain(std::string_view name);
  void finish_table();
  uint32_t depth_of(const std::string& name, std::unordered_map<std::string, uint32_t>& known);

  Program program_;
  TableId table_ = TableId::kFilter;
  std::unordered_map<std::string, Chain> chains_;  // of the table at hand
  std::string chain_name_;
  uint32_t rule_ = 0;
  uint32_t label_ = 0;
  std::vector<Pc> failing_;    // tests of the rule at hand: they go to the next rule
  std::vector<Pc> returning_;  // returns of the built-in chain at hand: they go to its policy
};

}  // namespace sallyport
