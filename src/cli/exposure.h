// What a policy admits that nobody asked for, measured.
//
// A probe is put into the capture at a series of times after the packet that might let it in,
// each time on a fresh firewall that has seen the capture up to then: a probe that was accepted
// changes what the next one meets. Between the last time at which it was accepted and the next it
// is bisected. A policy that admits a probe, refuses it and admits it again between two times of
// the series is not noticed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attach/judged.h"
#include "cli/policy_file.h"
#include "cli/session.h"

namespace sallyport {

struct Admission {
  std::string what;
  // How long after: up to Admission::kLongest, which is "or longer". `always`: before too.
  Duration time{};
  bool always = false;

  static constexpr Duration kLongest = std::chrono::seconds(60);
  Duration shown() const;         // to 0.1 s
  std::string time_text() const;  // "for 3 s", "for more than 60 s", "at any time"
};

// A policy, a capture, and the time of each record of it; all outlive this.
class ExposureMeter {
 public:
  ExposureMeter(const Sources& sources, const CaptureFile& capture,
                const std::vector<Instant>& times)
      : sources_(sources), capture_(capture), times_(times) {}

  // Each probe of the exposure that is admitted, but those that add nothing: one that takes in as
  // much is admitted for as long. `after` is the record that the exposure begins with.
  std::vector<Admission> measure(const PolicyFile::Exposure& exposure, uint64_t after) const;

 private:
  Admission measure(const PolicyFile::Probe& probe, uint64_t after) const;
  bool admits_before(const PolicyFile::Probe& probe, uint64_t record) const;
  bool admits_after(const PolicyFile::Probe& probe, uint64_t record, Duration delay) const;

  const Sources& sources_;
  const CaptureFile& capture_;
  const std::vector<Instant>& times_;
};

}  // namespace sallyport
