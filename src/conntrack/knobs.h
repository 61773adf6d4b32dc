// The knobs of connection tracking, under their sysctl names.
//
// Sources: Documentation/networking/nf_conntrack-sysctl.rst for names and
// defaults, checked against the running kernel's /proc/sys by a kernel test.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace sallyport {

// X(member, "sysctl name", default, lowest, highest). Timeouts are in seconds.
// clang-format off
#define SALLYPORT_CONNTRACK_KNOBS(X) \
  X(max, "net.netfilter.nf_conntrack_max", 262144, 0, 0x7fffffff) \
  X(expect_max, "net.netfilter.nf_conntrack_expect_max", 4096, 1, 0x7fffffff) \
  X(checksum, "net.netfilter.nf_conntrack_checksum", 1, 0, 1) \
  X(acct, "net.netfilter.nf_conntrack_acct", 0, 0, 1) \
  X(timestamp, "net.netfilter.nf_conntrack_timestamp", 0, 0, 1) \
  X(generic_timeout, "net.netfilter.nf_conntrack_generic_timeout", 600, 0, 0x7fffffff) \
  X(icmp_timeout, "net.netfilter.nf_conntrack_icmp_timeout", 30, 0, 0x7fffffff) \
  X(icmpv6_timeout, "net.netfilter.nf_conntrack_icmpv6_timeout", 30, 0, 0x7fffffff) \
  X(udp_timeout, "net.netfilter.nf_conntrack_udp_timeout", 30, 0, 0x7fffffff) \
  X(udp_timeout_stream, "net.netfilter.nf_conntrack_udp_timeout_stream", 120, 0, 0x7fffffff) \
  X(gre_timeout, "net.netfilter.nf_conntrack_gre_timeout", 30, 0, 0x7fffffff) \
  X(gre_timeout_stream, "net.netfilter.nf_conntrack_gre_timeout_stream", 180, 0, 0x7fffffff) \
  X(tcp_be_liberal, "net.netfilter.nf_conntrack_tcp_be_liberal", 0, 0, 1) \
  X(tcp_ignore_invalid_rst, "net.netfilter.nf_conntrack_tcp_ignore_invalid_rst", 0, 0, 1) \
  X(tcp_loose, "net.netfilter.nf_conntrack_tcp_loose", 1, 0, 1) \
  X(tcp_max_retrans, "net.netfilter.nf_conntrack_tcp_max_retrans", 3, 0, 255) \
  X(tcp_timeout_syn_sent, "net.netfilter.nf_conntrack_tcp_timeout_syn_sent", 120, 0, 0x7fffffff) \
  X(tcp_timeout_syn_recv, "net.netfilter.nf_conntrack_tcp_timeout_syn_recv", 60, 0, 0x7fffffff) \
  X(tcp_timeout_established, "net.netfilter.nf_conntrack_tcp_timeout_established", 432000, 0, 0x7fffffff) \
  X(tcp_timeout_fin_wait, "net.netfilter.nf_conntrack_tcp_timeout_fin_wait", 120, 0, 0x7fffffff) \
  X(tcp_timeout_close_wait, "net.netfilter.nf_conntrack_tcp_timeout_close_wait", 60, 0, 0x7fffffff) \
  X(tcp_timeout_last_ack, "net.netfilter.nf_conntrack_tcp_timeout_last_ack", 30, 0, 0x7fffffff) \
  X(tcp_timeout_time_wait, "net.netfilter.nf_conntrack_tcp_timeout_time_wait", 120, 0, 0x7fffffff) \
  X(tcp_timeout_close, "net.netfilter.nf_conntrack_tcp_timeout_close", 10, 0, 0x7fffffff) \
  X(tcp_timeout_max_retrans, "net.netfilter.nf_conntrack_tcp_timeout_max_retrans", 300, 0, 0x7fffffff) \
  X(tcp_timeout_unacknowledged, "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged", 300, 0, 0x7fffffff) \
  X(sctp_timeout_closed, "net.netfilter.nf_conntrack_sctp_timeout_closed", 10, 0, 0x7fffffff) \
  X(sctp_timeout_cookie_wait, "net.netfilter.nf_conntrack_sctp_timeout_cookie_wait", 3, 0, 0x7fffffff) \
  X(sctp_timeout_cookie_echoed, "net.netfilter.nf_conntrack_sctp_timeout_cookie_echoed", 3, 0, 0x7fffffff) \
  X(sctp_timeout_established, "net.netfilter.nf_conntrack_sctp_timeout_established", 210, 0, 0x7fffffff) \
  X(sctp_timeout_shutdown_sent, "net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent", 3, 0, 0x7fffffff) \
  X(sctp_timeout_shutdown_recd, "net.netfilter.nf_conntrack_sctp_timeout_shutdown_recd", 3, 0, 0x7fffffff) \
  X(sctp_timeout_shutdown_ack_sent, "net.netfilter.nf_conntrack_sctp_timeout_shutdown_ack_sent", 3, 0, 0x7fffffff) \
  X(sctp_timeout_heartbeat_sent, "net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent", 30, 0, 0x7fffffff) \
  X(frag6_timeout, "net.netfilter.nf_conntrack_frag6_timeout", 60, 0, 0x7fffffff) \
  X(frag6_high_thresh, "net.netfilter.nf_conntrack_frag6_high_thresh", 4194304, 0, 0x10000000) \
  X(ipfrag_time, "net.ipv4.ipfrag_time", 30, 0, 0x7fffffff) \
  X(ipfrag_high_thresh, "net.ipv4.ipfrag_high_thresh", 4194304, 0, 0x10000000) \
  X(discovery, "sallyport.discovery", 1, 0, 1) \
  X(discovery_announcements, "sallyport.discovery_announcements", 1, 0, 1)
// clang-format on

struct Knobs {
#define X(member, name, initial, lowest, highest) uint32_t member = initial;
  SALLYPORT_CONNTRACK_KNOBS(X)
#undef X

  // Sets one by its name, dots or slashes between its parts; a knob that Linux has
  // and nothing here depends on is accepted too. The error says what is wrong.
  Result<void> set(std::string_view name, std::string_view value);
  std::optional<uint32_t> get(std::string_view name) const;

  // A sysctl.conf text: "name = value", comments with # and ;. Lines about other
  // subsystems (net.ipv4.ip_forward ...) are passed over, as a host's whole file is given.
  // Nothing is set unless `diagnostics` stays empty.
  void set_all(std::string_view text, Diagnostics& diagnostics);

  static std::vector<std::string_view> names();
};

}  // namespace sallyport
