// Why a packet met its fate: its way, the near misses, and what would change it.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "attach/judged.h"
#include "cli/near_miss.h"
#include "cli/remedies.h"
#include "cli/terminal.h"
#include "program/program.h"

namespace sallyport {

struct Explanation {
  Judged judged;
  const Program* program = nullptr;  // null: no rules for its family
  std::vector<std::string> way;
  std::vector<NearMiss> misses;
  std::vector<Remedy> remedies;
};

void print_text(std::ostream& out, const Style& style, const Explanation& explanation,
                Instant start);
// One line, without its end: the object of json_line with the keys "way" (an array of lines),
// "near_misses" ({text, knob, value}) and "remedies" ({change, also_lets_in}).
std::string explanation_json(const Explanation& explanation);

}  // namespace sallyport
