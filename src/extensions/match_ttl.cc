// -m ttl: the time to live of an IPv4 packet.
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct TtlMatch {
  static constexpr Traits kTraits{
      .name = "ttl", .summary = "the IPv4 time to live", .families = kIpv4Only};

  Arg<Number<0, 255>> eq, lt, gt;

  static constexpr auto options() {
    using Self = TtlMatch;
    return std::tuple{option("--ttl-eq", &Self::eq)
                          .alias("--ttl")
                          .negatable()
                          .group(1)
                          .help("number", "it is this"),
                      option("--ttl-lt", &Self::lt).group(1).help("number", "it is less"),
                      option("--ttl-gt", &Self::gt).group(1).help("number", "it is more")};
  }

  std::string finish(const Placement&) const {
    return eq.given || lt.given || gt.given ? "" : "--ttl-eq, --ttl-lt or --ttl-gt is needed";
  }

  MatchResult eval(Context& context) const {
    uint32_t have = context.packet.fields[Field::kTtl];
    if (eq.given) return yes_if((have == eq.value.value) != eq.negated);
    return yes_if(lt.given ? have < lt.value.value : have > gt.value.value);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, eq.given ? "--ttl-eq" : lt.given ? "--ttl-lt" : "--ttl-gt");
    if (eq.given) {
      emitter.test(Field::kTtl, 0xff, static_cast<uint32_t>(eq.value.value), eq.negated);
    } else if (lt.given) {
      emitter.test_range(Field::kTtl, static_cast<uint32_t>(lt.value.value), 255, true);
    } else {
      emitter.test_range(Field::kTtl, 0, static_cast<uint32_t>(gt.value.value), true);
    }
  }
};

}  // namespace

constinit const MatchType kTtlMatch = match_type<TtlMatch>();

}  // namespace sallyport
