// One script before both judges, and what came of it, in a form that a process can print.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/difference.h"

namespace sallyport::testing {

// What was compared: groups of features ("protocol", "match" ...), in each the features seen, by
// the number of scripts and of packets.
struct Coverage {
  struct Count {
    uint64_t scripts = 0, packets = 0;
  };
  using Group = std::map<std::string, Count>;
  std::map<std::string, Group> groups;

  void add(const Coverage& other);
};

struct Trial {
  std::vector<Difference> differences;  // that came back
  std::string error;                    // neither judge could tell: the script is no good
  std::vector<Difference> unsteady;     // that did not come back, or not when the clock was sure
  uint64_t packets = 0;                 // compared
  uint64_t unsent = 0;                  // that the kernel does not send
  Coverage coverage;
};

// Runs a script. One that differs is run again, and one run without a difference acquits it: what
// differs only at times is the clock's, or chance. A difference counts if each of kSure runs shows
// it in which no packet was a tick out.
Trial try_script(const std::string& text);

// Whether a script still differs in the way of `kind` (Difference::kind).
bool still_differs(const std::string& text, const std::string& kind);
// Whether the engine takes the script, as far as can be told without the kernel.
bool loads(const std::string& text);

// The script with the expectations that the kernel meets, and the difference and both sides'
// story as comments at its head.
std::string present(const std::string& text, const Difference& difference,
                    const std::string& origin);

std::string to_text(const Trial& trial);
Trial trial_from(const std::string& text);

}  // namespace sallyport::testing
