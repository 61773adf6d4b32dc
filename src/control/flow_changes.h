// Which live flows other rules would judge otherwise: what a reload would change, or has changed.
//
// Three packets of each flow are asked about, as ordinary as can be: the one that began it, and one
// more in each direction. What only the real packet had (a hardware address, an owner, a TTL) they
// have not; a rule that asks for it answers as it does to packets without.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "attach/routes.h"
#include "engine/engine.h"
#include "sets/set_store.h"

namespace sallyport {

struct FlowChange {
  FlowId flow;
  std::string text;  // "tcp 10.0.0.9:4000 > 10.0.0.1:22"
  // The first of the three that is judged otherwise: "its first packet (NEW)".
  std::string_view packet;
  bool was_accepted = false, is_accepted = false;
  std::string was_by, is_by;  // "filter/INPUT:3"; empty: no rule
};

class FlowChanges {
 public:
  // Rules, and the sets that they ask.
  struct Firewall {
    Engine::Programs programs;
    SetStore sets;
  };
  // `other` is what would come after the engine's own, or was before them. The engine outlives it.
  enum class Other : uint8_t { kBefore, kAfter };
  FlowChanges(Engine& engine, Firewall other, Other when)
      : engine_(engine), other_(std::move(other)), when_(when) {}

  // Looks at some flows, as many as packets can wait for. False: that was all.
  bool look(const std::function<void(const FlowChange&)>& found);

 private:
  struct Question;
  using Answers = std::array<Engine::Supposed, 3>;
  std::vector<Question> questions_of(uint32_t place, const Flow& flow);
  Answers ask(std::vector<Question>& questions);
  Way way_of(const Tuple& tuple);

  Engine& engine_;
  Firewall other_;
  Other when_;
  Routes routes_;
  uint32_t next_ = 0;  // place
};

}  // namespace sallyport
