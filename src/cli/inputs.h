// What a firewall is made of, as the command line names it: files, knobs, and
// what the host is. Shared by every command that judges packets.
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/label_names.h"
#include "engine/engine.h"
#include "engine/way.h"
#include "rules/ruleset.h"

namespace sallyport {

class Subcommand;

// A file named on the command line, and its text.
struct InputFile {
  std::string name;
  std::string text;
};
// "-" is standard input, which can be read once. What is wrong goes to `errors`.
constexpr const char* kReadAlready = "it has been read already: one file can be -, not two";
std::optional<InputFile> read_input(const std::string& name, std::ostream& errors);

// The names of labels that iptables and conntrack know on this host.
constexpr const char* kLabels = "/etc/xtables/connlabel.conf";

// Said of a rule file without a table.
constexpr const char* kNoRulesInIt =
    "there are no rules in it, so all is accepted; if the machine has rules, iptables-legacy-save "
    "or iptables-nft-save prints them";

// The flags, as given.
struct Inputs {
  std::string rules;
  std::string rules6;
  std::string sets;
  std::string conntrack;
  std::string labels;
  std::vector<std::string> sysctls;  // K=V, or a file
  std::vector<std::string> hosts;
  bool forward = false;
  std::string bridge;
  std::vector<std::string> inside;
  std::string in_if = "in0";
  std::string out_if = "out0";
  std::vector<std::string> groups;
  std::vector<std::string> discovery;
  std::string compat;
  std::string checksums = "verify";

  void add_to(Subcommand& command);
  // Those that make a firewall, wherever packets come from.
  void add_rules_to(Subcommand& command);
};

// The same with the flags understood and the files read; what a trial changes before it makes an
// engine.
struct Sources {
  Inputs inputs;
  std::optional<InputFile> rules, rules6, sets, conntrack, labels;
  std::vector<InputFile> sysctls;  // a K=V is a file of one line
  std::vector<InputFile> discovery;
  std::vector<std::string> kept_sets;  // of an earlier run, a text each; they stand over `sets`
  Host host;                           // of --host
  bool live = false;  // packets come as they happen: there is no earlier traffic to wonder about
  std::vector<Prefix> groups;
  std::vector<Prefix> inside;
};
// Nothing where a flag makes no sense or a file cannot be read, which is said in `errors`.
enum class Rules : uint8_t { kNeeded, kMayBeMissing };
std::optional<Sources> read_sources(const Inputs& inputs, std::ostream& errors,
                                    Rules rules = Rules::kNeeded);

// The engine, and the point that it looks from.
struct Setup {
  std::unique_ptr<Engine> engine;
  std::optional<Ruleset> rules, rules6;  // as they were read
  std::optional<LabelNames> labels;      // of --labels
  std::optional<Viewpoint> viewpoint;
  bool verify_checksums = true;
  std::vector<std::string> notes;  // guesses and warnings, for people
};

// `start` is the time of the first packet: flows and set entries that are loaded have the time
// left that they say from then on. `guess` is the host where neither --host nor --forward was
// given. Every error of every text goes to `errors`; nothing is made then.
std::optional<Setup> make_setup(const Sources& sources, Instant start,
                                const std::optional<Host>& guess, std::ostream& errors);

// A key for hash tables from the system's randomness.
HashKey random_hash_key();

}  // namespace sallyport
