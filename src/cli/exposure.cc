#include "cli/exposure.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sstream>

#include "attach/script_run.h"

namespace sallyport {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kSooner(1);      // after the packet at the earliest; before it, too
constexpr milliseconds kPrecision(10);  // of the time that is bisected
constexpr milliseconds kShown(100);     // of the time that is told
constexpr std::array<Duration, 15> kSeries{
    kSooner,     milliseconds(500), seconds(1),  seconds(2),  seconds(3),
    seconds(4),  seconds(5),        seconds(6),  seconds(8),  seconds(10),
    seconds(15), seconds(20),       seconds(30), seconds(45), Admission::kLongest};

// One firewall that sees the capture and whatever is put into it.
class Timeline {
 public:
  Timeline(const Sources& sources, const CaptureFile& capture) {
    std::ostringstream heard;  // what is wrong was said when the capture was judged
    session_ = Session::make(sources, capture, heard);
  }

  void run_to(uint64_t record) {
    session_->replay().stop_after(record);
    std::span<const Judged> judged;
    while (session_->replay().next(judged)) continue;
  }

  bool admits(ScriptPacket line, Instant time) {
    Packet packet = packet_of(line, line.packet.bytes, time);
    Way way = way_of(line, packet, session_->viewpoint());
    Outcome outcome;
    session_->engine().process({&packet, 1}, {&way, 1}, {&outcome, 1});
    return outcome.fate == Outcome::Fate::kAccept;
  }

 private:
  std::unique_ptr<Session> session_;
};

}  // namespace

Duration Admission::shown() const {
  return (time + kShown / 2) / kShown * kShown;
}

std::string Admission::time_text() const {
  if (always) return "at any time";
  if (time >= kLongest) return fmt::format("for more than {} s", kLongest / seconds(1));
  auto tenths = shown() / kShown;
  if (tenths == 0) return "for less than 0.1 s";
  if (tenths % 10 == 0) return fmt::format("for {} s", tenths / 10);
  return fmt::format("for {}.{} s", tenths / 10, tenths % 10);
}

bool ExposureMeter::admits_before(const PolicyFile::Probe& probe, uint64_t record) const {
  Timeline timeline(sources_, capture_);
  if (record > 0) timeline.run_to(record - 1);
  return timeline.admits(probe.packet, times_[record] - kSooner);
}

bool ExposureMeter::admits_after(const PolicyFile::Probe& probe, uint64_t record,
                                 Duration delay) const {
  Timeline timeline(sources_, capture_);
  timeline.run_to(record);
  if (probe.question) timeline.admits(*probe.question, times_[record]);
  Instant time = times_[record] + delay;
  auto later = std::find_if(times_.begin() + static_cast<ptrdiff_t>(record) + 1, times_.end(),
                            [&](Instant other) { return other > time; });
  timeline.run_to(static_cast<uint64_t>(later - times_.begin()) - 1);
  return timeline.admits(probe.packet, time);
}

Admission ExposureMeter::measure(const PolicyFile::Probe& probe, uint64_t after) const {
  Admission admission{.what = probe.admits};
  auto last = std::find_if(kSeries.rbegin(), kSeries.rend(),
                           [&](Duration delay) { return admits_after(probe, after, delay); });
  if (last == kSeries.rend()) return admission;
  admission.time = *last;
  if (last == kSeries.rbegin()) {
    admission.always = admits_before(probe, after);
    return admission;
  }
  Duration admitted = *last, refused = *std::prev(last);
  while (refused - admitted > kPrecision) {
    Duration middle = admitted + (refused - admitted) / 2;
    (admits_after(probe, after, middle) ? admitted : refused) = middle;
  }
  admission.time = admitted;
  return admission;
}

std::vector<Admission> ExposureMeter::measure(const PolicyFile::Exposure& exposure,
                                              uint64_t after) const {
  std::vector<Admission> told;
  for (const PolicyFile::Probe& probe : exposure.probes) {
    Admission admission = measure(probe, after);
    if (admission.time == Duration::zero()) continue;
    bool adds = std::ranges::none_of(told, [&](const Admission& wider) {
      return wider.always || (!admission.always && wider.time + kShown >= admission.time);
    });
    if (adds) told.push_back(std::move(admission));
  }
  return told;
}

}  // namespace sallyport
