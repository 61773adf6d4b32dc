// Flows as text: the lines of `conntrack -L`, `conntrack -L -o extended`, `conntrack -E` and
// /proc/net/nf_conntrack. A line is read into, and printed from, the same FlowLine.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/diagnostic.h"
#include "conntrack/conntrack.h"
#include "conntrack/expectation.h"
#include "conntrack/flow.h"
#include "conntrack/flow_extension.h"

namespace sallyport {

// What a line says of a flow; what it does not say is as it is in a fresh Flow.
struct FlowLine {
  Tuple tuple;
  Tuple reply;  // the inverse of `tuple`, but with NAT
  Zone zone;
  std::optional<uint32_t> timeout;  // seconds left; an offloaded flow has none
  TcpState tcp_state = TcpState::kNone;
  SctpState sctp_state = SctpState::kNone;
  uint32_t status = 0;
  uint32_t connmark = 0;
  std::optional<FlowCounters> counters;  // with nf_conntrack_acct
  std::optional<uint32_t> age;           // seconds, with nf_conntrack_timestamp
  // The same as conntrack reckons it, from the clock's seconds: two times 20 ms apart can be a
  // second apart.
  uint32_t clock_age = 0;
  uint32_t id = 0;
  uint32_t uses = 1;        // who holds it: the table, and each flow that it expected
  std::string_view helper;  // that reads it; empty: none
  Labels labels;
  std::array<uint32_t, 2> gre_timeouts{};  // in /proc: seconds, alone and with answers
};

// `number` is the line's, for the error. Nothing for a line that is no flow: an empty one, or
// the count that conntrack prints at the end. Without `names`, labels are passed over. The helper's
// name lies in `line`.
Result<std::optional<FlowLine>> parse_flow(std::string_view line, uint32_t number,
                                           const LabelNames* names = nullptr);

// All flows that are alive, a piece at a time, in the order of their places. Meanwhile packets may
// come: a flow that is there all the time is told once.
class FlowLister {
 public:
  using Tell = std::function<void(FlowId, FlowLine&)>;
  // Looks at so many places. False: those were the last ones. `tell` may end the flow.
  bool step(const Conntrack& conntrack, uint32_t places, Tick now, const Tell& tell);

 private:
  FlowLine line_of(const Conntrack& conntrack, FlowId id, const Flow& flow, Tick now) const;

  bool counted_ = false;                               // the children
  uint32_t next_ = 0;                                  // place
  std::unordered_map<uint32_t, uint32_t> children_{};  // by place of their master
};

// Every flow that is alive at `now`, by its tuple: family, protocol, addresses, ports.
std::vector<FlowLine> list_flows(const Conntrack& conntrack, Tick now);

// "tcp", "udplite"; "unknown" for those that conntrack has no name for.
std::string_view flow_protocol_name(uint8_t protocol);

// What `conntrack -o` adds.
struct FlowForm {
  bool extended = false;
  bool id = false;
  const LabelNames* labels = nullptr;  // with these names; a label without one is not shown
};
// As `conntrack -L` prints it.
std::string list_text(const FlowLine& line, const FlowForm& form = {});
// What an event shows of its flow: what is empty, or none, is not shown. Its mark is if it is not
// zero or has changed.
FlowLine event_line(const FlowEvent& event, const Knobs& knobs);
inline bool shows_mark(const FlowEvent& event) {
  return event.flow.connmark != 0 || (event.changes & FlowEvent::kMark) != 0;
}
// As `conntrack -E` prints it: "    [NEW] udp      17 30 src=…".
std::string event_text(const FlowEvent& event, const Knobs& knobs, const FlowForm& form = {});
// As /proc/net/nf_conntrack has it.
std::string proc_text(const FlowLine& line);

// As `conntrack -L expect` prints it.
std::string expectation_text(const Expectation& expectation, Tick now);
// As `conntrack -E expect` prints it.
std::string event_text(const ExpectationEvent& event);

}  // namespace sallyport
