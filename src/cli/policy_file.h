// The policies file of `sallyport compare` (docs/compare.md): which firewalls, which packets of
// the capture, and what to try on each firewall beside them.
//
// The keys of a policy are the long flags of `sallyport replay`; at the top of the file they
// hold for all policies that do not say otherwise. The file is TOML, read by toml++; it is taken
// whole or refused with all its errors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attach/capture_filter.h"
#include "attach/script.h"
#include "base/diagnostic.h"
#include "cli/inputs.h"

namespace sallyport {

struct PolicyFile {
  struct Policy {
    std::string name;
    Inputs inputs;  // files are named from where the command runs
  };
  // The first record that the filter matches.
  struct Packet {
    std::string name;
    CaptureFilter filter;
    Span span;              // of the filter
    bool unwanted = false;  // it should not come in
  };
  // A packet that nobody asked for.
  struct Probe {
    std::string admits;                    // what a policy that accepts it admits, in words
    std::optional<ScriptPacket> question;  // sent by the host first
    ScriptPacket packet;
  };
  // Probes that are tried after the first record that the filter matches, each taking in what the
  // next ones do.
  struct Exposure {
    CaptureFilter after;
    Span span;
    std::vector<Probe> probes;
  };

  std::vector<Policy> policies;
  std::vector<Packet> packets;
  std::vector<Exposure> exposures;
};

// `file.name` tells where the files that it names are. Nothing, if `diagnostics` is not empty
// afterwards.
std::optional<PolicyFile> parse_policy_file(const InputFile& file, Diagnostics& diagnostics);

}  // namespace sallyport
