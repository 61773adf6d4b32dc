// One capture under several policies: what `sallyport compare` found, and its forms.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cli/exposure.h"
#include "cli/policy_file.h"
#include "cli/terminal.h"

namespace sallyport {

struct Comparison {
  struct Packet {
    std::string name;
    uint64_t index = 0;
    bool unwanted = false;
  };
  struct Policy {
    std::string name;
    std::vector<Outcome> outcomes;  // of each packet
    std::vector<Admission> admits;
  };
  std::vector<Packet> packets;
  std::vector<Policy> policies;
  bool probed = false;             // there were exposures to measure
  std::vector<std::string> notes;  // guesses and warnings, each once
};

// Every error of the file's expressions, and of the policies' texts, goes to `errors`.
std::optional<Comparison> compare(const InputFile& file, PolicyFile policies,
                                  const CaptureFile& capture, std::ostream& errors);

void print_text(std::ostream& out, const Style& style, const Comparison& comparison);
void print_markdown(std::ostream& out, const Comparison& comparison);
// One line without its end. Keys: "packets" ({name, i, unwanted}) and "policies" ({name,
// verdicts: [{verdict, state, certain, reason}], admits: [{what, seconds, always}]}); seconds is
// null for "or longer".
std::string comparison_json(const Comparison& comparison);

}  // namespace sallyport
