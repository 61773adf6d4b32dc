// What only some flows have: a helper and what it remembers, labels. A flow without pays nothing:
// the record is beside the table, found by the flow's index.
//
// Nothing is allocated before enable(), which whoever compiles rules calls if one of them can give
// a flow such a record; then 4 bytes a flow, and a record of 56 for each flow that has one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/label_names.h"

namespace sallyport {

struct Helper;

// What a helper remembers of a connection (helpers/ftp.cc): where lines are known to begin.
struct HelperMemory {
  struct Lines {
    std::array<uint32_t, 2> at{};  // sequence numbers
    uint8_t count = 0;
  };
  std::array<Lines, 2> lines;  // by direction
};

// Which of the labels (-m connlabel) a flow has.
class Labels {
 public:
  bool has(uint8_t label) const { return (words_[label / 64] >> label % 64 & 1) != 0; }
  void set(uint8_t label) { words_[label / 64] |= uint64_t{1} << label % 64; }
  bool any() const { return (words_[0] | words_[1]) != 0; }
  friend bool operator==(const Labels&, const Labels&) = default;

 private:
  std::array<uint64_t, kLabels / 64> words_{};
};

struct FlowExtension {
  const Helper* helper = nullptr;       // that reads its packets
  const Helper* expected_by = nullptr;  // its master's, of an EXPECTED flow
  HelperMemory memory;
  Labels labels;
};

static_assert(sizeof(FlowExtension) == 56);

class FlowExtensions {
 public:
  void enable() { enabled_ = true; }
  bool enabled() const { return enabled_; }
  // Room for flows with indices below `flows`, and for `more` records. Allocates.
  void reserve(size_t flows, size_t more) {
    if (!enabled_) return;
    slots_.resize(flows);
    while (free_.size() < more) {
      free_.push_back(static_cast<uint32_t>(records_.size()));
      records_.emplace_back();
    }
    free_.reserve(records_.size());
  }
  size_t memory() const {
    return (slots_.capacity() + free_.capacity()) * sizeof(uint32_t) +
           records_.capacity() * sizeof(FlowExtension);
  }

  // Null: the flow has none.
  FlowExtension* find(uint32_t flow) {
    return slots_.empty() || !slots_[flow] ? nullptr : &records_[slots_[flow] - 1];
  }
  const FlowExtension* find(uint32_t flow) const {
    return const_cast<FlowExtensions*>(this)->find(flow);
  }
  // Made if there is none; null without room.
  FlowExtension* get(uint32_t flow) {
    if (FlowExtension* found = find(flow)) return found;
    if (slots_.empty() || free_.empty()) return nullptr;
    slots_[flow] = free_.back() + 1;
    free_.pop_back();
    return &(records_[slots_[flow] - 1] = {});
  }
  void release(uint32_t flow) {
    if (slots_.empty() || !slots_[flow]) return;
    free_.push_back(slots_[flow] - 1);  // has room: it never holds more than there are records
    slots_[flow] = 0;
  }

 private:
  bool enabled_ = false;
  std::vector<uint32_t> slots_;  // by flow: the record's number + 1; 0: none
  std::vector<FlowExtension> records_;
  std::vector<uint32_t> free_;
};

}  // namespace sallyport
