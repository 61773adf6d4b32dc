// What only some flows have: who expected them, a helper and what it remembers, labels, counters
// beyond the bits that an entry has for them. A flow without pays nothing: the record is beside the
// table, found by the flow's index, and the flow's status says whether there is one
// (ct_status::kExtended).
//
// 4 bytes a flow, in pages that nobody touches where no flow has a record, and 88 for each record.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/label_names.h"
#include "base/segments.h"
#include "conntrack/flow.h"

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
  std::array<uint64_t, kMostLabels / 64> words_{};
};

struct FlowExtension {
  FlowId master;                        // the flow that expected this one
  const Helper* helper = nullptr;       // that reads its packets
  const Helper* expected_by = nullptr;  // its master's, of an EXPECTED flow
  HelperMemory memory;
  Labels labels;
  // How often the entry's own counters have begun anew; by direction.
  std::array<uint32_t, 2> packets_carried{};
  std::array<uint32_t, 2> bytes_carried{};
};

class FlowExtensions {
 public:
  // Room for flows with indices below `flows`, and for `more` records. Allocates.
  void reserve(size_t flows, size_t more) {
    numbers_.grow(flows);
    while (free_.size() < more) {
      free_.push_back(static_cast<uint32_t>(records_.size()));
      records_.emplace_back();
    }
    free_.reserve(records_.size());
  }
  size_t memory() const {
    return numbers_.memory() + free_.capacity() * sizeof(uint32_t) +
           records_.capacity() * sizeof(FlowExtension);
  }

  // Null: the flow has none.
  FlowExtension* find(uint32_t index, const Flow& flow) {
    return flow.status & ct_status::kExtended ? &records_[numbers_[index]] : nullptr;
  }
  const FlowExtension* find(uint32_t index, const Flow& flow) const {
    return const_cast<FlowExtensions*>(this)->find(index, flow);
  }
  // Made if there is none; null without room.
  FlowExtension* get(uint32_t index, Flow& flow) {
    if (FlowExtension* found = find(index, flow)) return found;
    if (free_.empty()) return nullptr;
    numbers_[index] = free_.back();
    free_.pop_back();
    flow.status |= ct_status::kExtended;
    return &(records_[numbers_[index]] = {});
  }
  void release(uint32_t index, const Flow& flow) {
    if (!(flow.status & ct_status::kExtended)) return;
    free_.push_back(numbers_[index]);  // has room: it never holds more than there are records
  }

 private:
  Segments<uint32_t> numbers_;  // by flow, of its record
  std::vector<FlowExtension> records_;
  std::vector<uint32_t> free_;
};

}  // namespace sallyport
