// What a rule sees and may touch while it is evaluated.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"
#include "conntrack/conntrack.h"
#include "packet/host.h"
#include "packet/packet.h"

namespace sallyport {

struct Location;
struct LogSinks;
class SetStore;

enum class Verdict : uint8_t {
  kContinue,  // no decision yet
  kAccept,
  kDrop,
  kQueue,
  kStolen,  // a fragment, held
};

// The five places of netfilter. What rules may say depends on them: no --in-interface in OUTPUT.
enum class Hook : uint8_t { kPrerouting, kInput, kForward, kOutput, kPostrouting, kCount };
std::string_view hook_name(Hook hook);  // "PREROUTING"

// What a condition or a target remembers from one packet to the next, such as a limit's credit. An
// engine has its own for each that needs one, all zeroes at first.
struct Memory {
  uint64_t amount = 0;
  Tick last = 0;
};

struct Context {
  Packet& packet;
  Tick now = 0;
  Conntrack* conntrack = nullptr;  // null: nothing is tracked
  Tracked* tracked = nullptr;      // before conntrack (raw): info is kNone
  SetStore* sets = nullptr;
  const LogSinks* logs = nullptr;  // null: nobody listens
  const Host* host = nullptr;
  const BridgePorts* ports = nullptr;  // null: the packet came in at no bridge's port
  std::span<Memory> memory;            // as many as Program::memories
  Location* ahead = nullptr;           // where it has been looked up ahead; null: nowhere
  // For the raw table's CT target: how to track.
  const Helper* helper = nullptr;
  Memory* template_mark = nullptr;  // of the CT that has acted; its amount is the mark
  Zone zone{};
  bool zone_is_mark = false;  // as the mark is when the packet is tracked
  bool zone_given = false;    // CT or NOTRACK has acted: of several, the first one counts
  bool has_template = false;  // CT has acted, and the packet is not tracked yet
  // A question ("what if this were ESTABLISHED?"): nothing outside `packet` may change.
  bool what_if = false;
  Hook hook = Hook::kPrerouting;

  // Set by rules, read by the engine.
  bool not_captured = false;          // a condition needed bytes that the capture does not have
  bool hotdrop = false;               // the verdict is a hotdrop's
  bool nat_reached = false;           // a NAT target that this version does not carry out
  uint32_t rule = 0;                  // that decided: an index into Program::rules
  const char* reject_with = nullptr;  // REJECT's type, where it decided

  // No aggregate, which would be cleared as a whole first: one is made for every new packet.
  explicit Context(Packet& of) : packet(of) {}

  // What rules see: the packet's flow, or the template of one. Null: it has none.
  const Flow* flow() const { return has_template ? &template_flow() : tracked_flow(); }
  const Flow* tracked_flow() const {
    return tracked && conntrack ? conntrack->find(tracked->flow) : nullptr;
  }
  Flow* tracked_flow() { return tracked && conntrack ? conntrack->find(tracked->flow) : nullptr; }

  // The port of a bridge that the packet goes out by; null: none is known. It is so from FORWARD
  // on, and only of what is bridged: of what is routed, or the host's own, the bridge looks for the
  // port after all rules.
  const InterfaceName* port_out() const {
    const bool is_late = hook == Hook::kForward || hook == Hook::kPostrouting;
    return ports && is_late && ports->out != InterfaceName() ? &ports->out : nullptr;
  }

  // CT and NOTRACK may still act: none has, and the packet is not tracked, as it is when it was
  // looped back.
  bool is_untouched() const { return !zone_given && !(tracked && tracked->info != CtInfo::kNone); }
  // CT in raw: until it is tracked, the packet is NEW, original, of a confirmed flow without
  // addresses, protocol or lifetime: the rule's template. Its mark is what CONNMARK in raw gives
  // it, for this packet and all that the rule sees later (seen on the kernel).
  void expect_flow(Memory& mark) {
    if (!conntrack) return;
    has_template = true;
    template_mark = &mark;
    packet.fields[Field::kCtState] = ct_state_bit(CtInfo::kNew);
    packet.fields[Field::kCtStatus] = template_flow().status;
    packet.fields[Field::kCtDirection] = 0;
    packet.fields[Field::kConnmark] = static_cast<uint32_t>(mark.amount);
  }
};

// What a condition says. Hotdrop: the packet is dropped at once, whatever the rule
// (kernel-facts 8).
enum class MatchResult : uint8_t { kNo, kYes, kHotdrop };

}  // namespace sallyport
