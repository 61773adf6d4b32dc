// The knobs of connection tracking that a network namespace has for itself.
#include <fmt/format.h>

#include "kernel/random_rules.h"

namespace sallyport::testing {
namespace {

struct Knob {
  const char* name;
  uint32_t percent;  // how often it is not the kernel's
  std::initializer_list<uint32_t> values;
};

constexpr std::initializer_list<uint32_t> kSwitch{0, 1};
const Knob kKnobs[] = {
    {"tcp_loose", 20, {0}},
    {"tcp_be_liberal", 10, {1}},
    {"tcp_ignore_invalid_rst", 15, {1}},
    {"tcp_max_retrans", 20, {0, 1, 2, 5, 255}},
    {"checksum", 10, {0}},
    {"acct", 20, kSwitch},
    {"timestamp", 10, kSwitch},
};

// Seconds, in a timed script.
const Knob kTimeouts[] = {
    {"udp_timeout", 90, {1, 1, 2}},
    {"udp_timeout_stream", 80, {2, 3}},
    {"icmp_timeout", 80, {1, 2}},
    {"icmpv6_timeout", 80, {1, 2}},
    {"generic_timeout", 70, {1, 2}},
    {"gre_timeout", 70, {1, 2}},
    {"gre_timeout_stream", 70, {2, 3}},
    {"tcp_timeout_syn_sent", 60, {1, 2}},
    {"tcp_timeout_syn_recv", 60, {1, 2}},
    {"tcp_timeout_established", 60, {2, 3}},
    {"tcp_timeout_fin_wait", 60, {1, 2}},
    {"tcp_timeout_close_wait", 60, {1, 2}},
    {"tcp_timeout_last_ack", 60, {1, 2}},
    {"tcp_timeout_time_wait", 60, {1, 2}},
    {"tcp_timeout_close", 60, {1, 2}},
    {"tcp_timeout_max_retrans", 60, {1, 2}},
    {"tcp_timeout_unacknowledged", 60, {1, 2}},
    {"sctp_timeout_closed", 60, {1, 2}},
    {"sctp_timeout_cookie_wait", 60, {1, 2}},
    {"sctp_timeout_cookie_echoed", 60, {1, 2}},
    {"sctp_timeout_established", 60, {2, 3}},
    {"sctp_timeout_shutdown_sent", 60, {1, 2}},
    {"sctp_timeout_shutdown_recd", 60, {1, 2}},
    {"sctp_timeout_shutdown_ack_sent", 60, {1, 2}},
    {"sctp_timeout_heartbeat_sent", 60, {1, 2}},
};

template <typename Knobs>
std::string lines(Random& random, const Knobs& knobs) {
  std::string text;
  for (const Knob& knob : knobs) {
    if (!random.chance(knob.percent)) continue;
    text += fmt::format("sysctl net.netfilter.nf_conntrack_{}={}\n", knob.name,
                        random.pick(knob.values));
  }
  return text;
}

}  // namespace

std::string random_sysctls(Random& random, const World& world) {
  return joined({lines(random, kKnobs), world.is_timed() ? lines(random, kTimeouts) : ""});
}

}  // namespace sallyport::testing
