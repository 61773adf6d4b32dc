#include "lang/option.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

struct Example {
  Arg<MarkMask> mark;
  Arg<Number<0, 255>> ttl, low;
  Arg<Flag> loud;

  static std::string read_twice(Text text, const Scope& scope, Number<0, 255>& out) {
    std::string wrong = read(text, scope, out);
    out.value *= 2;
    return wrong;
  }
  static constexpr auto options() {
    return std::tuple{
        option("--mark", &Example::mark).negatable().mandatory().help("value", "a mark"),
        option("--ttl", &Example::ttl).alias("--hl").group(1).help("n", "a number"),
        option("--twice", &Example::ttl).read_by(&Example::read_twice).help("n", "half of it"),
        option("--low", &Example::low).group(1).help("n", "another"),
        option("--loud", &Example::loud).help("", "a flag")};
  }
};

const OptionSpec& spec(std::string_view name) {
  for (const OptionSpec& s : specs_of<Example>()) {
    if (s.name == name) return s;
  }
  throw std::logic_error("no such option");
}

std::string give(Example& example, std::string_view name, std::vector<Text> words,
                 bool negated = false) {
  const OptionSpec& s = spec(name);
  return s.read(s, &example, words, {}, negated);
}

std::string printed(const Example& example) {
  std::string out;
  write_options(specs_of<Example>(), &example, {}, out);
  return out;
}

TEST(Option, PrintsWhatWasGivenInTheOrderOfTheDeclaration) {
  Example example;
  EXPECT_EQ(printed(example), "");
  EXPECT_EQ(give(example, "--loud", {}), "");
  EXPECT_EQ(give(example, "--mark", {"16/0xff"}, true), "");
  EXPECT_EQ(printed(example), " ! --mark 0x10/0xff --loud");
  EXPECT_EQ(option_text(specs_of<Example>(), "--mark", &example, {}), "! --mark 0x10/0xff");
}

TEST(Option, AnotherSpellingPrintsAsTheFirst) {
  Example example;
  EXPECT_EQ(give(example, "--twice", {"7"}), "");
  EXPECT_EQ(printed(example), " --ttl 14");
}

TEST(Option, KnowsWhatIsMissingAndWhatConflicts) {
  Example example;
  EXPECT_EQ(missing_option(specs_of<Example>(), &example), "--mark is missing");
  EXPECT_EQ(give(example, "--mark", {"1"}), "");
  EXPECT_EQ(missing_option(specs_of<Example>(), &example), "");
  EXPECT_NE(conflicting_option(specs_of<Example>(), spec("--mark"), &example), "");
  EXPECT_EQ(conflicting_option(specs_of<Example>(), spec("--ttl"), &example), "");
  EXPECT_EQ(give(example, "--twice", {"7"}), "");
  EXPECT_NE(conflicting_option(specs_of<Example>(), spec("--ttl"), &example), "");
  EXPECT_EQ(conflicting_option(specs_of<Example>(), spec("--low"), &example),
            "--low cannot stand beside --ttl");
}

TEST(Option, HelpNamesEveryOption) {
  EXPECT_EQ(options_help(specs_of<Example>()),
            "  [!] --mark value                             a mark\n"
            "      --ttl, --hl n                            a number\n"
            "      --twice n                                half of it\n"
            "      --low n                                  another\n"
            "      --loud                                   a flag\n");
}

}  // namespace
}  // namespace sallyport
