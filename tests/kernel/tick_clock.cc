#include "kernel/tick_clock.h"

#include <algorithm>
#include <sched.h>
#include <time.h>

namespace sallyport::testing {
namespace {

constexpr int64_t kTick = 1'000'000'000 / kTicksPerSecond;
constexpr int64_t kSettle = 150'000;  // a tick's interrupt has run by then

int64_t clock_now(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int64_t coarse() {
  return clock_now(CLOCK_MONOTONIC_COARSE);
}

// The coarse clock's next new value.
int64_t next_edge() {
  int64_t before = coarse(), now = before;
  while (now == before) now = coarse();
  return now;
}

}  // namespace

TickClock::TickClock() {
  // An interrupt can be late, never early: the earliest phase is the true one.
  int64_t first = next_edge();
  phase_ = first;
  for (int i = 0; i < 6; i++) {
    int64_t late = (next_edge() - first + kTick / 2) % kTick - kTick / 2;
    phase_ = std::min(phase_, first + late);
  }
  phase_ %= kTick;
}

bool TickClock::has_known_length() {
  timespec resolution{};
  return ::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0 && resolution.tv_sec == 0 &&
         resolution.tv_nsec >= kTick - 1000 && resolution.tv_nsec <= kTick + 1000;
}

void TickClock::start() {
  int64_t now = clock_now(CLOCK_MONOTONIC);
  origin_ = now - (now - phase_) % kTick + kTick;
}

int64_t TickClock::begin_of(Duration time) const {
  return origin_ + time.count() / kTick * kTick;
}

bool TickClock::wait_for(Duration time) const {
  int64_t begin = begin_of(time);
  int64_t early = begin - 200'000;  // a sleep ends late, so the rest is waited for awake
  timespec until{early / 1'000'000'000, early % 1'000'000'000};
  if (clock_now(CLOCK_MONOTONIC) < early) {
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
  while (clock_now(CLOCK_MONOTONIC) < begin + kSettle || coarse() < begin - kTick / 2) {
  }
  return still_in(time);
}

bool TickClock::still_in(Duration time) const {
  return clock_now(CLOCK_MONOTONIC) < begin_of(time) + kTick - kSettle;
}

TickCounter::TickCounter() : origin_(next_edge()), lag_(clock_now(CLOCK_MONOTONIC) - origin_) {}

void TickCounter::await_room() const {
  constexpr int64_t kRoom = 300'000;
  int64_t tick = coarse();
  while (coarse() == tick && clock_now(CLOCK_MONOTONIC) - tick - lag_ > kTick - kRoom) {
  }
}

Tick TickCounter::now() const {
  // Ticks are adjusted by parts of a million, so they do not stay whole milliseconds.
  return static_cast<Tick>((coarse() - origin_ + kTick / 2) / kTick);
}

}  // namespace sallyport::testing
