// -m physdev: the ports of a bridge that a packet comes in at and goes out by.
//
// The port it came in at is known at every hook; the one it goes out by only of a bridged packet
// (Context::port_out()). Where that port is not known neither --physdev-out nor its negation
// holds; of a packet that came in at no port, all negations do. (Seen on the kernel, each option
// alone and each two of them together: tests/flow/bridge-ports.flow.)
#include <fmt/format.h>

#include "extensions/registry.h"

namespace sallyport {
namespace {

// A name, or with "+" all that begin like it.
struct PortName {
  std::string text;

  bool is(const InterfaceName& port) const {
    std::string_view name = text;
    if (!name.ends_with('+')) return port.text() == name;
    return port.text().starts_with(name.substr(0, name.size() - 1));
  }
};
std::string read(Text text, const Scope&, PortName& out) {
  out.text = text;
  return wrong_interface_name(text);
}
void write(const PortName& name, const Scope&, std::string& out) {
  out += name.text;
}

struct PhysdevMatch {
  static constexpr Traits kTraits{.name = "physdev",
                                  .summary = "the ports of a bridge that the packet passes",
                                  .listed = "PHYSDEV match"};

  Arg<Flag> is_in, is_out, is_bridged;
  Arg<PortName> in, out;

  static constexpr auto options() {
    using Self = PhysdevMatch;
    return std::tuple{
        option("--physdev-is-in", &Self::is_in).negatable().help("", "it came in at a port"),
        option("--physdev-in", &Self::in).negatable().help("name[+]", "at this one"),
        option("--physdev-is-out", &Self::is_out).negatable().help("", "it goes out by a port"),
        option("--physdev-out", &Self::out)
            .negatable()
            .help("name[+]", "by this one; known of bridged packets, in FORWARD and POSTROUTING"),
        option("--physdev-is-bridged", &Self::is_bridged)
            .negatable()
            .help("", "it is bridged, not routed")};
  }

  // Linux takes what asks for the way out in OUTPUT only where it asks for what is bridged, too.
  uint8_t hooks() const {
    bool asks_out = is_out.given || out.given;
    if (!asks_out || (is_bridged.given && !is_bridged.negated)) return kAnyHook;
    return static_cast<uint8_t>(~hook_bit(Hook::kOutput));
  }

  std::string finish(const Placement&) const {
    bool any = is_in.given || in.given || is_out.given || out.given || is_bridged.given;
    return any ? "" : "--physdev-in, --physdev-out or one of --physdev-is-… is needed";
  }

  bool holds_in(const Context& context) const {
    return (context.ports && in.value.is(context.ports->in)) != in.negated;
  }
  bool holds_out(const Context& context) const {
    if (!context.ports) return out.negated;
    const InterfaceName* port = context.port_out();
    return port && out.value.is(*port) != out.negated;
  }
  bool holds_is_in(const Context& context) const {
    return (context.ports != nullptr) != is_in.negated;
  }
  bool holds_is_out(const Context& context) const {
    return (context.port_out() != nullptr) != is_out.negated;
  }
  bool holds_is_bridged(const Context& context) const {
    return (context.port_out() != nullptr) != is_bridged.negated;
  }

  MatchResult eval(Context& context) const {
    return yes_if((!is_in.given || holds_is_in(context)) && (!in.given || holds_in(context)) &&
                  (!is_out.given || holds_is_out(context)) && (!out.given || holds_out(context)) &&
                  (!is_bridged.given || holds_is_bridged(context)));
  }

  void compile(Emitter& emitter) const;
};

// One of the options, as a condition of its own.
struct PortCondition {
  PhysdevMatch match;
  bool (PhysdevMatch::*holds)(const Context&) const;

  MatchResult eval(Context& context) const { return yes_if((match.*holds)(context)); }
  std::vector<std::string> tell(const Context& context) const {
    if (!context.ports) return {"it came in at no port of a bridge"};
    const InterfaceName* out = context.port_out();
    return {
        fmt::format("it came in at {}, {}", context.ports->in.text(),
                    out ? fmt::format("and goes out by {}", out->text()) : "for no known port")};
  }
};

void PhysdevMatch::compile(Emitter& emitter) const {
  auto condition = [&](bool given, std::string_view option,
                       bool (PhysdevMatch::*holds)(const Context&) const) {
    if (!given) return;
    describe(emitter, *this, option);
    compile_call(emitter, PortCondition{*this, holds}, depends::kPacket);
  };
  condition(is_in.given, "--physdev-is-in", &PhysdevMatch::holds_is_in);
  condition(in.given, "--physdev-in", &PhysdevMatch::holds_in);
  condition(is_out.given, "--physdev-is-out", &PhysdevMatch::holds_is_out);
  condition(out.given, "--physdev-out", &PhysdevMatch::holds_out);
  condition(is_bridged.given, "--physdev-is-bridged", &PhysdevMatch::holds_is_bridged);
}

}  // namespace

constinit const MatchType kPhysdevMatch = match_type<PhysdevMatch>();

}  // namespace sallyport
