// Flows as text: the lines of `conntrack -L`, `conntrack -L -o extended` and
// /proc/net/nf_conntrack.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "conntrack/flow.h"

namespace sallyport {

// What a line says of a flow; what it does not say is as it is in a fresh Flow.
struct FlowLine {
  Tuple tuple;
  Tuple reply;  // the inverse of `tuple`, but with NAT
  Zone zone;
  std::optional<uint32_t> timeout;  // seconds left; an offloaded flow has none
  TcpState tcp_state = TcpState::kNone;
  uint32_t status = 0;
  uint32_t connmark = 0;
};

// `number` is the line's, for the error. Nothing for a line that is no flow: an empty one, or
// the count that conntrack prints at the end.
Result<std::optional<FlowLine>> parse_flow(std::string_view line, uint32_t number);

// As `conntrack -L -o extended` prints it. `reply` is Conntrack::reply_of().
std::string flow_text(const Flow& flow, const Tuple& reply, Tick now);

}  // namespace sallyport
