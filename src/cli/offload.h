// Was the capture taken on a machine whose network card computes the checksums?
//
// What such a host sends is captured before the card has filled them in, and so is what another
// host on the same machine (a container, a virtual one) sends to it: Linux accepts these packets,
// and a reader of the capture finds them INVALID. That most packets of a side have a bad checksum
// is not damage.
#pragma once

#include <cstdint>
#include <string>

#include "attach/judged.h"

namespace sallyport {

class OffloadSuspicion {
 public:
  void add(const Judged& judged);
  // "11 of 16 packets of the local host have a bad checksum: …"; empty: nothing speaks for it.
  std::string hint() const;

 private:
  uint64_t sent_ = 0;  // by the host
  uint64_t bad_sent_ = 0;
  uint64_t received_ = 0;  // or forwarded, and tracked
  uint64_t bad_received_ = 0;
};

}  // namespace sallyport
