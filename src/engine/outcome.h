// What became of a packet: its fate, the rule and the reason, and conntrack's view of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/reason.h"
#include "conntrack/flow.h"
#include "program/program.h"

namespace sallyport {

struct Outcome {
  enum class Fate : uint8_t {
    kNone,  // it was not for this host, or no packet: see `reason`
    kAccept,
    kDrop,
    kQueue,
    kStolen,  // a fragment, held: see Engine::released()
  };
  Fate fate = Fate::kNone;
  std::optional<Hook> hook;  // the last one reached
  Reason reason = Reason::kNone;
  bool certain = true;
  // The rule that decided, an index into Program::rules; for an accepted packet the filter
  // table's. kNoRule: no rule did (no such table).
  uint32_t rule = kNoRule;
  const char* reject_with = nullptr;  // REJECT's type where it decided
  const char* unanswered = nullptr;   // ... and, if it sends none to this packet, why
  // Conntrack's view; info is kNone where it is not used.
  CtInfo info = CtInfo::kNone;
  Direction direction = Direction::kOriginal;
  uint32_t status = 0;              // of the flow after this packet
  FlowId flow;                      // none: INVALID, UNTRACKED, or the flow went with the packet
  Reason tracking = Reason::kNone;  // why it is INVALID, or why discovery did not let it in

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string_view verdict_word(Outcome::Fate fate);  // "ACCEPT"

}  // namespace sallyport
