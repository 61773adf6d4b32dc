// Replaying a capture through the engine: records in, judged records out, in order.
//
// A held fragment's fate is known only when its datagram is whole or lost, so a
// record is handed on when all before it are settled.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "attach/capture.h"
#include "attach/judged.h"
#include "engine/engine.h"
#include "engine/way.h"

namespace sallyport {

class Replay {
 public:
  // Records that wait for a fragment before them, at most; beyond that the fragment is handed on
  // as held, its fate unknown.
  static constexpr size_t kMostWaiting = 1 << 20;

  struct Options {
    bool verify_checksums = true;  // false: an IPv4 header's is not looked at either
    size_t burst = 64;             // the engine's, or less; what a burst needs stays in the cache
  };

  // All outlive the replay.
  Replay(Capture& capture, Engine& engine, const Viewpoint& viewpoint, const Options& options);

  // The next records that are settled, fewer than a burst or many more; false at the end. What is
  // handed out is valid until the next call.
  bool next(std::span<const Judged>& judged);

  // The record with this index is judged by itself, telling its way.
  void trace(uint64_t index, EngineTrace& trace);
  // Told of each record as soon as it is judged, the engine being as that record left it; of a
  // fragment that it is held, whatever comes of it. Records are judged one at a time then.
  void watch(std::function<void(const Judged&)> watcher);
  // Told of each of REJECT's answers, in the order of the packets answered.
  void on_answer(std::function<void(const Judged&, Answer&)> sink);
  // No record after this one is read: the engine stays as that one left it. Given again with a
  // later one, next() goes on from there.
  void stop_after(uint64_t index) { last_ = index; }
  // No record is read from the first on that is later than this moment.
  void stop_at(Instant moment) { until_ = moment; }

 private:
  struct Held {
    Judged judged;
    bool waiting = false;  // for the rest of its datagram
  };
  void judge_burst(size_t first, size_t count);
  void prepare(const Record& record, size_t slot);
  Judged& hand_on(const Outcome& outcome);
  void settle(const Released& released);
  size_t count_until(std::span<const Record> records);
  bool read();

  Capture& capture_;
  Engine& engine_;
  const Viewpoint& viewpoint_;
  Options options_;
  std::optional<uint64_t> last_;
  std::optional<Instant> until_;
  bool ended_ = false;  // a record later than that has been seen
  std::optional<uint64_t> traced_;
  EngineTrace* trace_ = nullptr;
  std::function<void(const Judged&)> watcher_;
  std::function<void(const Judged&, Answer&)> answer_sink_;
  uint64_t judged_ = 0;  // records so far
  // Of one burst.
  std::vector<Record> records_;
  std::vector<Packet> packets_;
  std::vector<Way> ways_;
  std::vector<Outcome> outcomes_;
  std::vector<Answer> answers_;  // if anybody wants them
  // Judged but not handed on: all waits for the first.
  std::deque<Held> waiting_;
  uint64_t first_waiting_ = 0;  // index of waiting_'s first, or of the next record
  std::vector<Judged> ready_;
};

}  // namespace sallyport
