// `--dump KIND[=FILE]`: what the firewall has come to, in the text of the tool that would list it
// on Linux, so that scripts and exporters read it unchanged.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"
#include "conntrack/conntrack_text.h"

namespace sallyport {

class Session;

struct Dump {
  enum class Kind : uint8_t { kConntrack, kProc, kExpect, kIpset, kIptables, kIp6tables } kind;
  std::string file;  // empty: standard output
};

// The error says which kinds there are.
std::expected<Dump, std::string> parse_dump(std::string_view text);
// Everything that the view holds at `now`. `form` is for kConntrack.
std::string dump_text(Dump::Kind kind, Session& session, const FlowForm& form, Tick now);

}  // namespace sallyport
