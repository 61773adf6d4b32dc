#include "script_firewall.h"

#include <fmt/format.h>

#include "attach/script_run.h"
#include "conntrack/discovery/descriptor.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport::testing {
namespace {

constexpr std::array<uint8_t, 6> kMac{2, 0, 0, 0, 0, 0xfe};
// What a script without rules has: ACCEPT everywhere, and a rule that asks for the state.
constexpr std::string_view kNoRules =
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    "-A INPUT -m conntrack --ctstate INVALID\nCOMMIT\n";

}  // namespace

std::expected<ScriptFirewall, std::string> ScriptFirewall::open(const Script& script,
                                                                bool remember) {
  Engine::Config config;
  config.remember = remember;
  for (const auto& [name, value] : script.sysctls) {
    if (Result<void> set = config.knobs.set(name, value); !set) {
      return std::unexpected(fmt::format("{}: {}", name, set.error().what));
    }
  }
  for (const Script::HostAddress& host : script.host) {
    config.host.add(host.interface, host.address);
  }
  for (const Script::Group& group : script.groups) config.host.join(group.family, group.address);
  if (!script.compat_linux) config.descriptors = builtin_descriptors();
  config.hash_key = make_hash_key(7);
  auto sets = std::make_unique<SetStore>(config.hash_key);
  if (script.sets) {
    Diagnostics diagnostics;
    sets->restore(script.sets->text, tick_of(kStart), diagnostics);
    if (!diagnostics.empty()) {
      return std::unexpected(diagnostics.render("sets", script.sets->text));
    }
  }
  ScriptFirewall firewall;
  firewall.engine_ = std::make_unique<Engine>(std::move(config), std::move(sets));
  if (auto done = firewall.set_rules(Family::kIpv4, script.rules); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = firewall.set_rules(Family::kIpv6, script.rules6); !done) {
    return std::unexpected(done.error());
  }
  // No path is looked up for a host: the script says which way a packet goes.
  firewall.viewpoint_ = std::make_unique<Viewpoint>(
      Viewpoint::of_host(firewall.engine_->host(), InterfaceName("eth0")));
  return firewall;
}

std::expected<void, std::string> ScriptFirewall::set_rules(
    Family family, const std::optional<Script::Block>& block) {
  std::string text = block ? block->text : std::string(kNoRules);
  std::expected<Ruleset, Diagnostics> rules = parse_rules(text, family, &engine_->sets());
  if (!rules) return std::unexpected(rules.error().render("rules", text));
  // Scripts' chains are short. All are indexed, so that what judges them judges indices as well.
  engine_->set_program(family, compile(*rules, 1));
  return {};
}

Packet ScriptFirewall::packet(const ScriptPacket& text, std::vector<uint8_t>& bytes) {
  Packet packet = packet_of(text, bytes, kStart);
  if (text.path != ScriptPacket::Path::kOut && !packet.has_mac) {
    packet.mac_source = kMac;
    packet.has_mac = true;
  }
  return packet;
}

}  // namespace sallyport::testing
