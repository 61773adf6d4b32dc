// -m connlabel: a label of the packet's flow, one of 128, which it may also set.
//
// With --set the flow has the label from then on, and the condition holds; without a flow it does
// not. The negation turns the result round and sets the label all the same. What CT has taken in
// hand in raw has no labels yet, and gets none; a flow does not inherit those of the one that
// expected it (all seen on the kernel).
//
// Names are those of the connlabel.conf that whoever reads the rules has given: without it, labels
// go by number. A number is never a name, and a label that has a name is printed by it.
#include <fmt/format.h>

#include "base/label_names.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct Label {
  uint8_t number = 0;
  std::string name;  // empty: it has none
};
std::string read(Text text, const Scope& scope, Label& out) {
  if (read_number(text)) {
    uint64_t number = 0;
    std::string wrong = read_number_within(text, 0, kMostLabels - 1, number);
    if (!wrong.empty()) return wrong;
    out.number = static_cast<uint8_t>(number);
  } else {
    std::optional<uint8_t> found = scope.labels ? scope.labels->find(text) : std::nullopt;
    if (!found) {
      return fmt::format("no label has the name '{}'; --labels FILE reads a connlabel.conf", text);
    }
    out.number = *found;
  }
  if (scope.labels) out.name = scope.labels->of(out.number);
  return {};
}
// In quotes always, as iptables does.
void write(const Label& label, const Scope&, std::string& out) {
  out += '"' + (label.name.empty() ? std::to_string(label.number) : label.name) + '"';
}

struct ConnlabelMatch {
  static constexpr Traits kTraits{.name = "connlabel",
                                  .summary = "a label of the flow",
                                  .depends = depends::kPacket,  // labels change without notice
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<Label> label;
  Arg<Flag> set;

  static constexpr auto options() {
    return std::tuple{
        option("--label", &ConnlabelMatch::label)
            .negatable()
            .mandatory()
            .help("name|number", "the flow has this label"),
        option("--set", &ConnlabelMatch::set).help("", "and if it has not, it gets it")};
  }

  void list(const Scope&, std::string& out) const {
    const std::string& name = label.value.name;
    out += fmt::format(" connlabel {}{}{}", label.negated ? "! " : "",
                       name.empty() ? std::to_string(label.value.number) : name,
                       set.given ? " set" : "");
  }

  MatchResult eval(Context& context) const {
    bool has = false;
    if (context.tracked_flow() != nullptr) {
      FlowId id = context.tracked->flow;
      if (set.given && !context.what_if) context.conntrack->set_label(id, label.value.number);
      has = set.given || context.conntrack->labels(id).has(label.value.number);
    }
    return yes_if(has != label.negated);
  }

  void compile(Emitter& emitter) const {
    emitter.needs_flow_extensions();
    emitter.condition(text_of(*this, emitter.family()));
    compile_call(emitter, *this, kTraits.depends);
  }
};

}  // namespace

constinit const MatchType kConnlabelMatch = match_type<ConnlabelMatch>();

}  // namespace sallyport
