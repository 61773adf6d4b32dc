// What `replay` shows in the kernel's text, beside or instead of its summary: --dump, and the
// moment that it is of, --at.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/dump.h"
#include "cli/session.h"

namespace sallyport {

class Views {
 public:
  void add_to(CLI::App& command);
  // Understands the flags. False, and said in `errors`, where they make no sense.
  bool understand(const Sources& sources, Instant start, std::ostream& errors);

  // A view goes to standard output, which nothing else may then.
  bool take_stdout() const;
  // No record after this moment is read.
  const std::optional<Instant>& until() const { return until_; }

  // Writes the dumps of a replay that has come to its end.
  bool finish(Session& session, std::ostream& errors) const;

 private:
  bool understand_dumps(const Sources& sources, std::ostream& errors);
  bool understand_at(Instant start, std::ostream& errors);

  std::vector<std::string> dump_flags_;
  std::vector<std::string> output_;
  std::string at_;
  std::vector<Dump> dumps_;
  FlowForm form_;
  std::optional<Instant> until_;
  Instant start_{};
};

}  // namespace sallyport
