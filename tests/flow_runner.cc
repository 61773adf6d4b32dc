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

#include "attach/script.h"
#include "conntrack/discovery/descriptor.h"
#include "engine/engine.h"
#include "engine/way.h"
#include "packet/parse.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"
#include "support/observation.h"

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

  // The script's packet as an attachment hands it in; `bytes` must outlive it.
  Packet packet(const ScriptPacket& text, std::vector<uint8_t>& bytes) const {
    Packet packet;
    packet.data = bytes.data();
    packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
    packet.time = kStart + text.time;
    if (text.path != Path::kOut) {
      packet.mac_source = text.packet.mac_source.value_or(kMac);
      packet.has_mac = true;
    }
    parse(packet);
    packet.fields[Field::kMark] = text.packet.mark;
    return packet;
  }

  // The script's way; only whether an incoming packet is for this host is the viewpoint's.
  Way way(const ScriptPacket& text, Packet& packet) const {
    const InterfaceName* recorded = text.path == Path::kOut ? &text.out : &text.in;
    Way way = viewpoint_->way(packet, recorded);
    if (text.path == Path::kForward)
      return {Way::Path::kForward, Reason::kNone, &text.in, &text.out};
    if (text.path == Path::kIn) {
      if (way.path != Way::Path::kNone) way = {Way::Path::kInput, Reason::kNone, &text.in, nullptr};
      return way;
    }
    if (text.out.text() == "lo") {
      return {Way::Path::kLoopback, Reason::kNone, &text.out, &text.out};
    }
    return {Way::Path::kOutput, Reason::kNone, nullptr, &text.out};
  }

  // What an observer sees of an outcome.
  Observation observe(const ScriptPacket& text, const Outcome& outcome) {
    Observation seen;
    seen.fate = static_cast<Expectation::Fate>(outcome.fate);
    seen.state = outcome.info;
    if (outcome.info != CtInfo::kNone && outcome.info != CtInfo::kInvalid &&
        outcome.info != CtInfo::kUntracked) {
      seen.direction = outcome.direction;
    }
    seen.reason = outcome.reason;
    const Program* program = engine_->program(text.packet.spec.family);
    if (program && outcome.rule != kNoRule) {
      const RuleInfo& rule = program->rules[outcome.rule];
      seen.rule = Expectation::Rule{rule.table, rule.chain, rule.number};
    }
    seen.flow = find(tuple_of(text.packet));
    return seen;
  }

 private:
  static_assert(static_cast<int>(Outcome::Fate::kNone) ==
                static_cast<int>(Expectation::Fate::kNone));
  static_assert(static_cast<int>(Outcome::Fate::kStolen) ==
                static_cast<int>(Expectation::Fate::kStolen));

  void set_rules(Family family, const std::optional<Script::Block>& block, const SetStore& sets) {
    std::string text = block ? block->text : std::string(kNoRules);
    std::expected<Ruleset, Diagnostics> rules = parse_rules(text, family, &sets);
    ASSERT_TRUE(rules) << rules.error().render("rules", text);
    engine_->set_program(family, compile(*rules));
  }

  std::optional<SeenFlow> find(const Tuple& tuple) {
    Direction direction{};
    const Flow* flow = engine_->conntrack().find(
        engine_->conntrack().lookup(tuple, Zone{}, engine_->now(), &direction));
    if (!flow) return std::nullopt;
    SeenFlow seen;
    seen.status = flow->status;
    seen.timeout = static_cast<uint32_t>((flow->expires - engine_->now()) / kTicksPerSecond);
    if (tuple.protocol == protocol::kTcp) seen.tcp = flow->tcp.state;
    return seen;
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
        ways.push_back(firewall.way(script.packets[k], packets.back()));
      }
      firewall.engine().process(packets, ways, std::span(outcomes).subspan(i, count));
      if (burst == 1) check(script.packets[i], firewall.observe(script.packets[i], outcomes[i]));
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
