// -m helper: flows that a helper expected.
//
// What counts is the helper of the flow that expected this one, not its own: the control
// connection itself does not match. The helper's name need only be the beginning of what is given
// ("ftp-2121" matches ftp), and with "" any helper does. A packet without a flow, or of a flow
// that nobody expected, matches the negation (all seen on the kernel).
#include <fmt/format.h>

#include "conntrack/helpers/helper.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct HelperMatch {
  static constexpr Traits kTraits{.name = "helper",
                                  .summary = "flows that a helper expected",
                                  .depends = depends::kFlow,
                                  .needs_conntrack = true};

  Arg<String<0, 29>> helper;

  static constexpr auto options() {
    return std::tuple{option("--helper", &HelperMatch::helper)
                          .negatable()
                          .mandatory()
                          .help("name", "expected by this helper, or by any for \"\"")};
  }

  void list(const Scope&, std::string& out) const {
    out += fmt::format(" helper match {}\"{}\"", helper.negated ? "! " : "", helper.value.value);
  }

  MatchResult eval(Context& context) const {
    const Flow* flow = context.tracked_flow();
    const Helper* by = flow ? context.conntrack->expected_by(context.tracked->flow) : nullptr;
    const std::string& wanted = helper.value.value;
    bool is = by && (wanted.empty() || wanted.starts_with(by->name));
    return yes_if(is != helper.negated);
  }
};

}  // namespace

constinit const MatchType kHelperMatch = match_type<HelperMatch>();

}  // namespace sallyport
