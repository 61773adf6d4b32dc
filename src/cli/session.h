// A capture and a firewall to run it through: what replay, explain and compare share.
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "attach/capture.h"
#include "attach/replay.h"
#include "cli/inputs.h"

namespace sallyport {

// A capture that can be read more than once, a pipe too.
class CaptureFile {
 public:
  // What is wrong goes to `errors`.
  static std::optional<CaptureFile> open(const std::string& path, std::ostream& errors);
  Capture read() const;

  const std::string& name() const { return name_; }
  Instant start() const { return start_; }  // of the first record; the epoch if there is none
  // From the first records: the host, if there is one, and what to tell people of the guess.
  struct Guess {
    std::optional<Host> host;
    std::vector<std::string> notes;
  };
  Guess guess_host() const;

 private:
  CaptureFile(std::string name, Capture first) : name_(std::move(name)), first_(std::move(first)) {}

  std::string name_;
  Capture first_;  // it is never read on: read() begins it again
  Instant start_{};
};

// One run of a capture through a firewall of its own.
class Session {
 public:
  // Null, and said in `errors`, where a text is wrong. `capture` must outlive it.
  static std::unique_ptr<Session> make(const Sources& sources, const CaptureFile& capture,
                                       std::ostream& errors);

  Replay& replay() { return *replay_; }
  Engine& engine() { return *setup_.engine; }
  const Viewpoint& viewpoint() const { return *setup_.viewpoint; }
  const Capture& capture() const { return capture_; }
  const std::vector<std::string>& notes() const { return setup_.notes; }
  // As it was read; null if there is none of this family.
  const Ruleset* ruleset(Family family) const {
    const std::optional<Ruleset>& rules = family == Family::kIpv4 ? setup_.rules : setup_.rules6;
    return rules ? &*rules : nullptr;
  }
  // Of --labels; null without.
  const LabelNames* labels() const { return setup_.labels ? &*setup_.labels : nullptr; }
  const Program* program(const Judged& judged) const {
    return judged.family ? setup_.engine->program(*judged.family) : nullptr;
  }

 private:
  Session(Capture capture, Setup setup);

  Capture capture_;
  Setup setup_;
  std::unique_ptr<Replay> replay_;
};

}  // namespace sallyport
