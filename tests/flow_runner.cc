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
#include <sstream>

#include "attach/script_run.h"
#include "engine/engine.h"
#include "engine/way.h"
#include "script_firewall.h"

namespace sallyport::testing {
namespace {

constexpr size_t kBurst = 4;
std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

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
    std::vector<Outcome> outcomes(script.packets.size());
    std::expected<ScriptFirewall, std::string> opened = ScriptFirewall::open(script);
    if (!opened) {
      ADD_FAILURE() << path_ << ": " << opened.error();
      return outcomes;
    }
    ScriptFirewall& firewall = *opened;
    std::vector<Answer> answers(burst);
    std::vector<std::vector<uint8_t>> bytes;
    for (const ScriptPacket& packet : script.packets) bytes.push_back(packet.packet.bytes);
    for (size_t i = 0; i < script.packets.size(); i += burst) {
      size_t count = std::min(burst, script.packets.size() - i);
      std::vector<Packet> packets;
      std::vector<Way> ways;
      for (size_t k = i; k < i + count; k++) {
        packets.push_back(firewall.packet(script.packets[k], bytes[k]));
        ways.push_back(way_of(script.packets[k], packets.back(), firewall.viewpoint()));
      }
      firewall.engine().process(packets, ways, std::span(outcomes).subspan(i, count),
                                std::span(answers).first(count));
      if (burst == 1) {
        check(script.packets[i],
              observe(script.packets[i], outcomes[i], firewall.engine(), answers.data()));
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
