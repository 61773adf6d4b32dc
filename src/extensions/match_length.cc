// -m length: the length of the IP packet.
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct LengthMatch {
  static constexpr Traits kTraits{.name = "length", .summary = "the length of the IP packet"};

  Arg<NumberRange<65535>> length;

  static constexpr auto options() {
    return std::tuple{option("--length", &LengthMatch::length)
                          .listed("length ")
                          .negatable()
                          .mandatory()
                          .help("length[:length]", "in bytes, the IP header included")};
  }

  MatchResult eval(Context& context) const {
    uint32_t have = context.packet.fields[Field::kLength];
    return yes_if((have >= length.value.low && have <= length.value.high) != length.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, "--length");
    emitter.test_range(Field::kLength, static_cast<uint32_t>(length.value.low),
                       static_cast<uint32_t>(length.value.high), length.negated);
  }
};

}  // namespace

constinit const MatchType kLengthMatch = match_type<LengthMatch>();

}  // namespace sallyport
