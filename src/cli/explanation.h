// Why a packet met its fate: its way, the near misses, and what would change it.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "attach/judged.h"
#include "cli/narrator.h"
#include "cli/near_miss.h"
#include "cli/remedies.h"
#include "cli/terminal.h"
#include "program/program.h"

namespace sallyport {

struct Explanation {
  Judged judged;
  const Program* program = nullptr;  // null: no rules for its family
  std::string rules;                 // the name of their file
  std::string suspicion;             // of the capture, where the packet's checksum is wrong
  std::vector<std::string> way;
  std::vector<NearMiss> misses;
  std::vector<Remedy> remedies;
};

// Of a packet that has just been judged, told to `narrator`: everything but the remedies.
Explanation make_explanation(const Judged& judged, const Sources& sources, Engine& engine,
                             const Narrator& narrator, History& history, bool all);
// The table that a change of rules would have to be made in.
std::string deciding_table(const Explanation& explanation);

void print_text(std::ostream& out, const Style& style, const Explanation& explanation,
                Instant start);
// One line, without its end: the object of json_line with the keys "way" (an array of lines),
// "near_misses" ({text, knob, value}) and "remedies" ({change, also_lets_in}).
std::string explanation_json(const Explanation& explanation);

}  // namespace sallyport
