// A flow as bytes: all that tracking knows of it, for whoever keeps flows over a restart.
//
// The entry itself as it lies in the table, and behind it what only some flows have: a reply tuple
// of its own, a helper, labels. The bytes are those of one layout (kFlowLayout) and one machine.
// They are read with suspicion: whatever they are, what comes out is a flow that there could be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "conntrack/expectation.h"
#include "conntrack/flow.h"
#include "conntrack/flow_extension.h"
#include "conntrack/tuple.h"

namespace sallyport {

// Another one for each change of what is written here, of Flow, TcpFlow, SctpFlow or HelperMemory.
constexpr uint32_t kFlowLayout = 2;

struct FlowRecord {
  FlowCopy flow;  // its generation and decisions mean nothing
  Tuple reply;    // of the packets of the other direction
  std::optional<FlowExtension>
      extension;  // its master is the one at that index, if it is kept, too
};
void append_record(const FlowRecord& record, std::string& out);
std::optional<FlowRecord> parse_flow_record(std::string_view bytes);

// An expectation's master is the flow at that index.
void append_record(const Expectation& expectation, std::string& out);
// The first of `bytes`, which is taken off them.
std::optional<Expectation> parse_expectation_record(std::string_view& bytes);

}  // namespace sallyport
