// What a walk over the rules asked and counted: the makings of a decision that a flow may
// remember (engine/decisions.h).
//
// A tracer (interpreter.h): it hears of every condition and every action, and notes the first
// instruction whose answer hangs on more than the flow. A target that does something, beside
// deciding, is such an instruction too: it wants to be asked for every packet. Rules that an index
// skips fail for all the flow's packets: what is indexed is the flow's (classifier.h).
#pragma once

#include <array>
#include <span>

#include "program/program.h"

namespace sallyport {

class Recorder {
 public:
  static constexpr bool kOn = true;
  static constexpr bool kWalks = false;
  static constexpr size_t kMostRules = 12;

  void condition(const Program& program, Pc pc, bool, const Context& context) {
    constexpr uint8_t kRemembered = depends::kFlow | depends::kState;
    if (context.hotdrop || program.code[pc].depends & ~kRemembered) note_obstacle(pc);
  }
  void action(const Program& program, Pc pc, Verdict, const Context&) {
    const Instruction& instruction = program.code[pc];
    if (instruction.op == Op::kAction) note_obstacle(pc);
    if (instruction.op != Op::kCount) return;
    if (count_ == kMostRules) return note_obstacle(pc);
    rules_[count_++] = instruction.a;
  }

  // kNoPc: the walk may be remembered.
  Pc obstacle() const { return obstacle_; }
  // That were counted, in their order.
  std::span<const uint32_t> rules() const { return std::span(rules_).first(count_); }

 private:
  void note_obstacle(Pc pc) {
    if (obstacle_ == kNoPc) obstacle_ = pc;
  }

  Pc obstacle_ = kNoPc;
  size_t count_ = 0;
  std::array<uint32_t, kMostRules> rules_;
};

}  // namespace sallyport
