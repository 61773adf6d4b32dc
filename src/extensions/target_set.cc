// -j SET: adds the packet's addresses and ports to a set, or removes them.
//
// It acts when the rule is reached, whatever becomes of the packet, and the rules go
// on (kernel-facts 48); a full set stays as it is.
#include "extensions/registry.h"
#include "extensions/set_use.h"

namespace sallyport {
namespace {

// Refused by its name; sets here have no skbinfo to map from.
struct MapSet {
  static constexpr size_t kWords = 2;
};
std::string read(std::span<const Text>, const Scope&, MapSet&) {
  return "not supported here: sets with skbinfo are not";
}
void write(const MapSet&, const Scope&, std::string&) {}

struct SetTarget {
  static constexpr Traits kTraits{.name = "SET",
                                  .summary = "adds to a set, or removes from it",
                                  .depends = depends::kPacket | depends::kSet,
                                  .side_effects = true};

  Arg<SetUse> add;
  Arg<Flag> exist;
  Arg<Number<0, UINT32_MAX - 1>> timeout;
  Arg<SetUse> del;
  Arg<MapSet> map;
  SetQuery query;  // of the add

  static constexpr auto options() {
    using Self = SetTarget;
    return std::tuple{
        option("--add-set", &Self::add)
            .listed("add-set ")
            .help("name src|dst[,…]", "adds to this set, each taken from that direction"),
        option("--exist", &Self::exist)
            .listed("exist")
            .help("", "an element that is there starts anew"),
        option("--timeout", &Self::timeout)
            .listed("timeout ")
            .help("seconds", "instead of the set's own; 0: for ever"),
        option("--del-set", &Self::del)
            .listed("del-set ")
            .help("name src|dst[,…]", "removes from this set"),
        option("--map-set", &Self::map).help("name src|dst[,…]", "not supported")};
  }

  std::string finish(const Placement& place) {
    if (!add.given && !del.given) return "--add-set or --del-set is missing";
    if (!add.given && exist.given) return "--exist goes with --add-set only";
    if (!add.given && timeout.given) return "--timeout goes with --add-set only";
    query = add.value.query;
    query.exist = exist.given;
    if (timeout.given) query.timeout = static_cast<uint32_t>(timeout.value.value);
    std::string wrong = add.given ? resolve(add.value, place) : "";
    if (wrong.empty() && del.given) wrong = resolve(del.value, place);
    return wrong;
  }

  Verdict eval(Context& context) const {
    if (context.sets == nullptr) return Verdict::kContinue;
    SetMoment moment{context.now, context.what_if};
    SetAnswer answer;
    if (add.given) answer = context.sets->add(add.value.ref, context.packet, query, moment);
    context.not_captured |= answer.not_captured;
    if (del.given) {
      answer = context.sets->remove(del.value.ref, context.packet, del.value.query, moment);
      context.not_captured |= answer.not_captured;
    }
    return Verdict::kContinue;
  }
};

}  // namespace

constinit const TargetType kSetTarget = target_type<SetTarget>();

}  // namespace sallyport
