#include "conntrack/flow.h"

#include <algorithm>
#include <array>

namespace sallyport {
namespace {

constexpr std::array<std::string_view, static_cast<size_t>(TcpState::kCount)> kTcpNames = {
    "NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
    "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};
constexpr std::array<std::string_view, static_cast<size_t>(SctpState::kCount)> kSctpNames = {
    "NONE",          "CLOSED",        "COOKIE_WAIT",       "COOKIE_ECHOED", "ESTABLISHED",
    "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT"};

template <typename State, size_t kCount>
std::optional<State> state_of(const std::array<std::string_view, kCount>& names,
                              std::string_view name) {
  auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<State>(found - names.begin());
}

}  // namespace

std::string_view ct_info_name(CtInfo info) {
  constexpr std::array<std::string_view, 6> kNames = {"",        "NEW",     "ESTABLISHED",
                                                      "RELATED", "INVALID", "UNTRACKED"};
  return kNames[static_cast<size_t>(info)];
}

std::string_view tcp_state_name(TcpState state) {
  return kTcpNames[static_cast<size_t>(state)];
}
std::optional<TcpState> tcp_state_of(std::string_view name) {
  return state_of<TcpState>(kTcpNames, name);
}

std::string_view sctp_state_name(SctpState state) {
  return kSctpNames[static_cast<size_t>(state)];
}
std::optional<SctpState> sctp_state_of(std::string_view name) {
  return state_of<SctpState>(kSctpNames, name);
}

void Flow::begin(const Tuple& tuple, const FlowKey& key) {
  key_ = key;
  const bool equal = key.source() == key.destination() && tuple.source == tuple.destination &&
                     !is_icmp(tuple.protocol);
  if (equal) key_.turn();
  if (tuple.family == Family::kIpv4) return;
  auto* own = const_cast<Address*>(addresses());
  own[0] = tuple.source;
  own[1] = tuple.destination;
}

Tuple Flow::tuple() const {
  Tuple tuple;
  tuple.family = family();
  tuple.protocol = protocol();
  const uint64_t source = key_.source(), destination = key_.destination();
  tuple.source_port = static_cast<uint16_t>(source);
  tuple.destination_port = static_cast<uint16_t>(destination);
  if (tuple.family == Family::kIpv6) {
    tuple.source = addresses()[0];
    tuple.destination = addresses()[1];
  } else {
    tuple.source = Address::ipv4(static_cast<uint32_t>(source >> 16));
    tuple.destination = Address::ipv4(static_cast<uint32_t>(destination >> 16));
  }
  return tuple;
}

void Flow::set_counted(const FlowCounters& counters) {
  for (size_t at : {0u, 1u}) {
    packets_[at] = static_cast<uint32_t>(counters.packets[at]);
    bytes_[at] = (bytes_[at] & ~kBytes) | (counters.bytes[at] & kBytes);
  }
}

const Flow& template_flow() {
  static constinit const Flow kTemplate(ct_status::kConfirmed);
  return kTemplate;
}

}  // namespace sallyport
