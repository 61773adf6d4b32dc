// From a ruleset to the compiled program.
#pragma once

#include <memory>

#include "program/program.h"
#include "rules/ruleset.h"

namespace sallyport {

std::shared_ptr<const Program> compile(const Ruleset& rules);

// What the emitter is told of a rule's own conditions (-s, -d, -i, -o, -p, -f), in that order.
void compile_ip(const IpMatch& ip, Emitter& emitter);

}  // namespace sallyport
