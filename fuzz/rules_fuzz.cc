// The rule parser: any text must be read without harm, and a ruleset that is taken must print as
// something that reads back as itself, and compile.
//
// Trusted: nothing; rule files come from bug reports. The first byte chooses the family.
#include <cstdlib>

#include "rules/lower.h"
#include "rules/parse.h"
#include "rules/print.h"
#include "sets/set_store.h"

using namespace sallyport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const SetStore sets = [] {
    SetStore store(make_hash_key(1));
    Diagnostics none;
    store.restore("create h hash:ip\ncreate p hash:ip,port timeout 3\n", 0, none);
    return store;
  }();
  Family family = data[0] == '6' ? Family::kIpv6 : Family::kIpv4;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto rules = parse_rules(text, family, &sets);
  if (!rules) {
    rules.error().render("rules", text);
    return 0;
  }
  std::string printed = print_rules(*rules, {.counters = true});
  auto again = parse_rules(printed, family, &sets);
  if (!again || print_rules(*again, {.counters = true}) != printed) std::abort();
  compile(*rules, 1);  // every chain indexed
  return 0;
}
