// Running a program over a packet.
//
// One loop, instantiated as it is for the packet path, with a recorder for what a flow may
// remember, and with a trace for `explain`, which is told of every condition and every rule. All
// are the same code, so an explanation cannot differ from the verdict.
#pragma once

#include <span>

#include "program/program.h"
#include "program/recorder.h"

namespace sallyport {

// What `explain` hears. The default does nothing and costs nothing.
struct NoTrace {
  static constexpr bool kOn = false;
  static constexpr bool kWalks = false;  // over every rule of a chain, indexed or not
};

class Trace {
 public:
  static constexpr bool kOn = true;
  static constexpr bool kWalks = true;
  virtual ~Trace() = default;
  virtual void condition(const Program& program, Pc pc, bool held, const Context& context) = 0;
  virtual void action(const Program& program, Pc pc, Verdict verdict, const Context& context) = 0;
};

// A verdict of the chain at `entry`: kAccept or kDrop (kQueue, should a target say so); never
// kContinue. `context.rule` is the rule or policy that decided. `counters` is by rule, and `stack`
// has room for program.depth.
template <typename Tracer>
Verdict run(const Program& program, Pc entry, Context& context, std::span<RuleCounters> counters,
            std::span<Pc> stack, Tracer& tracer);

extern template Verdict run(const Program&, Pc, Context&, std::span<RuleCounters>, std::span<Pc>,
                            NoTrace&);
extern template Verdict run(const Program&, Pc, Context&, std::span<RuleCounters>, std::span<Pc>,
                            Recorder&);
extern template Verdict run(const Program&, Pc, Context&, std::span<RuleCounters>, std::span<Pc>,
                            Trace&);

}  // namespace sallyport
