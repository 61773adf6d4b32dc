// The engine: packets in, verdicts out.
//
// process() takes a burst of packets, each with its way through the hooks, and
// fills in an outcome for each. It reads no clock, makes no system call, takes no
// lock and throws nothing; memory grows, if at all, between bursts. Captures,
// scripts, fuzzers and library users all call this one function, so all of them
// see the same firewall. Packets are judged strictly in order: the burst is for
// warming caches, and never changes an answer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "conntrack/conntrack.h"
#include "conntrack/discovery/discovery.h"
#include "engine/decisions.h"
#include "engine/outcome.h"
#include "engine/reject.h"
#include "engine/way.h"
#include "packet/defrag.h"
#include "packet/host.h"
#include "program/interpreter.h"
#include "program/log_sink.h"
#include "program/program.h"

namespace sallyport {

class SetStore;

// A held fragment whose fate is known now.
struct Released {
  void* cookie = nullptr;         // of the fragment
  void* completed_by = nullptr;   // cookie of the one that completed the datagram; null: lost
  Reason reason = Reason::kNone;  // why it was lost
};

// Whether a packet's flow knew the rules' answer already (decisions.h). Where one that is traced is
// judged by the rules all the same, it is for the telling.
struct Recall {
  bool remembered = false;  // packets like this one are not asked: they count the same rules
  Pc obstacle = kNoPc;      // or never can: a condition or target that wants every packet
};

// What happens to a packet at one place of its way: a table's chain of rules is run, conntrack has
// its turn, or it is routed; or it has been sent to the host itself and comes in now.
struct alignas(16) Stop {  // so that a number of them is a shift away
  enum class Kind : uint8_t { kTable, kTrack, kConfirm, kRoute, kLoopBack } kind;
  TableId table;
  Hook hook;
  bool has_in, has_out;  // which interfaces the packet has there
  Pc chain;
};

// What `explain` hears of a packet's way, beside conditions and rules.
class EngineTrace : public Trace {
 public:
  virtual void table(Hook hook, TableId table) = 0;
  virtual void tracked(const Context& context) = 0;
  // Once, after the rules, of a packet whose flow may remember.
  virtual void recall(const Program& program, const Recall& recall) = 0;
};

class Engine {
 public:
  struct Config {
    Knobs knobs;
    Host host;
    std::vector<Descriptor> descriptors;  // empty: discovery as Linux has it, none
    HashKey hash_key;                     // from getrandom() but in tests
    // The packets begin in the middle of things: for as long as an earlier flow could live, a
    // drop that it would explain is uncertain. False: the table is known to be complete.
    bool history_unknown = false;
    // Flows remember what the rules decided. False: each packet walks the rules.
    bool remember = true;
  };

  Engine(Config config, std::unique_ptr<SetStore> sets);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Null: no rules for this family; its packets reach no chain.
  void set_program(Family family, std::shared_ptr<const Program> program);
  // The same in the place of the program before it: what rules remember (limits) goes on where a
  // rule of the same identity had been, and its counters where they are to be kept. Between bursts.
  enum class OldCounters : uint8_t { kForgotten, kKept };
  void change_program(Family family, std::shared_ptr<const Program> program, OldCounters old);
  const Program* program(Family family) const;
  // For whoever names its rules later: it lives as long as anybody holds it.
  std::shared_ptr<const Program> shared_program(Family family) const {
    return rules(family).program;
  }
  std::span<const RuleCounters> counters(Family family) const;

  // packets, ways and outcomes are of one length. Packets have been parsed; their time, MAC and
  // cookie are set. Times do not run backwards: a packet older than the one before it is judged at
  // the latest time seen.
  void process(std::span<Packet> packets, std::span<const Way> ways, std::span<Outcome> outcomes) {
    process(packets, ways, outcomes, {});
  }
  // ... building REJECT's answers, each in the place of its packet; where no rule rejected, the
  // place is not touched. An answer is for the caller to send: it is not judged.
  void process(std::span<Packet> packets, std::span<const Way> ways, std::span<Outcome> outcomes,
               std::span<Answer> answers);
  // The same for one packet, telling its way.
  Outcome process_traced(Packet& packet, const Way& way, EngineTrace& trace,
                         Answer* answer = nullptr);
  // No packet, but time goes by: what is due expires. Times as in process().
  void pass_time(Instant now);
  // Held fragments whose fate the last process() or pass_time() settled.
  std::span<const Released> released() const { return released_; }

  // The datagram that the last packet judged has completed, as it goes on; null where it completed
  // none. On a bridge it takes these ports, its first fragment's; it leaves in pieces of at most
  // the largest fragment that came (in IPv6 1280 at least). All valid until the next process().
  const Packet* datagram() const { return datagram_; }
  const BridgePorts* datagram_ports() const { return defragmenter_->ports(); }
  uint32_t largest_fragment() const { return defragmenter_->largest_fragment(); }

  // Whom rules of LOG and of NFLOG tell; they outlive the engine.
  void log_to(const LogSinks& sinks) { logs_ = sinks; }

  // A question, which changes nothing: would this packet be accepted as one of this state and
  // direction, and, if it has one, of this flow? By which rule (Outcome::rule)?
  struct Supposed {
    bool accepted = false;
    uint32_t rule = kNoRule;
  };
  Supposed suppose(const Packet& packet, const Way& way, Tracked tracked);
  bool would_accept(const Packet& packet, const Way& way, CtInfo info);
  // Calls `ask`, for which it has these rules, by family, and these sets in the place of its own.
  // Between bursts.
  using Programs = std::array<std::shared_ptr<const Program>, 2>;
  void imagine(const Programs& programs, SetStore& sets, const std::function<void()>& ask);

  Conntrack& conntrack() { return *conntrack_; }
  const Conntrack& conntrack() const { return *conntrack_; }
  const Discovery* discovery() const { return discovery_.get(); }  // null without
  Discovery* discovery() { return discovery_.get(); }
  SetStore& sets() { return *sets_; }
  Host& host() { return config_.host; }
  // Its addresses have changed: whatever was decided by them is decided again. Between bursts.
  void change_host(Host host);
  // Other discovery descriptors; without discovery there stays none. Between bursts.
  void change_descriptors(std::vector<Descriptor> descriptors);
  Tick now() const { return tick_; }
  // Packets that were judged by what their flows remembered.
  uint64_t remembered() const { return remembered_; }
  // Packets that ended with this reason.
  uint64_t count(Reason reason) const { return reasons_[static_cast<size_t>(reason)]; }

 private:
  struct Journey;
  struct Rules {
    std::shared_ptr<const Program> program;
    std::vector<RuleCounters> counters;
    std::vector<Memory> memory;
    std::vector<Pc> stack;
    std::array<std::vector<Stop>, Way::kPaths> stops;  // by path, in order
    // Conntrack comes first: no rule is asked before it. By path; only of those on which a packet
    // is tracked once.
    std::array<bool, Way::kPaths> tracks_first{};
    // ... and there the index of the filter table's first chain; null: it has none.
    std::array<const Classifier*, Way::kPaths> classifier{};

    std::span<const Stop> way(Way::Path path) const { return stops[static_cast<size_t>(path)]; }
    // A rule that is about to be run.
    void prefetch(Pc pc) const {
      __builtin_prefetch(&program->code[pc]);
      const uint32_t rule = program->rule_of[pc];
      if (rule < counters.size()) __builtin_prefetch(&counters[rule], 1);
    }
  };

  static Rules rules_of(std::shared_ptr<const Program> program);
  void move_time(Instant time) {
    if (time <= now_) [[likely]]
      return;
    now_ = time;
    tick_ = tick_of(time);
  }
  void begin_burst(std::span<Packet> packets);
  void expire(size_t packets);
  void locate(std::span<const Packet> packets, std::span<const Way> ways);
  // These fill in an outcome, whatever was there. True, of refuse() and defragment(): that is all.
  bool refuse(const Packet& packet, const Way& way, Outcome& outcome);
  void take_long_way(Packet& packet, const Way& way, Outcome& outcome, Answer* answer);
  bool end_at_once(Packet& packet, const Way& way, Rules& rules, Followed followed,
                   Outcome& outcome);
  void go_on(Packet& packet, const Way& way, Followed followed, Location* ahead, Outcome& outcome,
             Answer* answer);
  bool end_as_recalled(Packet& packet, const Way& way, const Tracked& tracked, Outcome& outcome);
  template <typename Tracer>
  void judge(Packet& packet, const Way& way, Outcome& outcome, Answer* answer, Tracer& tracer);
  template <typename Tracer>
  void complete(Journey& journey, std::span<const Stop> stops, Answer* answer, Tracer& tracer);
  bool defragment(Packet*& packet, const Way& way, Defragmenter::Point point, Outcome& outcome);
  template <typename Tracer>
  Verdict travel(Journey& journey, std::span<const Stop> stops, Tracer& tracer);
  template <typename Tracer>
  Verdict ask(Journey& journey, const Stop& stop, Tracer& tracer);
  template <typename Tracer>
  Verdict track(Journey& journey, Tracer& tracer);
  bool may_remember(const Packet& packet, const Way& way, const Tracked& tracked) const;
  const Decision* recollection(const Tracked& tracked, const Way& way) const;
  bool end_as_remembered(Packet& packet, const Way& way, Rules& rules, const Decision* decision,
                         FlowId flow, Direction direction, Outcome& outcome);
  void recall(Journey& journey, bool traced);
  void learn(const Journey& journey);
  Verdict confirm(Journey& journey);
  void confirm_copy(Journey& journey);
  void conclude(Journey& journey, Verdict verdict, Answer* answer);
  const char* reject(const Journey& journey, Answer* answer);
  static Reason rule_reason(const Journey& journey, uint32_t rule);
  static Reason drop_reason(const Journey& journey);
  bool may_predate(const Journey& journey);
  Rules& rules(Family family) { return rules_[family == Family::kIpv6]; }
  const Rules& rules(Family family) const { return rules_[family == Family::kIpv6]; }
  bool tracks() const {  // the rules of either family want to know states
    return std::ranges::any_of(
        rules_, [](const Rules& rules) { return rules.program && rules.program->needs_conntrack; });
  }

  Config config_;
  std::unique_ptr<SetStore> sets_;
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<Conntrack> conntrack_;
  std::unique_ptr<Defragmenter> defragmenter_;
  std::array<Rules, 2> rules_;
  bool indexed_ = false;  // some of them have a classifier
  Decisions decisions_;
  // Of the packets at hand, by their number: where they are among the rules, as far as known.
  std::array<Location, Lookahead::kStride> locations_;
  LogSinks logs_;
  uint64_t remembered_ = 0;
  bool heard_ = false;  // in this burst: somebody listens to conntrack's events
  std::array<uint64_t, static_cast<size_t>(Reason::kCount)> reasons_{};
  std::vector<Released> released_;
  const Packet* datagram_ = nullptr;
  Instant now_{};
  Tick tick_ = tick_of(Instant{});
  std::optional<Instant> first_;
};

}  // namespace sallyport
