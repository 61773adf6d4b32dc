// The .flow scripts on the engine: what the kernel was seen to do, packet by packet.
//
// Each script is a test. It is run twice: one packet at a time, where every
// expectation is compared, and once more in bursts of several, whose outcomes must
// be the same, since a burst is for speed and never changes an answer.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>

#include "attach/script_run.h"
#include "conntrack/discovery/descriptor.h"
#include "engine/engine.h"
#include "engine/way.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport::testing {
namespace {

using Path = ScriptPacket::Path;

constexpr size_t kBurst = 4;
constexpr std::array<uint8_t, 6> kMac{2, 0, 0, 0, 0, 0xfe};
// Scripts begin at a tick; any will do.
const Instant kStart{std::chrono::seconds(1'700'000'000)};
// What a script without rules has: ACCEPT everywhere, and a rule that asks for the state.
constexpr std::string_view kNoRules =
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    "-A INPUT -m conntrack --ctstate INVALID\nCOMMIT\n";

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// An engine in the state that the script's head describes.
class Firewall {
 public:
  explicit Firewall(const Script& script) {
    Engine::Config config;
    for (const auto& [name, value] : script.sysctls) {
      Result<void> set = config.knobs.set(name, value);
      EXPECT_TRUE(set) << name << ": " << (set ? "" : set.error().what);
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
      EXPECT_TRUE(diagnostics.empty()) << diagnostics.render("sets", script.sets->text);
    }
    const SetStore* store = sets.get();
    engine_ = std::make_unique<Engine>(std::move(config), std::move(sets));
    set_rules(Family::kIpv4, script.rules, *store);
    set_rules(Family::kIpv6, script.rules6, *store);
    // No path is looked up for a host: the script says which way a packet goes.
    viewpoint_ =
        std::make_unique<Viewpoint>(Viewpoint::of_host(engine_->host(), InterfaceName("eth0")));
  }

  Engine& engine() { return *engine_; }

  const Viewpoint& viewpoint() const { return *viewpoint_; }

  // The script's packet as a network card hands it in; `bytes` must outlive it.
  static Packet packet(const ScriptPacket& text, std::vector<uint8_t>& bytes) {
    Packet packet = packet_of(text, bytes, kStart);
    if (text.path != Path::kOut && !packet.has_mac) {
      packet.mac_source = kMac;
      packet.has_mac = true;
    }
    return packet;
  }

 private:
  void set_rules(Family family, const std::optional<Script::Block>& block, const SetStore& sets) {
    std::string text = block ? block->text : std::string(kNoRules);
    std::expected<Ruleset, Diagnostics> rules = parse_rules(text, family, &sets);
    ASSERT_TRUE(rules) << rules.error().render("rules", text);
    engine_->set_program(family, compile(*rules));
  }

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Viewpoint> viewpoint_;
};

class FlowScript : public ::testing::Test {
 public:
  explicit FlowScript(std::string path) : path_(std::move(path)) {}

  void TestBody() override {
    std::string text = read_file(path_);
    Diagnostics diagnostics;
    std::optional<Script> script = parse_script(text, diagnostics);
    ASSERT_TRUE(script) << diagnostics.render(path_, text);
    excused_ = !script->differs.empty();
    std::vector<Outcome> alone = run(*script, 1);
    if (HasFailure()) return;
    // A difference that is known and said; it must not outlive itself.
    EXPECT_NE(script->differs.empty(), differs_)
        << path_ << ": the engine does as the kernel now: remove the line 'differs'";
    std::vector<Outcome> together = run(*script, kBurst);
    for (size_t i = 0; i < alone.size(); i++) {
      EXPECT_TRUE(alone[i].fate == together[i].fate && alone[i].info == together[i].info &&
                  alone[i].direction == together[i].direction &&
                  alone[i].rule == together[i].rule && alone[i].status == together[i].status)
          << fmt::format("{}:{}: not the same in a burst of {}", path_, script->packets[i].line,
                         kBurst);
    }
  }

 private:
  // The outcomes; expectations are compared where packets come one at a time.
  std::vector<Outcome> run(const Script& script, size_t burst) {
    Firewall firewall(script);
    std::vector<Outcome> outcomes(script.packets.size());
    std::vector<std::vector<uint8_t>> bytes;
    for (const ScriptPacket& packet : script.packets) bytes.push_back(packet.packet.bytes);
    for (size_t i = 0; i < script.packets.size() && !HasFatalFailure(); i += burst) {
      size_t count = std::min(burst, script.packets.size() - i);
      std::vector<Packet> packets;
      std::vector<Way> ways;
      for (size_t k = i; k < i + count; k++) {
        packets.push_back(firewall.packet(script.packets[k], bytes[k]));
        ways.push_back(way_of(script.packets[k], packets.back(), firewall.viewpoint()));
      }
      firewall.engine().process(packets, ways, std::span(outcomes).subspan(i, count));
      if (burst == 1) {
        check(script.packets[i], observe(script.packets[i], outcomes[i], firewall.engine()));
      }
    }
    return outcomes;
  }

  void check(const ScriptPacket& packet, const Observation& seen) {
    if (!packet.expected) return;
    std::string differs = compare(*packet.expected, seen);
    differs_ |= !differs.empty();
    if (differs.empty() || excused_) return;
    ADD_FAILURE() << fmt::format("{}:{}: expected {}; the engine: {}", path_, packet.line,
                                 packet.expected->text(), differs);
  }

  std::string path_;
  bool excused_ = false;  // the script says that the engine differs
  bool differs_ = false;
};

void register_scripts() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SALLYPORT_FLOW_SCRIPTS)) {
    if (entry.path().extension() == ".flow") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  for (const std::filesystem::path& path : paths) {
    std::string name = path.stem();
    std::ranges::replace(name, '-', '_');
    ::testing::RegisterTest("Flow", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [path] { return new FlowScript(path.string()); });
  }
}

}  // namespace
}  // namespace sallyport::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  sallyport::testing::register_scripts();
  return RUN_ALL_TESTS();
}
