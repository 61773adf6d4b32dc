// -m iprange: addresses from one to another.
#include "extensions/registry.h"

namespace sallyport {
namespace {

bool holds(const Arg<AddressRange>& range, const Address& address) {
  bool inside = address >= range.value.first && address <= range.value.last;
  return !range.given || inside != range.negated;
}

struct IprangeMatch {
  static constexpr Traits kTraits{
      .name = "iprange", .summary = "addresses from one to another", .depends = depends::kFlow};

  Arg<AddressRange> source, destination;

  static constexpr auto options() {
    return std::tuple{option("--src-range", &IprangeMatch::source)
                          .listed("source IP range ", "source IP range ! ")
                          .negatable()
                          .help("address[-address]", "the source is one of these"),
                      option("--dst-range", &IprangeMatch::destination)
                          .listed("destination IP range ", "destination IP range ! ")
                          .negatable()
                          .help("address[-address]", "the destination is one of these")};
  }

  std::string finish(const Placement&) const {
    return source.given || destination.given ? "" : "--src-range or --dst-range is needed";
  }

  MatchResult eval(Context& context) const {
    return yes_if(holds(source, context.packet.source()) &&
                  holds(destination, context.packet.destination()));
  }

  void compile(Emitter& emitter) const {
    if (source.given) {
      describe(emitter, *this, "--src-range");
      compile_range(emitter, &IprangeMatch::source, Field::kSource0);
    }
    if (destination.given) {
      describe(emitter, *this, "--dst-range");
      compile_range(emitter, &IprangeMatch::destination, Field::kDestination0);
    }
  }

  // In IPv6 a range is not one word: eval() with only the one of the two.
  void compile_range(Emitter& emitter, Arg<AddressRange> IprangeMatch::* which, Field field) const {
    const Arg<AddressRange>& range = this->*which;
    if (emitter.family() == Family::kIpv4) {
      emitter.test_range(field, range.value.first.words[0], range.value.last.words[0],
                         range.negated);
    } else {
      IprangeMatch one;
      one.*which = range;
      compile_call(emitter, one, kTraits.depends);
    }
  }
};

}  // namespace

constinit const MatchType kIprangeMatch = match_type<IprangeMatch>();

}  // namespace sallyport
