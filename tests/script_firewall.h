// An engine in the state that the head of a script describes, for whoever runs scripts on the
// engine: the runner of the .flow tests, and the judge that holds it against the kernel.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "attach/script.h"
#include "engine/engine.h"
#include "engine/way.h"

namespace sallyport::testing {

class ScriptFirewall {
 public:
  // Scripts begin at a tick; any will do.
  static constexpr Instant kStart{std::chrono::seconds(1'700'000'000)};

  // What is wrong with the script's rules, sets or sysctls, if anything is. `remember`: as in
  // Engine::Config.
  static std::expected<ScriptFirewall, std::string> open(const Script& script,
                                                         bool remember = true);

  Engine& engine() { return *engine_; }
  const Engine& engine() const { return *engine_; }
  const Viewpoint& viewpoint() const { return *viewpoint_; }

  // The script's packet as a network card hands it in, at its time; `bytes` must outlive it.
  static Packet packet(const ScriptPacket& text, std::vector<uint8_t>& bytes);

 private:
  ScriptFirewall() = default;
  std::expected<void, std::string> set_rules(Family family,
                                             const std::optional<Script::Block>& block);

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Viewpoint> viewpoint_;
};

}  // namespace sallyport::testing
