// -j NFLOG: the packet itself to whoever keeps such. It decides nothing.
//
// What a kernel's listener sees is linux/netfilter/nfnetlink_log.h; --nflog-threshold is about how
// the kernel talks to it, and --nflog-range has never had an effect (iptables-extensions(8)).
#include <algorithm>

#include "extensions/registry.h"
#include "program/log_sink.h"

namespace sallyport {
namespace {

// Longer ones are cut, as iptables-legacy does (its nft variant: at 127).
struct Prefix : String<1, 63> {};
std::string read(Text text, const Scope&, Prefix& out) {
  constexpr size_t kLongest = 63;
  return read_string(text.substr(0, kLongest), 1, kLongest, out.value);
}

struct NflogTarget {
  static constexpr Traits kTraits{
      .name = "NFLOG", .summary = "keeps the packet in a capture", .side_effects = true};

  Arg<Prefix> prefix;
  Arg<Number<0, 0xffff>> group;
  Arg<Number<0, 0xffffffff>> size, range;
  Arg<Number<0, 0xffff>> threshold;

  static constexpr auto options() {
    using Self = NflogTarget;
    constexpr uint8_t kHowMuch = 1;
    return std::tuple{
        option("--nflog-prefix", &Self::prefix).help("text", "stands beside it; 63 bytes"),
        option("--nflog-group", &Self::group).help("number", "stands beside it, too; default 0"),
        option("--nflog-range", &Self::range)
            .group(kHowMuch)
            .help("bytes", "without effect; --nflog-size has one"),
        option("--nflog-size", &Self::size)
            .group(kHowMuch)
            .help("bytes", "keeps so many of it; default all"),
        option("--nflog-threshold", &Self::threshold)
            .help("packets", "the kernel's way to tell of it; without effect here")};
  }

  std::string finish(const Placement&) {
    group.given = group.value.value != 0;
    threshold.given = threshold.value.value != 0;
    return {};
  }

  void list(const Scope& scope, std::string& out) const {
    std::string words;
    write_options(specs_of<NflogTarget>(), this, scope, words);
    // "--nflog-group 5" without its dashes.
    for (size_t at = 0; (at = words.find(" --nflog-", at)) != std::string::npos;) {
      words.erase(at + 1, 2);
    }
    out += words;
  }

  uint32_t bytes() const {
    constexpr int64_t kAll = 0xffff;
    return static_cast<uint32_t>(size.given ? std::min<int64_t>(size.value.value, kAll) : kAll);
  }

  void prepare(Emitter& emitter) { emitter.needs_bytes(bytes()); }

  Verdict eval(Context& context) const {
    if (!context.logs || !context.logs->nflog || context.what_if) return Verdict::kContinue;
    context.logs->nflog->keep(context, {.prefix = prefix.value.value,
                                        .group = static_cast<uint16_t>(group.value.value),
                                        .bytes = bytes()});
    return Verdict::kContinue;
  }
};

}  // namespace

constinit const TargetType kNflogTarget = target_type<NflogTarget>();

}  // namespace sallyport
