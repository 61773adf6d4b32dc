#include "conntrack/flow.h"

#include <array>

namespace sallyport {

std::string_view ct_info_name(CtInfo info) {
  constexpr std::array<std::string_view, 6> kNames = {"",        "NEW",     "ESTABLISHED",
                                                      "RELATED", "INVALID", "UNTRACKED"};
  return kNames[static_cast<size_t>(info)];
}

std::string_view tcp_state_name(TcpState state) {
  constexpr std::array<std::string_view, static_cast<size_t>(TcpState::kCount)> kNames = {
      "NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
      "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};
  return kNames[static_cast<size_t>(state)];
}

}  // namespace sallyport
