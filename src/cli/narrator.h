// The way of one packet through tables and chains, told line by line.
//
// Listens to the engine while it judges the packet: each table entered, each rule
// asked with the first condition that failed and what the packet has there, each
// target, and what conntrack made of it.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace sallyport {

class Narrator : public EngineTrace {
 public:
  void table(Hook hook, TableId table) override;
  void tracked(const Context& context) override;
  void condition(const Program& program, Pc pc, bool held, const Context& context) override;
  void action(const Program& program, Pc pc, Verdict verdict, const Context& context) override;

  // The story so far, one line an event, indented by the nesting of chains.
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void say(std::string line);

  std::vector<std::string> lines_;
  size_t depth_ = 0;
};

}  // namespace sallyport
