// replay --expect: a capture's verdicts held against a script's, packet by packet.
//
// The packets of the script are the IP packets of the capture, in order. Which packet it is, and
// what became of it, is compared; times, payloads and the script's head are not: the firewall is
// the one that the command line describes.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "attach/judged.h"
#include "attach/script.h"
#include "engine/engine.h"

namespace sallyport {

class ExpectationCheck {
 public:
  // The script was read from the file `name`. Differences go to `out`, a line each.
  ExpectationCheck(std::string name, Script script, std::ostream& out)
      : name_(std::move(name)), script_(std::move(script)), out_(&out) {}

  // The next record, the engine being as that record left it.
  void see(const Judged& judged, Engine& engine);
  // At the end: whether all was as expected, and as many packets as expected.
  bool met();

 private:
  std::string name_;
  Script script_;
  std::ostream* out_;
  size_t next_ = 0;       // of the script's packets
  uint64_t surplus_ = 0;  // IP packets beyond the script's
  uint64_t first_surplus_ = 0;
  bool differs_ = false;
};

}  // namespace sallyport
