// What a random script promises: it means the same everywhere, it is taken whole, and among
// enough of them nothing of our languages is missing, so that the generator cannot quietly
// lose a match, an option or a protocol that somebody adds.
#include "kernel/random_script.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "attach/script.h"
#include "base/time.h"
#include "conntrack/knobs.h"
#include "extensions/registry.h"
#include "rules/parse.h"
#include "sets/set_store.h"
#include "sets/set_type.h"

namespace sallyport::testing {
namespace {

constexpr uint64_t kSeeds = 2000;

// What no script has, and why.
constexpr std::string_view kNotDrawn[] = {
    "-m owner",  // a script does not say whose socket sends (tests/live/run_test.py)
    // Address translation is not done yet: a packet that reaches it is uncertain.
    "-j DNAT", "-j MASQUERADE", "-j NETMAP", "-j REDIRECT", "-j SNAT",
    // Limits of memory: no script comes near.
    "net.netfilter.nf_conntrack_expect_max", "net.netfilter.nf_conntrack_frag6_high_thresh",
    "net.ipv4.ipfrag_high_thresh",
    // Refused by name.
    "CT --timeout", "SET --map-set",
    // Read-only in a namespace; not the kernel's; run by timers that are rounded by much.
    "net.netfilter.nf_conntrack_max", "sallyport.discovery", "sallyport.discovery_announcements",
    "net.netfilter.nf_conntrack_frag6_timeout", "net.ipv4.ipfrag_time"};

TEST(RandomScript, ASeedAlwaysMeansTheSameScript) {
  EXPECT_EQ(random_script(7), random_script(7));
  EXPECT_NE(random_script(7), random_script(8));
}

void expect_rules(const std::optional<Script::Block>& block, Family family, const SetStore& sets,
                  uint64_t seed) {
  ASSERT_TRUE(block) << "seed " << seed;
  std::expected<Ruleset, Diagnostics> rules = parse_rules(block->text, family, &sets);
  EXPECT_TRUE(rules) << "seed " << seed << "\n" << rules.error().render("rules", block->text);
}

TEST(RandomScript, EveryScriptIsTakenWhole) {
  for (uint64_t seed = 0; seed < kSeeds && !HasFailure(); seed++) {
    std::string text = random_script(seed);
    Diagnostics diagnostics;
    std::optional<Script> script = parse_script(text, diagnostics);
    ASSERT_TRUE(script) << diagnostics.render("script", text);
    Knobs knobs;
    for (const auto& [name, value] : script->sysctls) {
      EXPECT_TRUE(knobs.set(name, value)) << "seed " << seed << ": " << name;
    }
    SetStore sets(make_hash_key(1));
    if (script->sets) {
      sets.restore(script->sets->text, Tick{1000}, diagnostics);
      EXPECT_TRUE(diagnostics.empty()) << "seed " << seed << "\n"
                                       << diagnostics.render("sets", script->sets->text);
    }
    expect_rules(script->rules, Family::kIpv4, sets, seed);
    expect_rules(script->rules6, Family::kIpv6, sets, seed);
    EXPECT_FALSE(script->packets.empty()) << "seed " << seed;
  }
}

// Takes note of "-m udp", "udp --sport" and "udp ! --sport" of "-A X -m udp ! --sport 5".
void note_rule(const std::string& line, std::set<std::string>& seen) {
  std::istringstream words(line);
  std::string extension, before;
  for (std::string word; words >> word; before = word) {
    if (before == "-m" || before == "-j") {
      extension = word;
      seen.insert(before + ' ' + word);
    }
    if (word.starts_with("--")) seen.insert(extension + (before == "!" ? " ! " : " ") + word);
  }
}

// Every word of every line by itself too: protocols, options of packets, sysctls, set types.
std::set<std::string> words_of_all_scripts() {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < kSeeds; seed++) {
    std::istringstream lines(random_script(seed));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("-A ")) note_rule(line, seen);
      std::istringstream words(line);
      for (std::string word; words >> word;) seen.insert(word.substr(0, word.find('=')));
    }
  }
  return seen;
}

template <typename Types>
void want_extensions(const Types& types, std::string_view flag, std::set<std::string>& wanted) {
  for (const auto* type : types) {
    std::string name(type->traits.name);
    wanted.insert(std::string(flag) + name);
    bool drawn = std::ranges::find(kNotDrawn, std::string(flag) + name) == std::end(kNotDrawn);
    for (const OptionSpec& option : type->options()) {
      if (!drawn) continue;
      wanted.insert(name + ' ' + std::string(option.name));
      if (option.negatable) wanted.insert(name + " ! " + std::string(option.name));
    }
  }
}

TEST(RandomScript, NothingOfTheLanguageIsLeftOut) {
  std::set<std::string> wanted{"host",   "forward", "bridge", "group", "sets", "rules",
                               "rules6", "in",      "out",    "fwd",   "lo",   "more"};
  want_extensions(matches(), "-m ", wanted);
  want_extensions(targets(), "-j ", wanted);
  for (std::string_view name : packet_protocols()) wanted.emplace(name);
  for (std::string_view name : packet_options()) wanted.emplace(name);
  for (std::string_view name : Knobs::names()) wanted.emplace(name);
  for (size_t i = 0; i <= static_cast<size_t>(SetType::kListSet); i++) {
    wanted.emplace(set_type_info(static_cast<SetType>(i)).name);
  }
  for (const char* word : {"nomatch", "counters", "timeout", "netmask", "maxelem", "-g", "-f", "-i",
                           "-o", "-s", "-d", "*raw", "*mangle", "*filter", "*security"}) {
    wanted.emplace(word);
  }
  for (std::string_view name : kNotDrawn) wanted.erase(std::string(name));

  std::set<std::string> seen = words_of_all_scripts();
  for (const std::string& word : wanted) {
    EXPECT_TRUE(seen.contains(word))
        << "no script of " << kSeeds << " has '" << word
        << "': teach it to tests/kernel/random_*.cc, or say in kNotDrawn why not";
  }
}

}  // namespace
}  // namespace sallyport::testing
