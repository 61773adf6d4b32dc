#include "attach/replay.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "packet/parse.h"

namespace sallyport {
namespace {

// What every record begins as: copied, which costs less than making one each time.
constexpr Judged kNothingYet;

}  // namespace

Replay::Replay(Capture& capture, Engine& engine, const Viewpoint& viewpoint, const Options& options)
    : capture_(capture),
      engine_(engine),
      viewpoint_(viewpoint),
      options_(options),
      records_(options.burst),
      packets_(options.burst),
      ways_(options.burst),
      outcomes_(options.burst) {}

void Replay::trace(uint64_t index, EngineTrace& trace) {
  traced_ = index;
  trace_ = &trace;
}

void Replay::watch(std::function<void(const Judged&)> watcher) {
  watcher_ = std::move(watcher);
}

void Replay::on_answer(std::function<void(const Judged&, Answer&)> sink) {
  answer_sink_ = std::move(sink);
  answers_.resize(outcomes_.size());
}

namespace {

// A cookie is the record's index, never null.
void* cookie_of(uint64_t index) {
  return reinterpret_cast<void*>(index + 1);  // NOLINT: a number in a pointer's place
}
uint64_t index_of(void* cookie) {
  return reinterpret_cast<uint64_t>(cookie) - 1;
}

}  // namespace

// Fills the slot's packet and way. A frame without an IP packet has a way of its own: none.
void Replay::prepare(const Record& record, size_t slot) {
  Packet& packet = packets_[slot];
  const Reason no_packet = fill_packet(record, packet);
  packet.cookie = cookie_of(record.index);
  if (no_packet != Reason::kNone) {
    leave_unparsed(packet, no_packet);
    ways_[slot] = {.path = Way::Path::kNone, .reason = no_packet};
    return;
  }
  parse(packet);
  packet.fields[Field::kPacketType] = static_cast<uint32_t>(record.packet_type);
  if (!options_.verify_checksums && packet.malformed == Reason::kBadHeaderChecksum) {
    packet.malformed = Reason::kNone;
  }
  viewpoint_.find_way(packet, record.interface, ways_[slot]);
  // Linux does not look at what a host sends; a report wants to know.
  if (options_.verify_checksums && ways_[slot].path == Way::Path::kOutput) verify_checksum(packet);
}

void Replay::judge_burst(size_t first, size_t count) {
  auto packets = std::span(packets_).subspan(first, count);
  auto ways = std::span(ways_).subspan(first, count);
  auto outcomes = std::span(outcomes_).subspan(first, count);
  std::span<Answer> answers;
  if (answer_sink_) answers = std::span(answers_).subspan(first, count);
  if (count == 1 && trace_ && traced_ == records_[first].index) {
    outcomes[0] = engine_.process_traced(packets[0], ways[0], *trace_,
                                         answers.empty() ? nullptr : answers.data());
  } else {
    engine_.process(packets, ways, outcomes, answers);
  }
  for (size_t i = 0; i < count; i++) {
    Judged& judged = hand_on(outcomes[i]);
    describe(records_[first + i], packets[i], ways[i], judged);
    if (watcher_) watcher_(judged);
    if (!answers.empty() && judged.outcome.reject_with && !judged.outcome.unanswered) {
      answer_sink_(judged, answers[i]);
    }
  }
  for (const Released& released : engine_.released()) settle(released);
}

// A place for the next record, with its outcome: where it is handed on at once, or where it waits
// until all before it are settled.
Judged& Replay::hand_on(const Outcome& outcome) {
  bool held = outcome.fate == Outcome::Fate::kStolen;
  if (held || !waiting_.empty()) {
    waiting_.push_back({.judged = kNothingYet, .waiting = held});
    waiting_.back().judged.outcome = outcome;
    return waiting_.back().judged;
  }
  first_waiting_++;
  ready_.push_back(kNothingYet);
  ready_.back().outcome = outcome;
  return ready_.back();
}

void Replay::settle(const Released& released) {
  uint64_t index = index_of(released.cookie);
  if (index < first_waiting_) return;  // handed on already
  Held& held = waiting_[index - first_waiting_];
  held.waiting = false;
  if (released.completed_by) {
    held.judged.completed_by = index_of(released.completed_by);
  } else {
    held.judged.outcome.fate = Outcome::Fate::kDrop;
    held.judged.outcome.reason = released.reason;
  }
}

// How many of them come before the end; from then on nothing more is read.
size_t Replay::count_until(std::span<const Record> records) {
  auto late =
      std::ranges::find_if(records, [&](const Record& record) { return record.time > *until_; });
  auto count = static_cast<size_t>(late - records.begin());
  ended_ = count < records.size();
  return count;
}

// Reads and judges a burst; the record to be traced goes by itself.
bool Replay::read() {
  uint64_t most = watcher_ ? 1 : records_.size();
  if (last_) most = std::min(most, judged_ > *last_ ? 0 : *last_ + 1 - judged_);
  if (ended_) return false;
  size_t count = capture_.read(std::span(records_).first(most));
  if (until_) count = count_until(std::span(records_).first(count));
  if (count == 0) return false;
  judged_ += count;
  for (size_t i = 0; i < count; i++) prepare(records_[i], i);
  size_t first = 0;
  for (size_t i = 0; i < count; i++) {
    if (!traced_ || records_[i].index != *traced_) continue;
    if (i > first) judge_burst(first, i - first);
    judge_burst(i, 1);
    first = i + 1;
  }
  if (count > first) judge_burst(first, count - first);
  return true;
}

bool Replay::next(std::span<const Judged>& judged) {
  ready_.clear();
  while (ready_.empty()) {
    bool more = read();
    if (!more && waiting_.empty()) return false;
    while (!waiting_.empty() &&
           (!waiting_.front().waiting || !more || waiting_.size() > kMostWaiting)) {
      ready_.push_back(waiting_.front().judged);
      waiting_.pop_front();
      first_waiting_++;
    }
  }
  judged = ready_;
  return true;
}

}  // namespace sallyport
