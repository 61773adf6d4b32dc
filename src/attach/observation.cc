#include "attach/observation.h"

#include <algorithm>
#include <fmt/format.h>

#include "packet/headers.h"

namespace sallyport {
namespace {

using Bytes = std::span<const uint8_t>;

uint16_t load16(Bytes bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

bool is_icmp_error(uint8_t number, uint8_t type) {
  if (number == protocol::kIcmpv6) return type < 128 || type == icmpv6::kRedirect;
  return type == icmp::kUnreachable || type == icmp::kSourceQuench || type == icmp::kRedirect ||
         type == icmp::kTimeExceeded || type == icmp::kParameterProblem;
}

void read_transport(Bytes transport, Tuple& tuple);

// A packet's bytes as one direction of a flow.
Tuple tuple_of_bytes(Bytes bytes) {
  Tuple tuple;
  if (bytes.empty()) return tuple;
  bool v6 = bytes[0] >> 4 == 6;
  size_t header = v6 ? 40 : 4u * std::max(bytes[0] & 15u, 5u);
  if (bytes.size() < header) return tuple;
  tuple.family = v6 ? Family::kIpv6 : Family::kIpv4;
  tuple.protocol = bytes[v6 ? 6 : 9];
  tuple.source = Address::from_wire(tuple.family, &bytes[v6 ? 8 : 12]);
  tuple.destination = Address::from_wire(tuple.family, &bytes[v6 ? 24 : 16]);
  Bytes rest = bytes.subspan(header);
  while (v6 && rest.size() >= 8) {
    bool ah = tuple.protocol == protocol::kAh;
    if (!ah && tuple.protocol != protocol::kHopByHop && tuple.protocol != protocol::kIpv6Routing &&
        tuple.protocol != protocol::kIpv6Destination) {
      break;
    }
    size_t length = ah ? 4u * (rest[1] + 2u) : 8u * (rest[1] + 1u);
    if (rest.size() < length) break;
    tuple.protocol = rest[0];
    rest = rest.subspan(length);
  }
  read_transport(rest, tuple);
  return tuple;
}

void read_transport(Bytes rest, Tuple& tuple) {
  if (tuple.protocol == protocol::kIcmp || tuple.protocol == protocol::kIcmpv6) {
    if (rest.size() < 8) return;
    if (is_icmp_error(tuple.protocol, rest[0])) {
      tuple = tuple_of_bytes(rest.subspan(8));
    } else {
      tuple.source_port = load16(rest, 4);
      tuple.destination_port = load16(rest, 0);  // type and code
    }
  } else if (tuple.protocol == protocol::kGre) {
    // Version 1 has a call id; version 0 has no key in its tuple.
    if (rest.size() >= 8 && (rest[1] & 7) == 1) tuple.destination_port = load16(rest, 6);
  } else if (flows_have_ports(tuple.protocol) && rest.size() >= 4) {
    tuple.source_port = load16(rest, 0);
    tuple.destination_port = load16(rest, 2);
  }
}

std::string_view state_word(CtInfo info) {
  std::string_view name = ct_info_name(info);
  return name.empty() ? "-" : name;
}

void compare_flow(const ExpectedOutcome& expected, const Observation& seen,
                  std::vector<std::string>& out) {
  bool asked = expected.timeout || expected.tcp || expected.sctp || expected.status;
  if (expected.gone && seen.flow) out.push_back("its flow is still there");
  if (!asked) return;
  bool may_be_gone = expected.timeout && *expected.timeout < seen.seconds_late;
  if (!seen.flow && may_be_gone) return;
  if (!seen.flow) {
    out.push_back("there is no flow");
    return;
  }
  const SeenFlow& flow = *seen.flow;
  if (expected.timeout &&
      (flow.timeout > *expected.timeout || flow.timeout + seen.seconds_late < *expected.timeout)) {
    out.push_back(fmt::format("timeout {}", flow.timeout));
  }
  if (expected.tcp && expected.tcp != flow.tcp) {
    out.push_back(flow.tcp ? fmt::format("tcp {}", tcp_state_name(*flow.tcp)) : "no TCP state");
  }
  if (expected.sctp && expected.sctp != flow.sctp) {
    out.push_back(flow.sctp ? fmt::format("sctp {}", sctp_state_name(*flow.sctp))
                            : "no SCTP state");
  }
  uint32_t status = flow.status & ExpectedOutcome::kReportedStatus;
  if (expected.status && *expected.status != status) {
    ExpectedOutcome shown;
    shown.status = status;
    out.push_back(shown.text().substr(shown.text().find("status")));
  }
}

}  // namespace

bool flows_have_ports(uint8_t number) {
  return number == protocol::kTcp || number == protocol::kUdp || number == protocol::kUdpLite ||
         number == protocol::kSctp || number == protocol::kGre;
}

Tuple tuple_of(const PacketText& packet) {
  PacketSpec whole = packet.spec;
  whole.fragment.reset();
  return tuple_of_bytes(build(whole));
}

std::string compare(const ExpectedOutcome& expected, const Observation& seen) {
  std::vector<std::string> out;
  bool fate = expected.fate == seen.fate || expected.fate == seen.perhaps;
  if (!fate) {
    out.emplace_back(verdict_word(seen.fate));
  }
  if (expected.state && *expected.state != seen.state) {
    out.emplace_back(state_word(seen.state));
  }
  if (expected.direction && expected.direction != seen.direction) {
    out.emplace_back(!seen.direction                           ? "no direction"
                     : *seen.direction == Direction::kOriginal ? "original"
                                                               : "reply");
  }
  compare_flow(expected, seen, out);
  if (expected.rule && expected.rule != seen.rule) {
    ExpectedOutcome shown;
    shown.rule = seen.rule;
    out.push_back(seen.rule ? shown.text().substr(shown.text().find("rule")) : "no rule");
  }
  if (expected.reason && seen.reason && *expected.reason != *seen.reason) {
    out.push_back(fmt::format("reason {}", reason_name(*seen.reason)));
  }
  if (expected.answer && seen.answer && *expected.answer != *seen.answer) {
    ExpectedOutcome shown;
    shown.answer = seen.answer;
    out.push_back(shown.text().substr(shown.text().find("answer")));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

}  // namespace sallyport
