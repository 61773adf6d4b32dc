// -m hl: the hop limit of an IPv6 packet.
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct HlMatch {
  static constexpr Traits kTraits{
      .name = "hl", .summary = "the IPv6 hop limit", .families = kIpv6Only};

  Arg<Number<0, 255>> eq, lt, gt;

  static constexpr auto options() {
    using Self = HlMatch;
    return std::tuple{option("--hl-eq", &Self::eq)
                          .alias("--hl")
                          .negatable()
                          .group(1)
                          .help("number", "it is this"),
                      option("--hl-lt", &Self::lt).group(1).help("number", "it is less"),
                      option("--hl-gt", &Self::gt).group(1).help("number", "it is more")};
  }

  std::string finish(const Placement&) const {
    return eq.given || lt.given || gt.given ? "" : "--hl-eq, --hl-lt or --hl-gt is needed";
  }

  MatchResult eval(Context& context) const {
    uint32_t have = context.packet.fields[Field::kTtl];
    if (eq.given) return yes_if((have == eq.value.value) != eq.negated);
    return yes_if(lt.given ? have < lt.value.value : have > gt.value.value);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, eq.given ? "--hl-eq" : lt.given ? "--hl-lt" : "--hl-gt");
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

constinit const MatchType kHlMatch = match_type<HlMatch>();

}  // namespace sallyport
