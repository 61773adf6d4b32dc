// -m iprange: addresses from one to another.
#include "extensions/registry.h"

namespace sallyport {
namespace {

bool holds(const Arg<AddressRange>& range, const Address& address) {
  bool inside = address >= range.value.first && address <= range.value.last;
  return !range.given || inside != range.negated;
}

struct IprangeMatch {
  static constexpr Traits kTraits{.name = "iprange", .summary = "addresses from one to another"};

  Arg<AddressRange> source, destination;

  static constexpr auto options() {
    return std::tuple{option("--src-range", &IprangeMatch::source)
                          .negatable()
                          .help("address[-address]", "the source is one of these"),
                      option("--dst-range", &IprangeMatch::destination)
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
    compile_range(emitter, source, "--src-range", Field::kSource0,
                  [](void* self, Context& context) {
                    const auto& range = static_cast<const IprangeMatch*>(self)->source;
                    return yes_if(holds(range, context.packet.source()));
                  });
    compile_range(emitter, destination, "--dst-range", Field::kDestination0,
                  [](void* self, Context& context) {
                    const auto& range = static_cast<const IprangeMatch*>(self)->destination;
                    return yes_if(holds(range, context.packet.destination()));
                  });
  }

  void compile_range(Emitter& emitter, const Arg<AddressRange>& range, std::string_view name,
                     Field field, MatchResult (*call)(void*, Context&)) const {
    if (!range.given) return;
    describe(emitter, *this, name);
    if (emitter.family() == Family::kIpv4) {
      emitter.test_range(field, range.value.first.words[0], range.value.last.words[0],
                         range.negated);
    } else {
      emitter.test_call(call, std::make_shared<IprangeMatch>(*this));
    }
  }
};

}  // namespace

constinit const MatchType kIprangeMatch = match_type<IprangeMatch>();

}  // namespace sallyport
