// -m limit: true so many times a second, a minute, an hour or a day, after a burst.
//
// A bucket of credit: it fills with time, holds `burst` prices, and each time that the
// rule is true costs one price; a refusal costs nothing (kernel-facts 52). A rate is
// kept as a price, the time between two in units of 1/10000 s; what is printed is the
// price, so that 60/minute is 1/sec and 3000/sec is 3333/sec. The credit is the engine's
// (Context::memory), so that two engines may run one program; a new program begins with full ones.
//
// The kernel's credit is a number of 32 bits that counts 32000 to the second, and wraps:
// 1/day with a burst of 2 or 4 is refused, of 3 is taken. Found by trying rates and
// bursts until only these numbers explained every refusal; followed, so that a long
// limit that is accepted also holds as many as there.
#include <algorithm>
#include <fmt/format.h>

#include "extensions/registry.h"

namespace sallyport {
namespace {

struct Unit {
  Text name;     // as printed
  Text longest;  // as it may be written, or any beginning of it
  uint32_t price;
};
constexpr Unit kUnits[] = {{"sec", "second", 10'000},
                           {"min", "minute", 600'000},
                           {"hour", "hour", 36'000'000},
                           {"day", "day", 864'000'000}};

struct Rate {
  uint32_t price = 12'000'000;  // 3/hour
};

std::string read(Text text, const Scope&, Rate& out) {
  Text rest = text.starts_with('+') ? text.substr(1) : text;
  size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  std::optional<uint64_t> count = read_decimal(rest.substr(0, digits));
  rest.remove_prefix(digits);
  bool alone = rest.empty();
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const Unit* unit = alone ? kUnits : nullptr;
  for (const Unit& each : kUnits) {
    if (!rest.empty() && same_ignoring_case(each.longest.substr(0, rest.size()), rest)) {
      unit = &each;
      break;
    }
  }
  if (!count || *count == 0 || unit == nullptr) {
    return fmt::format("'{}' is not a rate like 5/second, 10/minute, 3/hour or 1/day", text);
  }
  if (*count > unit->price) return fmt::format("{} is faster than 10000/second", text);
  out.price = static_cast<uint32_t>(unit->price / *count);
  return {};
}

// In the smallest unit that comes out about even.
void write(const Rate& rate, const Scope&, std::string& out) {
  const Unit* unit = kUnits;
  while (unit + 1 != std::end(kUnits) && unit->price / rate.price < unit->price % rate.price)
    unit++;
  if (unit->price < rate.price) {
    unit = std::ranges::find_if(kUnits, [&](const Unit& u) { return u.price >= rate.price; });
  }
  out += fmt::format("{}/{}", unit->price / rate.price, unit->name);
}

constexpr uint64_t kCreditsPerTick = 128;  // 32000 a second
constexpr uint64_t kDefaultBurst = 5;

// 10000 prices are 32000 credits; 32 bits, as the kernel keeps them. Where the product would not
// fit into them, it divides first: 1000/hour with a burst of 6 passes five.
constexpr uint32_t credits(uint64_t price) {
  const bool fits = price * 32000 <= 0xffffffff;
  return static_cast<uint32_t>(fits ? price * 32000 / 10000 : price / 10000 * 32000);
}

struct LimitMatch {
  static constexpr Traits kTraits{.name = "limit",
                                  .summary = "so many times in a time",
                                  .depends = depends::kTime,
                                  .side_effects = true};

  Arg<Rate> rate;
  Arg<Number<0, 10000>> burst;
  uint32_t memory = 0;  // of the compiled rule; its amount is what is spent of the credit

  static constexpr auto options() {
    return std::tuple{
        option("--limit", &LimitMatch::rate)
            .help("count[/second|/minute|/hour|/day]", "how often; default 3/hour"),
        option("--limit-burst", &LimitMatch::burst).help("count", "how many at once; default 5")};
  }

  std::string finish(const Placement&) {
    rate.given = true;
    if (!burst.given) burst.value.value = kDefaultBurst;
    burst.given = burst.value.value != kDefaultBurst;
    uint64_t all = burst.value.value * rate.value.price;
    if (burst.value.value == 0 || all > 0xffffffff || credits(all) < credits(rate.value.price)) {
      return "the kernel cannot count this burst of this rate";
    }
    return {};
  }

  void list(const Scope& scope, std::string& out) const {
    out += " limit: avg ";
    write(rate.value, scope, out);
    out += fmt::format(" burst {}", burst.value.value);
  }

  uint64_t cost() const { return credits(rate.value.price); }
  uint64_t full() const { return credits(burst.value.value * rate.value.price); }

  // The memory as it is now, credit having come back with time.
  Memory refilled(const Context& context) const {
    Memory now = context.memory[memory];
    uint64_t passed = context.now > now.last ? context.now - now.last : 0;
    uint64_t gained = std::min(passed, full() / kCreditsPerTick + 1) * kCreditsPerTick;
    now.amount -= std::min(now.amount, gained);
    now.last = std::max(now.last, context.now);
    return now;
  }

  MatchResult eval(Context& context) const {
    Memory now = refilled(context);
    bool enough = now.amount + cost() <= full();
    if (enough) now.amount += cost();
    if (!context.what_if) context.memory[memory] = now;
    return yes_if(enough);
  }

  std::vector<std::string> tell(const Context& context) const {
    uint64_t missing = refilled(context).amount + cost() - full();
    constexpr uint64_t kCreditsPerSecond = kCreditsPerTick * kTicksPerSecond;
    return {fmt::format("used up; one more may pass in {} s",
                        (missing + kCreditsPerSecond - 1) / kCreditsPerSecond)};
  }

  void compile(Emitter& emitter) const {
    emitter.condition(text_of(*this, emitter.family()));
    LimitMatch compiled = *this;
    compiled.memory = emitter.new_memory();
    compile_call(emitter, compiled, kTraits.depends);
  }
};

}  // namespace

constinit const MatchType kLimitMatch = match_type<LimitMatch>();

}  // namespace sallyport
