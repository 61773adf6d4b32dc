#include "kernel/trial.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/words.h"
#include "kernel/complaint.h"
#include "kernel/recording.h"

namespace sallyport::testing {
namespace {

using Json = nlohmann::json;

constexpr int kTries = 8;
constexpr int kSure = 4;  // runs in time that a difference has to come back in

struct Once {
  std::vector<Difference> differences;
  std::string error;
  bool late = false;
  std::optional<KernelRun> kernel;
  std::optional<EngineRun> engine;
};

std::vector<std::optional<Tick>> ticks_of(const KernelRun& run) {
  std::vector<std::optional<Tick>> ticks;
  std::ranges::transform(run.steps, std::back_inserter(ticks), &KernelStep::tick);
  return ticks;
}

Once run_once(const Script& script, Pace pace = Pace::kFree, Telling telling = Telling::kNo) {
  Once once;
  std::expected<KernelRun, std::string> kernel = run_on_kernel(script, pace);
  std::vector<std::optional<Tick>> ticks(script.packets.size(), Tick{0});
  if (kernel) ticks = ticks_of(*kernel);
  std::expected<EngineRun, std::string> engine = run_on_engine(script, ticks, telling);
  if (kernel && engine) {
    once.differences = compare_runs(script, *kernel, *engine);
    once.late = kernel->late;
    once.kernel = std::move(*kernel);
    once.engine = std::move(*engine);
  } else if (kernel) {
    once.differences.push_back({Aspect::kRefused, 0, "", "takes it", engine.error()});
  } else if (engine) {
    once.differences.push_back({Aspect::kRefused, 0, "", kernel.error(), "takes it"});
  } else {
    once.error = fmt::format("the kernel: {}; the engine: {}", kernel.error(), engine.error());
  }
  return once;
}

std::optional<Script> parse(const std::string& text, std::string& error) {
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(text, diagnostics);
  if (!script) error = diagnostics.render("script", text);
  return script;
}

// The words behind `option` in a rule's text.
std::set<std::string> words_behind(const std::string& text,
                                   std::initializer_list<std::string_view> options) {
  std::set<std::string> out;
  std::istringstream words(text);
  for (std::string word, before; words >> word; before = word) {
    if (std::ranges::find(options, before) != options.end()) out.insert(word);
  }
  return out;
}

// The ends of words that begin like this, each as often as it is there.
std::vector<std::string> words_after(const std::string& text, std::string_view begin) {
  std::vector<std::string> out;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.starts_with(begin)) out.push_back(word.substr(begin.size()));
  }
  return out;
}

class CoverageOf {
 public:
  CoverageOf(const Script& script, const Once& once) {
    for (size_t i = 0; i < script.packets.size(); i++) {
      if (!once.kernel->steps[i].tick) continue;
      add_packet(script.packets[i], once.kernel->steps[i].sighting, *once.engine);
      add_complaint(once.kernel->steps[i].sighting, once.engine->steps[i].reason);
    }
    std::istringstream lines(script.sets ? script.sets->text : "");
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string create, name, type;
      words >> create >> name >> type;
      if (create == "create") count("set type", type);
    }
    for (const auto& [name, value] : script.sysctls) count("sysctl", name);
    for (const std::string& helper : words_after(once.kernel->ending.expectations, "helper=")) {
      count("expectation left", helper);
    }
    for (auto& [group, features] : coverage_.groups) {
      for (auto& [name, number] : features) number.scripts = 1;
    }
  }
  Coverage take() { return std::move(coverage_); }

 private:
  void count(const std::string& group, const std::string& name) {
    coverage_.groups[group][name].packets++;
  }

  void add_packet(const ScriptPacket& packet, const Sighting& sighting, const EngineRun& run) {
    const PacketSpec& spec = packet.packet.spec;
    constexpr const char* kWays[] = {"INPUT", "OUTPUT", "FORWARD", "FORWARD, bridged"};
    count("way", kWays[static_cast<size_t>(packet.path)]);
    count("family", spec.family == Family::kIpv4 ? "IPv4" : "IPv6");
    count("protocol", protocol_word(spec.protocol));
    if (spec.fragment) count("packet", "fragment");
    if (!spec.extensions.empty()) count("packet", "extension headers");
    if (spec.cut || spec.trim || spec.ihl || spec.length_field || spec.bad_header_checksum) {
      count("packet", "broken header");
    }
    if (spec.checksum == PacketSpec::Checksum::kBad) count("packet", "wrong checksum");
    count("verdict", std::string(verdict_word(sighting.seen.fate)));
    std::string_view state = ct_info_name(sighting.seen.state);
    if (!state.empty()) count("state", std::string(state));
    if (sighting.seen.flow && sighting.seen.flow->tcp) {
      count("TCP state", std::string(tcp_state_name(*sighting.seen.flow->tcp)));
    }
    const Program* program = run.firewall.engine().program(spec.family);
    for (const ExpectedOutcome::Rule& rule : sighting.passed) add_rule(rule, *program);
  }

  // Conntrack's words, and what the engine calls it.
  void add_complaint(const Sighting& sighting, Reason reason) {
    if (sighting.seen.state != CtInfo::kInvalid || reason == Reason::kNone) return;
    std::string_view words = words_of_complaint(sighting.complaint).value_or(sighting.complaint);
    count("INVALID", fmt::format("{}: {}", words, reason_name(reason)));
  }

  void add_rule(const ExpectedOutcome::Rule& passed, const Program& program) {
    count("table", passed.table);
    auto rule = std::ranges::find_if(program.rules, [&](const RuleInfo& info) {
      return info.number == passed.number && info.chain == passed.chain &&
             info.table == passed.table;
    });
    if (rule == program.rules.end() || rule->number == 0) return;
    for (const std::string& match : words_behind(rule->text, {"-m"})) count("match", match);
    for (const std::string& target : words_behind(rule->text, {"-j", "-g"})) {
      bool own = std::ranges::none_of(target, [](char c) { return c >= 'a' && c <= 'z'; });
      count("target", own ? target : "a chain");
    }
  }

  Coverage coverage_;
};

// What each side saw of the packet in `line`, as comments.
std::string stories(const Script& script, const Once& once, uint32_t line) {
  std::string out;
  for (size_t i = 0; i < script.packets.size(); i++) {
    if (script.packets[i].line != line || !once.kernel || !once.engine) continue;
    const Sighting& sighting = once.kernel->steps[i].sighting;
    out += fmt::format("# The kernel: {}; rules {}\n", record(std::nullopt, sighting.seen).text(),
                       text_of_rules(sighting.passed));
    if (!sighting.complaint.empty()) out += fmt::format("#   {}\n", sighting.complaint);
    out +=
        fmt::format("# The engine: {}\n", record(std::nullopt, once.engine->steps[i].seen).text());
    for (const std::string& said : once.engine->steps[i].story) {
      out += fmt::format("#   {}\n", said);
    }
  }
  return out;
}

void fill_in(const Script& script, const Once& once, Trial& trial) {
  trial.error = once.error;
  if (!once.kernel) return;
  trial.packets = static_cast<uint64_t>(std::ranges::count_if(
      once.kernel->steps, [](const KernelStep& step) { return step.tick.has_value(); }));
  trial.unsent = script.packets.size() - trial.packets;
  trial.coverage = CoverageOf(script, once).take();
}

Json json_of(const std::vector<Difference>& differences) {
  Json json = Json::array();
  for (const Difference& d : differences) {
    json.push_back({static_cast<int>(d.aspect), d.line, d.subject, d.kernel, d.engine});
  }
  return json;
}

std::vector<Difference> differences_from(const Json& json) {
  std::vector<Difference> differences;
  for (const Json& d : json) {
    differences.push_back({static_cast<Aspect>(d[0].get<int>()), d[1], d[2], d[3], d[4]});
  }
  return differences;
}

}  // namespace

void Coverage::add(const Coverage& other) {
  for (const auto& [group, features] : other.groups) {
    for (const auto& [name, count] : features) {
      Count& sum = groups[group][name];
      sum.scripts += count.scripts;
      sum.packets += count.packets;
    }
  }
}

Trial try_script(const std::string& text) {
  Trial trial;
  std::optional<Script> script = parse(text, trial.error);
  if (!script) return trial;
  std::vector<Difference> differences;  // that every run in time has shown
  for (int tries = 0, sure = 0; tries < kTries && sure < kSure; tries++) {
    Once once = run_once(*script);
    if (tries == 0) fill_in(*script, once, trial);
    if (tries == 0) trial.unsteady = once.differences;
    if (once.differences.empty()) return trial;
    if (once.late) continue;
    if (sure++ == 0) {
      differences = std::move(once.differences);
    } else {
      std::erase_if(differences, [&](const Difference& difference) {
        return std::ranges::find(once.differences, difference.kind(), &Difference::kind) ==
               once.differences.end();
      });
      if (differences.empty()) return trial;
    }
    if (sure == kSure) trial.differences = std::move(differences);
  }
  if (!trial.differences.empty()) trial.unsteady.clear();
  return trial;
}

bool still_differs(const std::string& text, const std::string& kind) {
  std::string error;
  std::optional<Script> script = parse(text, error);
  if (!script) return false;
  for (int tries = 0; tries < kTries; tries++) {
    Once once = run_once(*script);
    bool differs =
        std::ranges::find(once.differences, kind, &Difference::kind) != once.differences.end();
    if (!differs || !once.late) return differs;
  }
  return false;
}

bool loads(const std::string& text) {
  std::string error;
  std::optional<Script> script = parse(text, error);
  return script && ScriptFirewall::open(*script);
}

std::string present(const std::string& text, const Difference& difference,
                    const std::string& origin) {
  std::string error;
  Script script = *parse(text, error);
  std::string head =
      fmt::format("# {}: the kernel: {}; the engine: {}\n# From {}.\n",
                  aspect_name(difference.aspect), difference.kernel, difference.engine, origin);
  Once once = run_once(script, Pace::kTicks, Telling::kYes);
  auto found = std::ranges::find(once.differences, difference.kind(), &Difference::kind);
  if (found != once.differences.end()) {
    head = fmt::format("# {}: the kernel: {}; the engine: {}\n# From {}.\n",
                       aspect_name(found->aspect), found->kernel, found->engine, origin);
    head += stories(script, once, found->line);
  }
  if (!once.kernel) return head + text;
  std::vector<ExpectedOutcome> expectations;
  for (const KernelStep& step : once.kernel->steps) {
    expectations.push_back(record(std::nullopt, step.sighting.seen));
  }
  return head + rewrite(text, script, expectations);
}

std::string to_text(const Trial& trial) {
  Json coverage = Json::object();
  for (const auto& [group, features] : trial.coverage.groups) {
    for (const auto& [name, count] : features) {
      coverage[group][name] = {count.scripts, count.packets};
    }
  }
  return Json{{"differences", json_of(trial.differences)},
              {"unsteady", json_of(trial.unsteady)},
              {"error", trial.error},
              {"packets", trial.packets},
              {"unsent", trial.unsent},
              {"coverage", coverage}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Trial trial_from(const std::string& text) {
  Trial trial;
  Json json = Json::parse(text);
  trial.error = json["error"];
  trial.packets = json["packets"];
  trial.unsent = json["unsent"];
  trial.differences = differences_from(json["differences"]);
  trial.unsteady = differences_from(json["unsteady"]);
  for (const auto& [group, features] : json["coverage"].items()) {
    for (const auto& [name, count] : features.items()) {
      trial.coverage.groups[group][name] = {count[0], count[1]};
    }
  }
  return trial;
}

}  // namespace sallyport::testing
