// A test of the time to live, which IPv4 and IPv6 have under different names: -m ttl and -m hl.
#pragma once

#include "extensions/extension.h"

namespace sallyport {

struct HopLimitWords {
  Traits traits;
  std::string_view equal, also, less, more;
  std::string_view needed;  // what to say where none of them is given
  std::string_view list_equal, list_unequal, list_less, list_more;  // Option::listed()
};

template <const HopLimitWords& kWords>
struct HopLimitMatch {
  static constexpr Traits kTraits = kWords.traits;

  Arg<Number<0, 255>> equal, less, more;

  static constexpr auto options() {
    using Self = HopLimitMatch;
    return std::tuple{option(kWords.equal, &Self::equal)
                          .listed(kWords.list_equal, kWords.list_unequal)
                          .alias(kWords.also)
                          .negatable()
                          .group(1)
                          .help("number", "it is this"),
                      option(kWords.less, &Self::less)
                          .listed(kWords.list_less)
                          .group(1)
                          .help("number", "it is less"),
                      option(kWords.more, &Self::more)
                          .listed(kWords.list_more)
                          .group(1)
                          .help("number", "it is more")};
  }

  std::string finish(const Placement&) const {
    return std::string(equal.given || less.given || more.given ? "" : kWords.needed);
  }

  MatchResult eval(Context& context) const {
    uint32_t have = context.packet.fields[Field::kTtl];
    if (equal.given) return yes_if((have == equal.value.value) != equal.negated);
    return yes_if(less.given ? have < less.value.value : have > more.value.value);
  }

  void compile(Emitter& emitter) const {
    if (equal.given) {
      describe(emitter, *this, kWords.equal);
      emitter.test(Field::kTtl, 0xff, static_cast<uint32_t>(equal.value.value), equal.negated);
    } else if (less.given) {
      describe(emitter, *this, kWords.less);
      emitter.test_range(Field::kTtl, static_cast<uint32_t>(less.value.value), 255, true);
    } else {
      describe(emitter, *this, kWords.more);
      emitter.test_range(Field::kTtl, 0, static_cast<uint32_t>(more.value.value), true);
    }
  }
};

}  // namespace sallyport
