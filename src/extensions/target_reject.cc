// -j REJECT: drops the packet and tells its sender.
//
// What is sent is the engine's affair: the target names the answer and drops.
#include <fmt/format.h>

#include "extensions/registry.h"

namespace sallyport {
namespace {

struct Answer {
  Text name;
  Text also;
};
// What `iptables -j REJECT -h` and `ip6tables -j REJECT -h` list, in their order: of several that
// a shortened name may mean, the first is meant.
constexpr Answer kIpv4Answers[] = {
    {"icmp-net-unreachable", "net-unreach"},
    {"icmp-host-unreachable", "host-unreach"},
    {"icmp-proto-unreachable", "proto-unreach"},
    {"icmp-port-unreachable", "port-unreach"},
    {"icmp-net-prohibited", "net-prohib"},
    {"icmp-host-prohibited", "host-prohib"},
    {"tcp-reset", "tcp-rst"},
    {"icmp-admin-prohibited", "admin-prohib"},
};
constexpr Answer kIpv6Answers[] = {
    {"icmp6-no-route", "no-route"},
    {"icmp6-adm-prohibited", "adm-prohibited"},
    {"icmp6-addr-unreachable", "addr-unreach"},
    {"icmp6-port-unreachable", "port-unreach"},
    {"tcp-reset", "tcp-reset"},
    {"icmp6-policy-fail", "policy-fail"},
    {"icmp6-reject-route", "reject-route"},
};

struct RejectWith {
  const char* name = nullptr;  // of a string with static storage
};
std::string read(Text text, const Scope& scope, RejectWith& out) {
  std::span<const Answer> answers = scope.family == Family::kIpv4
                                        ? std::span<const Answer>(kIpv4Answers)
                                        : std::span<const Answer>(kIpv6Answers);
  std::vector<Text> names;
  for (const Answer& answer : answers) {
    bool begins = same_ignoring_case(answer.name.substr(0, text.size()), text) ||
                  same_ignoring_case(answer.also.substr(0, text.size()), text);
    if (begins && !text.empty()) {
      out.name = answer.name.data();
      return {};
    }
    names.push_back(answer.name);
  }
  Text near = nearest(text, names);
  return fmt::format("unknown answer '{}'{}", text,
                     near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}
void write(const RejectWith& with, const Scope&, std::string& out) {
  out += with.name;
}

struct RejectTarget {
  static constexpr Traits kTraits{.name = "REJECT",
                                  .summary = "drops the packet and tells its sender",
                                  .tables = table_bit(TableId::kFilter),
                                  .side_effects = true};

  Arg<RejectWith> with;

  static constexpr auto options() {
    return std::tuple{option("--reject-with", &RejectTarget::with)
                          .listed("reject-with ")
                          .help("type", "the answer; default icmp-port-unreachable")};
  }

  std::string finish(const Placement& place) {
    if (!with.given) {
      read("port-unreach", place.scope, with.value);
      with.given = true;
    }
    bool is_tcp = place.protocol == protocol::kTcp && !place.protocol_negated;
    if (Text(with.value.name) == "tcp-reset" && !is_tcp) return "tcp-reset needs -p tcp";
    return {};
  }

  Verdict eval(Context& context) const {
    context.reject_with = with.value.name;
    return Verdict::kDrop;
  }
};

}  // namespace

constinit const TargetType kRejectTarget = target_type<RejectTarget>();

}  // namespace sallyport
