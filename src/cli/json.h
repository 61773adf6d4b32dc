// Judged packets for programs: one JSON object a line. The keys are a contract: add, never change.
#pragma once

#include <string>

#include "attach/judged.h"
#include "program/program.h"

namespace sallyport {

// Without the newline. `program` is of the packet's family; null where it has no rules.
std::string json_line(const Judged& judged, const Program* program);

// With "against": {"verdict", "rule", "reason"}: what other rules make of the same packet.
std::string json_line(const Judged& judged, const Program* program, const Judged& against,
                      const Program* against_program);

}  // namespace sallyport
