// -j CT: how the packet is to be tracked: not at all, in which zone, with which events.
//
// Of several CT and NOTRACK that a packet meets, the first one counts (seen on the
// kernel). After CT, the rules of raw see the packet as NEW already, of a flow that has no
// addresses (Context::expect_flow). Events are taken and printed; here every change is an event.
#include <fmt/format.h>

#include "conntrack/helpers/helper.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

// The events of conntrack and of expectations, in the order in which they are printed.
constexpr Named kEvents[] = {{"new", 1},          {"related", 2},    {"destroy", 4}, {"reply", 8},
                             {"assured", 16},     {"protoinfo", 32}, {"helper", 64}, {"mark", 128},
                             {"natseqinfo", 256}, {"secmark", 512}};
constexpr Named kExpectEvents[] = {{"new", 1}};

struct Events {
  uint32_t bits = 0;
};
std::string read(Text text, const Scope&, Events& out) {
  return read_bits(text, kEvents, Spelling::kExact, "event", out.bits);
}
void write(const Events& events, const Scope&, std::string& out) {
  write_bits(events.bits, kEvents, out);
}
struct ExpectEvents {
  uint32_t bits = 0;
};
std::string read(Text text, const Scope&, ExpectEvents& out) {
  return read_bits(text, kExpectEvents, Spelling::kExact, "event", out.bits);
}
void write(const ExpectEvents& events, const Scope&, std::string& out) {
  write_bits(events.bits, kExpectEvents, out);
}

struct ZoneId {
  uint16_t id = 0;
  bool from_mark = false;  // the lower half of the packet's mark
};
std::string read(Text text, const Scope&, ZoneId& out) {
  uint64_t id = 0;
  out.from_mark = text == "mark";
  if (out.from_mark) return {};
  std::string wrong = read_number_within(text, 0, 65535, id);
  out.id = static_cast<uint16_t>(id);
  return wrong.empty() ? wrong : wrong + ", nor 'mark'";
}
void write(const ZoneId& zone, const Scope&, std::string& out) {
  out += zone.from_mark ? "mark" : std::to_string(zone.id);
}

struct CtTarget {
  static constexpr Traits kTraits{.name = "CT",
                                  .summary = "says how the packet is tracked",
                                  .listed = "CT",
                                  .tables = table_bit(TableId::kRaw),
                                  .side_effects = true,
                                  .needs_conntrack = true};

  Arg<Flag> notrack;
  Arg<String<1, 15>> helper;
  Arg<String<1, 31>> timeout;
  Arg<Events> events;
  Arg<ExpectEvents> expect_events;
  Arg<ZoneId> zone, zone_orig, zone_reply;
  const Helper* reads = nullptr;  // of --helper
  uint32_t memory = 0;            // of the compiled rule; its amount is the template's mark

  static constexpr auto options() {
    using Self = CtTarget;
    return std::tuple{
        option("--notrack", &Self::notrack).listed("notrack").help("", "not at all"),
        option("--helper", &Self::helper).listed("helper ").help("name", "with this helper"),
        option("--timeout", &Self::timeout)
            .listed("timeout ")
            .help("name", "with this timeout policy"),
        option("--ctevents", &Self::events)
            .listed("ctevents ")
            .help("event,…", "only these events of its flow"),
        option("--expevents", &Self::expect_events)
            .listed("expevents ")
            .help("new", "only these of expectations"),
        option("--zone", &Self::zone).listed("zone ").group(1).help("number|mark", "in this zone"),
        option("--zone-orig", &Self::zone_orig)
            .listed("zone-orig ")
            .group(1)
            .help("number|mark", "the original direction in this zone"),
        option("--zone-reply", &Self::zone_reply)
            .listed("zone-reply ")
            .group(1)
            .help("number|mark", "the reply direction in this zone")};
  }

  std::string finish(const Placement& place) {
    if (std::string wrong = find_helper_for(place); !wrong.empty()) return wrong;
    if (timeout.given) {
      return fmt::format("timeout policies are not known to Sallyport ({})", timeout.value.value);
    }
    for (Arg<ZoneId>* each : {&zone, &zone_orig, &zone_reply}) {
      each->given = each->given && (each->value.from_mark || each->value.id != 0);
    }
    return {};
  }

  std::string find_helper_for(const Placement& place) {
    if (!helper.given) return {};
    if (place.protocol == 0 || place.protocol_negated) return "--helper needs -p PROTOCOL";
    reads = find_helper(helper.value.value, place.protocol, place.scope.family);
    if (reads) return {};
    return fmt::format("helper {} is not known to Sallyport for this protocol and family",
                       helper.value.value);
  }

  void prepare(Emitter& emitter) {
    memory = emitter.new_memory();
    if (reads) emitter.needs_flow_extensions();
  }

  Verdict eval(Context& context) const {
    if (!context.is_untouched()) return Verdict::kContinue;
    context.zone_given = true;
    if (notrack.given) {
      if (context.conntrack && context.tracked) {
        *context.tracked = context.conntrack->untrack(context.packet);
      }
      return Verdict::kContinue;
    }
    context.expect_flow(context.memory[memory]);
    context.helper = reads;
    using Directions = Zone::Directions;
    auto take = [&](const Arg<ZoneId>& id, Directions directions) {
      if (!id.given) return;
      context.zone = {id.value.id, directions};
      context.zone_is_mark = id.value.from_mark;
    };
    take(zone, Directions::kBoth);
    take(zone_orig, Directions::kOriginal);
    take(zone_reply, Directions::kReply);
    return Verdict::kContinue;
  }
};

}  // namespace

constinit const TargetType kCtTarget = target_type<CtTarget>();

}  // namespace sallyport
