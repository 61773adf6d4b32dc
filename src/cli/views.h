// What `replay` shows in the kernel's text, beside or instead of its summary: --dump, --events,
// and the moment where they end, --at.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cli/dump.h"
#include "cli/session.h"
#include "control/event_lines.h"

namespace sallyport {

class Subcommand;

class Views {
 public:
  void add_to(Subcommand& command);
  // Understands the flags. False, and said in `errors`, where they make no sense.
  bool understand(const Sources& sources, Instant start, std::ostream& errors);

  // A view goes to standard output, which nothing else may then.
  bool take_stdout() const;
  // Before the first record is read.
  void begin(Session& session);
  // Something wants to look after each record.
  bool watch() const { return events_.has_value(); }
  void see(Instant now);
  // What is left to tell of a replay that has come to its end. False: not all of it could be
  // written.
  bool finish(Session& session, std::ostream& errors);
  // The session is about to go.
  void end() { events_.reset(); }

 private:
  void print_events(Instant now);
  bool understand_dumps(const Sources& sources, std::ostream& errors);
  bool understand_output(const Sources& sources, std::ostream& errors);
  bool understand_at(Instant start, std::ostream& errors);

  std::vector<std::string> dump_flags_;
  std::vector<std::string> output_;
  std::string at_;
  std::string events_of_;  // the flag's value; empty: not given
  std::vector<Dump> dumps_;
  std::optional<EventLines> events_;
  FlowForm form_;
  bool timestamp_ = false;
  bool labels_ = false;
  std::optional<Instant> until_;
  Instant start_{};
};

}  // namespace sallyport
