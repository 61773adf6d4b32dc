// -j CONNMARK: sets the flow's mark, or carries marks between packet and flow.
//
// By experiment and iptables-extensions(8): the flow's mark becomes (mark & ~mask) ^ value,
// all of it shifted at last; --save-mark shifts what it takes from the packet, and
// --restore-mark what it takes from the flow. Without a flow nothing happens.
#include "extensions/mark.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct ConnmarkTarget {
  static constexpr Traits kTraits{.name = "CONNMARK",
                                  .summary = "sets the flow's mark",
                                  .depends = depends::kState,
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<Xmark> set;
  Arg<Flag> save, restore;
  Arg<Mask32> nfmask, ctmask, mask;
  Arg<Number<0, 31>> left, right;

  static constexpr auto options() {
    using Self = ConnmarkTarget;
    constexpr uint8_t kWhat = 1, kShift = 2;
    return std::tuple{
        option("--set-xmark", &Self::set)
            .group(kWhat)
            .help("value[/mask]", "clears the mask's bits, then flips the value's"),
        option("--set-mark", &Self::set)
            .group(kWhat)
            .read_by(read_xmark<read_set_mark>)
            .help("value[/mask]", "clears the bits of both, then sets the value's"),
        option("--and-mark", &Self::set)
            .group(kWhat)
            .read_by(read_xmark<read_and_mark>)
            .help("bits", "keeps only these bits"),
        option("--or-mark", &Self::set)
            .group(kWhat)
            .read_by(read_xmark<read_or_mark>)
            .help("bits", "sets them"),
        option("--xor-mark", &Self::set)
            .group(kWhat)
            .read_by(read_xmark<read_xor_mark>)
            .help("bits", "flips them"),
        option("--save-mark", &Self::save).group(kWhat).help("", "from the packet to the flow"),
        option("--restore-mark", &Self::restore)
            .group(kWhat)
            .help("", "from the flow to the packet"),
        option("--nfmask", &Self::nfmask).help("bits", "of the packet's mark; default all"),
        option("--ctmask", &Self::ctmask).help("bits", "of the flow's mark; default all"),
        option("--mask", &Self::mask).help("bits", "both of these"),
        option("--left-shift-mark", &Self::left).group(kShift).help("bits", "shifts the mark up"),
        option("--right-shift-mark", &Self::right)
            .group(kShift)
            .help("bits", "shifts the mark down")};
  }

  std::string finish(const Placement&) {
    if (!set.given && !save.given && !restore.given) {
      return "--set-xmark, --save-mark, --restore-mark or the like is needed";
    }
    if (mask.given && (nfmask.given || ctmask.given)) {
      return "--mask cannot stand beside --nfmask and --ctmask";
    }
    if (mask.given) nfmask.value = ctmask.value = mask.value;
    if (set.given && (mask.given || ctmask.given)) set.value.mask = ctmask.value.value;
    mask.given = false;
    nfmask.given = ctmask.given = !set.given;
    left.given = left.given && left.value.value != 0;
    right.given = right.given && right.value.value != 0;
    return {};
  }

  void list(const Scope& scope, std::string& out) const {
    out += " CONNMARK ";
    if (set.given) return list_mark(set.value, scope, out);
    out += save.given ? "save" : "restore";
    const uint32_t nf = nfmask.value.value, ct = ctmask.value.value;
    if (nf == ~0u && ct == ~0u) return;
    auto add = [&](std::string_view word, uint32_t bits) {
      out += word;
      write(Mask32{bits}, scope, out);
    };
    if (nf == ct) return add(" mask ", nf);
    // What is taken, and under what it is put.
    add(save.given ? " nfmask " : " ctmask ", save.given ? nf : ct);
    add(save.given ? " ctmask ~" : " nfmask ~", save.given ? ct : nf);
  }

  uint32_t shifted(uint32_t mark) const {
    return left.given ? mark << left.value.value : mark >> right.value.value;
  }

  Verdict eval(Context& context) const {
    if (context.flow() == nullptr) return Verdict::kContinue;
    uint32_t& packet_mark = context.packet.fields[Field::kMark];
    uint32_t flow_mark = context.packet.fields[Field::kConnmark];
    uint32_t nf = nfmask.value.value, ct = ctmask.value.value;
    if (restore.given) {
      packet_mark = (packet_mark & ~nf) ^ shifted(flow_mark & ct);
      return Verdict::kContinue;
    }
    flow_mark = set.given ? shifted(apply(set.value, flow_mark))
                          : (flow_mark & ~ct) ^ shifted(packet_mark & nf);
    context.packet.fields[Field::kConnmark] = flow_mark;
    if (context.what_if) return Verdict::kContinue;
    if (context.has_template) {
      context.template_mark->amount = flow_mark;
    } else {
      context.conntrack->set_connmark(context.tracked->flow, flow_mark);
    }
    return Verdict::kContinue;
  }
};

}  // namespace

constinit const TargetType kConnmarkTarget = target_type<ConnmarkTarget>();

}  // namespace sallyport
