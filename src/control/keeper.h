// Writes down, while a firewall runs, what shall outlive it (kept_state.h).
//
// It goes through all places of flows and of elements, twice a second, a little of it a turn of the
// daemon's loop, and writes what is not as it was when it came by before: a sum of each thing
// tells. So the packet path knows nothing of it, what has been written is at most a second old, and
// a thing that changes a thousand times in between is written once. What is written goes to a
// thread of its own (journal.h). The first time through is the whole of it, a snapshot; when the
// changes behind it have come to several times as much, a new file is begun.
//
// 4 bytes for each place of a flow or an element.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/journal.h"
#include "control/kept_state.h"
#include "control/managed.h"

namespace sallyport {

class Keeper {
 public:
  // `log` is told, once, when something cannot be written. Both outlive it.
  Keeper(const std::string& path, Managed& firewall, std::function<void(const std::string&)> log);

  // Between bursts. True: it is behind, and goes on at once.
  bool turn(Instant now);
  // All of it, now, and waits for the disk.
  void finish(Instant now);

  struct Status {
    std::string path;
    uint64_t bytes = 0;     // of the file
    uint64_t failures = 0;  // times that a file could not be written
    std::string error;      // why nothing is kept now; empty: all is well
    Instant complete{};     // all was written as it was after this time
  };
  Status status() const;

 private:
  using Sums = std::vector<uint32_t>;  // of what was written; 0: nothing
  void begin_file();
  void begin_pass(Instant now);
  void end_pass();
  bool go_on(Instant now, size_t most);
  // Writes the ones that have changed, from `next` on, up to `end`; the work that it was.
  size_t write_flows(uint32_t end);
  size_t write_elements(uint32_t end);
  void write_rest();
  void write(RecordKind kind, uint32_t place, std::string_view bytes);
  void write_if_changed(RecordKind kind, uint32_t place, const std::string& bytes);
  void hand_over();

  const std::string path_;
  Managed& firewall_;
  std::function<void(const std::string&)> log_;
  Journal journal_;
  std::string block_;
  Sums flows_, elements_;
  std::array<std::string, 16> last_;  // of what is written as a whole, by kind and place
  uint64_t sets_edits_ = 0;
  std::array<std::shared_ptr<const Program>, 2> programs_;

  bool in_pass_ = false, snapshot_ = false;
  Instant pass_began_{}, complete_{}, retry_at_{};
  uint32_t next_flow_ = 0, next_element_ = 0;
  uint64_t snapshot_bytes_ = 0, failures_ = 0;
  std::string error_;
};

}  // namespace sallyport
