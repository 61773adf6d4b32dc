// -m set: the packet's addresses and ports are in a set.
//
// Asking counts: an element that is found has its counters raised, unless the rule
// says otherwise, and only then are they compared (kernel-facts 50).
#include "extensions/registry.h"
#include "extensions/set_use.h"

namespace sallyport {
namespace {

struct SetMatch {
  static constexpr Traits kTraits{.name = "set",
                                  .summary = "addresses and ports are in a set",
                                  .depends = depends::kPacket | depends::kSet,
                                  .side_effects = true};
  using Counter = Number<0, UINT64_MAX>;
  using Op = CounterTest::Op;

  Arg<SetUse> set;
  Arg<Flag> return_nomatch;
  Arg<Flag> update_counters;
  Arg<Flag> update_subcounters;
  Arg<Counter> packets_eq, packets_lt, packets_gt;
  Arg<Counter> bytes_eq, bytes_lt, bytes_gt;
  SetQuery query;  // all of the above

  static constexpr auto options() {
    using Self = SetMatch;
    constexpr uint8_t kPackets = 1, kBytes = 2;
    return std::tuple{
        option("--match-set", &Self::set)
            .listed("match-set ", "! match-set ")
            .alias("--set")
            .negatable()
            .mandatory()
            .help("name src|dst[,…]", "they are in this set, each taken from that direction"),
        option("--return-nomatch", &Self::return_nomatch)
            .listed("return-nomatch", "! return-nomatch")
            .help("", "holds for the elements that say nomatch, instead of all others"),
        option("--update-counters", &Self::update_counters)
            .listed("update-counters", "! update-counters")
            .negatable()
            .help("", "!: do not count"),
        option("--update-subcounters", &Self::update_subcounters)
            .listed("update-subcounters", "! update-subcounters")
            .negatable()
            .help("", "!: do not count in the members of a list:set"),
        option("--packets-eq", &Self::packets_eq)
            .listed("packets-eq ", "! packets-eq ")
            .negatable()
            .group(kPackets)
            .help("value", "the element has counted as many packets"),
        option("--packets-lt", &Self::packets_lt)
            .listed("packets-lt ", "! packets-lt ")
            .group(kPackets)
            .help("value", "fewer"),
        option("--packets-gt", &Self::packets_gt)
            .listed("packets-gt ", "! packets-gt ")
            .group(kPackets)
            .help("value", "more"),
        option("--bytes-eq", &Self::bytes_eq)
            .listed("bytes-eq ", "! bytes-eq ")
            .negatable()
            .group(kBytes)
            .help("value", "the element has counted as many bytes"),
        option("--bytes-lt", &Self::bytes_lt)
            .listed("bytes-lt ", "! bytes-lt ")
            .group(kBytes)
            .help("value", "fewer"),
        option("--bytes-gt", &Self::bytes_gt)
            .listed("bytes-gt ", "! bytes-gt ")
            .group(kBytes)
            .help("value", "more")};
  }

  static CounterTest test_of(const Arg<Counter>& eq, const Arg<Counter>& lt,
                             const Arg<Counter>& gt) {
    if (eq.given) return {eq.negated ? Op::kNotEqual : Op::kEqual, eq.value.value};
    if (lt.given) return {Op::kLess, lt.value.value};
    if (gt.given) return {Op::kGreater, gt.value.value};
    return {};
  }

  std::string finish(const Placement& place) {
    query = set.value.query;
    query.return_nomatch = return_nomatch.given;
    // Without a ! these say what is so anyway, and are not printed.
    update_counters.given &= update_counters.negated;
    update_subcounters.given &= update_subcounters.negated;
    query.update_counters = !update_counters.given;
    query.update_subcounters = !update_subcounters.given;
    query.packets = test_of(packets_eq, packets_lt, packets_gt);
    query.bytes = test_of(bytes_eq, bytes_lt, bytes_gt);
    return resolve(set.value, place);
  }

  MatchResult eval(Context& context) const {
    SetAnswer answer;
    if (context.sets != nullptr) {
      answer =
          context.sets->match(set.value.ref, context.packet, query, {context.now, context.what_if});
    }
    context.not_captured |= answer.not_captured;
    return yes_if(answer.matched != set.negated);
  }

  // "upnp has 192.168.1.2,udp:1900, for another 2 s"; "upnp: no 192.168.1.2,udp:1900"
  std::vector<std::string> tell(const Context& context) const {
    std::vector<std::string> lines;
    if (context.sets == nullptr) return lines;
    for (const SetLookup& lookup :
         context.sets->explain(set.value.ref, context.packet, query, context.now)) {
      std::string line = lookup.element.empty()
                             ? fmt::format("{}: no {}", lookup.set, lookup.looked_up)
                             : fmt::format("{} has {}", lookup.set, lookup.element);
      if (lookup.seconds_left) line += fmt::format(", for another {} s", *lookup.seconds_left);
      if (lookup.nomatch) line += ", nomatch";
      if (!lookup.matched && !lookup.why.empty()) line += fmt::format(" ({})", lookup.why);
      lines.push_back(std::move(line));
    }
    return lines;
  }
};

}  // namespace

constinit const MatchType kSetMatch = match_type<SetMatch>();

}  // namespace sallyport
