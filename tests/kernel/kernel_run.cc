#include "kernel/kernel_run.h"

#include <fmt/format.h>
#include <sched.h>
#include <sstream>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/answer_log.h"
#include "kernel/tick_clock.h"

namespace sallyport::testing {
namespace {

// The zones in which a packet's flow is looked for: those that rules name, zone 0 first.
struct Zones {
  std::vector<uint16_t> numbers{0};
  bool are_doubtful = false;  // they differ by direction, or hang on a mark
};
Zones zones_of(const Script& script) {
  Zones zones;
  for (const std::optional<Script::Block>* block : {&script.rules, &script.rules6}) {
    std::istringstream words(*block ? (*block)->text : "");
    for (std::string word, before; words >> word; before = word) {
      if (!before.starts_with("--zone")) continue;
      zones.numbers.push_back(static_cast<uint16_t>(parse_number(word).value_or(0)));
      zones.are_doubtful |= before != "--zone" || word == "mark";
    }
  }
  return zones;
}

void sleep_for(Duration time) {
  int64_t ns = time.count();
  timespec left{ns / 1'000'000'000, ns % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

bool has_helper(const std::optional<Script::Block>& rules) {
  return rules && rules->text.contains("--helper ");
}

std::expected<Ending, std::string> end_of(const Script& script, const Sandbox& sandbox) {
  Ending ending;
  struct Listing {
    std::vector<std::string> command;
    std::string* text;
    bool wanted;
  };
  const Listing listings[] = {
      {{"conntrack", "-L", "-o", "extended"}, &ending.flows, true},
      {{"conntrack", "-L", "expect"}, &ending.expectations, has_helper(script.rules)},
      {{"conntrack", "-L", "expect", "-f", "ipv6"},
       &ending.expectations,
       has_helper(script.rules6)},
      {{"ipset", "save"}, &ending.sets, script.sets.has_value()},
      {{"iptables-legacy-save", "-c"}, &ending.counters, script.rules.has_value()},
      {{"ip6tables-legacy-save", "-c"}, &ending.counters6, script.rules6.has_value()}};
  ending.begin = sandbox.clock().now();
  for (const Listing& listing : listings) {
    if (!listing.wanted) continue;
    std::expected<std::string, std::string> said = output_of(listing.command);
    if (!said) return std::unexpected(said.error());
    listing.text->append(*said);
  }
  ending.end = sandbox.clock().now();
  return ending;
}

// One script's packets, one after the other.
class Runner {
 public:
  Runner(const Script& script, Sandbox& sandbox, Probe& probe, AnswerLog& answers, Pace pace)
      : script_(script),
        sandbox_(sandbox),
        probe_(probe),
        answers_(answers),
        pace_(pace),
        zones_(zones_of(script)) {
    if (pace == Pace::kFree) return;
    clock_.emplace();
    clock_->start();
  }

  std::expected<KernelRun, std::string> run() {
    KernelRun run;
    Duration before{};
    for (const ScriptPacket& packet : script_.packets) {
      if (!wait_for(packet, packet.time - before)) run.late = true;
      before = packet.time;
      std::expected<KernelStep, std::string> step = send(packet, run.late);
      if (!step) return std::unexpected(fmt::format("line {}: {}", packet.line, step.error()));
      run.steps.push_back(std::move(*step));
    }
    std::expected<Ending, std::string> ending = end_of(script_, sandbox_);
    if (!ending) return std::unexpected(ending.error());
    run.ending = std::move(*ending);
    return run;
  }

 private:
  bool wait_for(const ScriptPacket& packet, Duration gap) const {
    if (pace_ == Pace::kTicks) return clock_->wait_for(packet.time);
    if (gap >= kRealGap) sleep_for(gap);
    sandbox_.clock().await_room();
    return true;
  }

  std::expected<KernelStep, std::string> send(const ScriptPacket& packet, bool& late) {
    sandbox_.drain();
    Tick tick = sandbox_.clock().now();
    if (Done sent = sandbox_.send(packet); !sent) {
      if (pace_ == Pace::kTicks) return std::unexpected(sent.error());
      return KernelStep{};
    }
    late |= sandbox_.clock().now() != tick;
    std::expected<std::vector<SeenFlow>, std::string> flows =
        flows_.find(tuple_of(packet.packet), zones_.numbers);
    Tick lag = sandbox_.clock().now() - tick;
    if (!flows) return std::unexpected(flows.error());
    KernelStep step{.sighting = probe_.take(packet), .tick = tick};
    if (!flows->empty()) step.sighting.seen.flow = flows->front();
    step.sighting.has_zones = zones_.numbers.size() > 1;
    step.sighting.flow_is_doubtful = zones_.are_doubtful || flows->size() > 1;
    step.sighting.seen.answer = answers_.take();
    if (packet.path != ScriptPacket::Path::kIn) {
      step.sighting.sent = sandbox_.sent_for(packet);
    }
    step.sighting.seen.seconds_late =
        static_cast<uint32_t>((lag + kTicksPerSecond - 1) / kTicksPerSecond);
    if (clock_) late |= !clock_->still_in(packet.time);
    return step;
  }

  const Script& script_;
  Sandbox& sandbox_;
  Probe& probe_;
  AnswerLog& answers_;
  Pace pace_;
  Zones zones_;
  FlowFinder flows_;
  std::optional<TickClock> clock_;  // with Pace::kTicks
};

}  // namespace

std::expected<KernelRun, std::string> run_on_kernel(const Script& script, Pace pace) {
  std::expected<Sandbox, std::string> sandbox = Sandbox::open(script);
  if (!sandbox) return std::unexpected(sandbox.error());
  // First, as it keeps this kernel's own reports away from conntrack, which the probe turns on.
  std::expected<AnswerLog, std::string> answers = AnswerLog::open();
  if (!answers) return std::unexpected(answers.error());
  std::expected<Probe, std::string> probe = Probe::open(script);
  if (!probe) return std::unexpected(probe.error());
  if (Done done = sandbox->load_rules(script); !done) return std::unexpected(done.error());
  if (pace == Pace::kTicks) {
    sched_param priority{.sched_priority = 1};
    ::sched_setscheduler(0, SCHED_FIFO, &priority);  // if it fails, ticks are missed more often
  }
  return Runner(script, *sandbox, *probe, *answers, pace).run();
}

std::string what_is_missing() {
  if (::geteuid() != 0) return "not root";
  if (!TickClock::has_known_length()) return "the kernel's tick is not 4 ms";
  Diagnostics diagnostics;
  Script trial = *parse_script(
      "host eth0=192.0.2.1/24\nrules <<END\n*filter\nCOMMIT\nEND\n"
      "in udp 192.0.2.2:1 > 192.0.2.1:2\n",
      diagnostics);
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  pid_t child = ::fork();
  if (child == 0) {
    std::expected<KernelRun, std::string> run = run_on_kernel(trial, Pace::kFree);
    std::string error = run ? "" : run.error();
    ssize_t count = ::write(ends[1], error.data(), error.size());
    ::_exit(count == static_cast<ssize_t>(error.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string error(1000, '\0');
  ssize_t count = ::read(ends[0], error.data(), error.size());
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  error.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return error;
}

}  // namespace sallyport::testing
