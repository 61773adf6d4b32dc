// -m set and -j SET as iptables-legacy 1.8.9 reads and prints them, and what they do.
#include <algorithm>
#include <gtest/gtest.h>

#include "extensions/registry.h"
#include "lang/value.h"
#include "packet/build.h"
#include "packet/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr std::string_view kSets =
    "create h hash:ip timeout 9 counters\nadd h 10.0.0.1\ncreate p hash:ip,port\n"
    "create s hash:ip family inet6\ncreate l list:set\nadd l h\nadd l s\n"
    "create b bitmap:port range 0-100\n";

class SetExtensions : public ::testing::Test {
 protected:
  SetExtensions() : store_(make_hash_key(3)) {
    Diagnostics diagnostics;
    EXPECT_TRUE(store_.restore(kSets, 0, diagnostics));
    PacketSpec spec;
    spec.source = *Address::parse(Family::kIpv4, "10.0.0.1");
    spec.destination = *Address::parse(Family::kIpv4, "10.0.0.2");
    spec.source_port = 1000;
    spec.destination_port = 53;
    bytes_ = build(spec);
    packet_.data = bytes_.data();
    packet_.captured = packet_.wire_length = static_cast<uint32_t>(bytes_.size());
    parse(packet_);
  }

  // Reads the words as a rule does: what is wrong, or empty.
  std::string read(Extension& extension, std::string_view text, const SetStore* sets = nullptr) {
    std::vector<Text> words = split(text, ' ');
    Placement place;
    place.sets = sets == nullptr ? &store_ : sets;
    bool negated = false;
    for (size_t at = 0; at < words.size();) {
      if (words[at] == "!") {
        negated = true;
        at++;
        continue;
      }
      const OptionSpec* spec = nullptr;
      for (const OptionSpec& candidate : extension.options()) {
        if (candidate.name == words[at] ||
            std::ranges::find(candidate.also, words[at]) != candidate.also.end()) {
          spec = &candidate;
        }
      }
      if (spec == nullptr) return "unknown option";
      if (negated && !spec->negatable) return "not to be negated";
      std::string wrong = conflicting_option(extension.options(), *spec, extension.object());
      if (wrong.empty()) {
        wrong = spec->read(*spec, extension.object(), std::span(words).subspan(at + 1, spec->words),
                           place.scope, negated);
      }
      if (!wrong.empty()) return wrong;
      at += 1 + spec->words;
      negated = false;
    }
    return extension.finish(place);
  }

  static std::string printed(const Extension& extension) {
    std::string out;
    extension.write({}, out);
    return out.empty() ? out : out.substr(1);
  }
  Context context(bool what_if = false) {
    Context context(packet_);
    context.sets = &store_;
    context.what_if = what_if;
    return context;
  }
  std::string elements(std::string_view set) {
    std::string saved = store_.save(0);
    size_t at = saved.find("add " + std::string(set) + " ");
    return at == std::string::npos ? "" : saved.substr(at + 4, saved.find('\n', at) - at - 4);
  }

  SetStore store_;
  std::vector<uint8_t> bytes_;
  Packet packet_;
};

struct Row {
  const char* text;
  const char* printed;  // null: as the text
};

TEST_F(SetExtensions, PrintAsIptablesSave) {
  const Row kMatches[] = {
      {"--match-set h src", nullptr},
      {"! --set h src", "! --match-set h src"},
      {"--match-set h src,dst,dst,src,src,src", nullptr},
      {"--match-set p src", nullptr},
      {"--match-set l src,dst", nullptr},
      {"--match-set b dst", nullptr},
      {"! --bytes-eq 6 --packets-lt 5 --match-set h src",
       "--match-set h src --packets-lt 5 ! --bytes-eq 6"},
      {"--match-set h src ! --update-counters ! --update-subcounters --return-nomatch --bytes-gt 5",
       "--match-set h src --return-nomatch ! --update-counters ! --update-subcounters --bytes-gt "
       "5"},
      {"--match-set h src --update-counters --update-subcounters", "--match-set h src"},
      {"--match-set h src --packets-gt 0x5", "--match-set h src --packets-gt 5"},
      {"--match-set h src --packets-gt 18446744073709551615", nullptr},
  };
  for (const Row& row : kMatches) {
    std::unique_ptr<Match> match = find_match("set", Family::kIpv4)->make();
    EXPECT_EQ(read(*match, row.text), "") << row.text;
    EXPECT_EQ(printed(*match), row.printed == nullptr ? row.text : row.printed);
  }
  const Row kTargets[] = {
      {"--add-set h src", nullptr},
      {"--del-set p src,dst --add-set h dst --timeout 5 --exist",
       "--add-set h dst --exist --timeout 5 --del-set p src,dst"},
      {"--add-set l src,src", nullptr},
  };
  for (const Row& row : kTargets) {
    std::unique_ptr<Target> target = find_target("SET", Family::kIpv4)->make();
    EXPECT_EQ(read(*target, row.text), "") << row.text;
    EXPECT_EQ(printed(*target), row.printed == nullptr ? row.text : row.printed);
  }
}

TEST_F(SetExtensions, Refuse) {
  const char* const kMatches[] = {
      "--packets-gt 5",
      "--match-set nosuch src",
      "--match-set s src",
      "--match-set h Src",
      "--match-set h src,",
      "--match-set h src,dst,src,dst,src,dst,src",
      "--match-set aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa src",
      "--match-set h src --match-set h dst",
      "--match-set h src ! --return-nomatch",
      "--match-set h src ! --packets-gt 5",
      "--match-set h src --packets-gt 5 --packets-lt 9",
      "--match-set h src --packets-gt 18446744073709551616",
      "--match-set h src --packets-gt x",
  };
  for (const char* text : kMatches) {
    std::unique_ptr<Match> match = find_match("set", Family::kIpv4)->make();
    EXPECT_NE(read(*match, text), "") << text;
  }
  const char* const kTargets[] = {
      "--exist",         "--timeout 5",          "--del-set h src --exist",
      "--add-set s src", "--add-set nosuch src", "--add-set h src --timeout 4294967295",
      "--map-set h src", "--del-set nosuch src", "--add-set h src --add-set h dst",
  };
  for (const char* text : kTargets) {
    std::unique_ptr<Target> target = find_target("SET", Family::kIpv4)->make();
    EXPECT_NE(read(*target, text), "") << text;
  }
}

TEST_F(SetExtensions, MatchAndItsNegation) {
  struct Asked {
    const char* text;
    bool matched;
  };
  const Asked kAsked[] = {
      {"--match-set h src", true},
      {"! --match-set h src", false},
      {"--match-set h dst", false},
      {"! --match-set h dst", true},
      {"--match-set b dst", false},
      {"! --match-set p src", true},
      {"--match-set l src", true},
      // Counters that do not pass make the match fail, so its negation holds.
      {"--match-set h src --packets-gt 100", false},
      {"! --match-set h src --packets-gt 100", true},
  };
  for (const Asked& row : kAsked) {
    std::unique_ptr<Match> match = find_match("set", Family::kIpv4)->make();
    ASSERT_EQ(read(*match, row.text), "") << row.text;
    Context asked = context();
    EXPECT_EQ(match->eval(asked), yes_if(row.matched)) << row.text;
  }
}

TEST_F(SetExtensions, TargetAddsThenRemovesAndTheRulesGoOn) {
  std::unique_ptr<Target> target = find_target("SET", Family::kIpv4)->make();
  ASSERT_EQ(read(*target, "--add-set p src,dst --del-set h src"), "");
  Context reached = context();
  EXPECT_EQ(target->eval(reached), Verdict::kContinue);
  EXPECT_EQ(elements("p"), "p 10.0.0.1,udp:53");
  EXPECT_EQ(elements("h"), "");
}

TEST_F(SetExtensions, AQuestionChangesNothing) {
  std::string before = store_.save(0);
  std::unique_ptr<Target> target = find_target("SET", Family::kIpv4)->make();
  ASSERT_EQ(read(*target, "--add-set p src,dst --del-set h src"), "");
  std::unique_ptr<Match> match = find_match("set", Family::kIpv4)->make();
  ASSERT_EQ(read(*match, "--match-set h src"), "");
  Context question = context(true);
  target->eval(question);
  EXPECT_EQ(match->eval(question), MatchResult::kYes);
  EXPECT_EQ(store_.save(0), before);
}

TEST_F(SetExtensions, APortThatWasNotCapturedIsTold) {
  std::unique_ptr<Match> match = find_match("set", Family::kIpv4)->make();
  ASSERT_EQ(read(*match, "--match-set p src,dst"), "");
  packet_.captured = 20;
  Context asked = context();
  EXPECT_EQ(match->eval(asked), MatchResult::kNo);
  EXPECT_TRUE(asked.not_captured);
}

}  // namespace
}  // namespace sallyport
