// The kernel's ticks, seen from outside.
//
// Conntrack counts in jiffies, 4 ms each at HZ=250: a timeout read 3 ms after it
// was set may already show one second less. So packets are sent right after a
// tick, at the tick that the script's time falls in, and what they left behind
// is read before the next one. Jiffies advance at a fixed phase of the monotonic
// clock, and the coarse clock is set at each of them: its value is the phase.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace sallyport::testing {

class TickClock {
 public:
  // Measures the phase; takes about 30 ms.
  TickClock();
  // Whether the kernel's ticks are those that the engine assumes.
  static bool has_known_length();

  // From now on, `time` zero is the next tick.
  void start();
  // Sleeps until the tick at which `time` falls has come; false if it is over already.
  bool wait_for(Duration time) const;
  // Whether that tick is not over yet.
  bool still_in(Duration time) const;

 private:
  int64_t begin_of(Duration time) const;
  int64_t phase_ = 0;
  int64_t origin_ = 0;  // of the monotonic clock
};

// Counts the kernel's ticks from where it was made. It reads the coarse clock, so it is right
// whenever it is asked, and needs no phase: the same count before and after a packet is the tick
// in which the packet passed.
class TickCounter {
 public:
  // Waits for the next tick.
  TickCounter();
  Tick now() const;
  // Returns when there is time left in this tick for a packet to pass.
  void await_room() const;

 private:
  int64_t origin_;
  int64_t lag_;  // of the coarse clock, right after a tick
};

}  // namespace sallyport::testing
