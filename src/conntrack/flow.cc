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

const Flow& template_flow() {
  static constinit const Flow kTemplate{.status = ct_status::kConfirmed};
  return kTemplate;
}

}  // namespace sallyport
