// Judged packets for programs: one JSON object a line. The keys are a contract: add, never change.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "attach/judged.h"
#include "program/program.h"

namespace sallyport {

// On one line. Bytes that are no UTF-8, as a comment in a rule may hold, become U+FFFD.
std::string json_text(const nlohmann::ordered_json& json);

// Without the newline. `program` is of the packet's family; null where it has no rules.
std::string json_line(const Judged& judged, const Program* program);

// With "against": {"verdict", "rule", "reason"}: what other rules make of the same packet.
std::string json_line(const Judged& judged, const Program* program, const Judged& against,
                      const Program* against_program);

}  // namespace sallyport
