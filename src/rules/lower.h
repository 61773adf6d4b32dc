// From a ruleset to the compiled program.
#pragma once

#include <memory>

#include "program/program.h"
#include "rules/ruleset.h"

namespace sallyport {

std::shared_ptr<const Program> compile(const Ruleset& rules);

}  // namespace sallyport
