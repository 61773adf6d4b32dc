// What outlives a firewall: flows, expectations, the questions of discovery, sets, and the counters
// of rules; how the records of a journal say it, and how it comes back.
//
// A record says all of one thing, so that of several about the same thing the last one holds, and
// what was written while things went on needs no order.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "control/managed.h"

namespace sallyport {

enum class RecordKind : uint8_t {
  kFlow,          // in this place: conntrack/flow_record.h; empty: none
  kExpectations,  // all of them: conntrack/flow_record.h
  kWindows,       // discovery's that are open, all of them
  kSets,          // without their elements, all of them
  kElement,       // in this place: owner, deadline, words; empty: none
  kRules,         // of a family: as iptables-save prints them
  kCounters,      // of their rules, in the order of their program
};
// `place` is the number of a thing where there are several of a kind.
void append_record(RecordKind kind, uint32_t place, std::string_view bytes, std::string& out);
// Of the files; another one where a record means something else.
uint64_t state_layout();

class KeptState {
 public:
  // Nothing: there is no such file. The error says why it cannot be read.
  static std::expected<std::optional<KeptState>, std::string> read(const std::string& path);
  // What a block of such a file says. Its records are read with suspicion; what is behind one that
  // is cut short is passed over.
  void add(std::string_view block);

  // The sets with their elements that are alive, a text for `ipset restore` each.
  std::vector<std::string> sets(Tick now) const;
  // The counters of the rules that are still there; of flows, expectations and questions all whose
  // time is not over. What could not be put back is told in words.
  struct Restored {
    size_t flows = 0;
    size_t lost = 0;  // their time is over, or something is in their way
  };
  Restored restore(Managed& firewall, Tick now) const;

 private:
  void restore_counters(Managed& firewall, Family family) const;

  std::unordered_map<uint32_t, std::string> flows_;  // by place
  std::string expectations_, windows_, sets_;
  std::unordered_map<uint32_t, std::string> elements_;  // by place
  std::array<std::string, 2> rules_, counters_;         // by family
};

// The records of what is all written at once.
std::string expectations_record(const Engine& engine);
std::string windows_record(const Engine& engine);
std::string sets_record(const SetStore& sets, Tick now);
std::string element_record(const SetStore& sets, uint32_t place);

}  // namespace sallyport
