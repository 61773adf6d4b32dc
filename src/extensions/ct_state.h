// What --state and --ctstate share: the states' names, and how a packet's state is asked.
//
// A packet that conntrack has not seen (the raw table) counts as INVALID (seen on the kernel).
#pragma once

#include "extensions/extension.h"

namespace sallyport {

// SNAT and DNAT are no states but are listed among them.
constexpr uint32_t kStateSnat = 1u << 16, kStateDnat = 1u << 17;

// In the order in which they are printed.
constexpr Named kStates[] = {
    {"INVALID", ct_state_bit(CtInfo::kInvalid)},
    {"NEW", ct_state_bit(CtInfo::kNew)},
    {"RELATED", ct_state_bit(CtInfo::kRelated)},
    {"ESTABLISHED", ct_state_bit(CtInfo::kEstablished)},
    {"UNTRACKED", ct_state_bit(CtInfo::kUntracked)},
    {"SNAT", kStateSnat},
    {"DNAT", kStateDnat},
};
constexpr std::span<const Named> kPlainStates{kStates, 5};

constexpr uint32_t kAllStates =
    ct_state_bit(CtInfo::kInvalid) | ct_state_bit(CtInfo::kNew) | ct_state_bit(CtInfo::kRelated) |
    ct_state_bit(CtInfo::kEstablished) | ct_state_bit(CtInfo::kUntracked);
// Those of packets that belong to a flow.
constexpr uint32_t kFlowStates = ct_state_bit(CtInfo::kNew) | ct_state_bit(CtInfo::kRelated) |
                                 ct_state_bit(CtInfo::kEstablished);

struct StateList {
  uint32_t bits = 0;
};
inline std::string read(Text text, const Scope&, StateList& out) {
  return read_bits(text, kPlainStates, Spelling::kAnyCasePrefix, "state", out.bits);
}
inline void write(const StateList& states, const Scope&, std::string& out) {
  write_bits(states.bits, kStates, out);
}

inline uint32_t state_of(const Context& context) {
  uint32_t state = context.packet.fields[Field::kCtState];
  return state == 0 ? ct_state_bit(CtInfo::kInvalid) : state;
}

// Tests for plain states. INVALID is the absence of all others, so that 0 is among it.
inline void compile_state(Emitter& emitter, uint32_t states, bool negated) {
  if (states & ct_state_bit(CtInfo::kInvalid)) {
    emitter.test(Field::kCtState, kAllStates & ~states, 0, negated);
  } else {
    emitter.test(Field::kCtState, states, 0, !negated);
  }
  emitter.needs_conntrack();
}

// The packet belongs to a flow.
inline void compile_has_flow(Emitter& emitter) {
  emitter.test(Field::kCtState, kFlowStates, 0, true);
  emitter.needs_conntrack();
}

}  // namespace sallyport
