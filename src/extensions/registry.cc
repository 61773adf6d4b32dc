#include "extensions/registry.h"

#include <algorithm>
#include <array>

namespace sallyport {
namespace {

constexpr const MatchType* kMatches[] = {
    &kAddrtypeMatch, &kCommentMatch, &kConnlabelMatch, &kConnmarkMatch, &kConntrackMatch,
    &kHelperMatch,   &kHlMatch,      &kIcmpMatch,      &kIcmp6Match,    &kIprangeMatch,
    &kLengthMatch,   &kLimitMatch,   &kMacMatch,       &kMarkMatch,     &kMultiportMatch,
    &kOwnerMatch,    &kPhysdevMatch, &kPkttypeMatch,   &kSetMatch,      &kStateMatch,
    &kTcpMatch,      &kTtlMatch,     &kUdpMatch,
};

constexpr const TargetType* kTargets[] = {
    &kConnmarkTarget,   &kCtTarget,     &kDnatTarget,  &kLogTarget,     &kMarkTarget,
    &kMasqueradeTarget, &kNetmapTarget, &kNflogTarget, &kNotrackTarget, &kRedirectTarget,
    &kRejectTarget,     &kSetTarget,    &kSnatTarget,
};

// What `man iptables-extensions` (1.8.9) lists, less what is here.
constexpr std::string_view kOtherMatches[] = {
    "ah",       "bpf",       "cgroup",     "cluster", "connbytes", "connlimit", "cpu",  "dccp",
    "devgroup", "dscp",      "dst",        "ecn",     "esp",       "eui64",     "frag", "hashlimit",
    "hbh",      "ipcomp",    "ipv6header", "ipvs",    "mh",        "nfacct",    "osf",  "policy",
    "quota",    "rateest",   "realm",      "recent",  "rpfilter",  "rt",        "sctp", "socket",
    "srh",      "statistic", "string",     "tcpmss",  "time",      "tos",       "u32",
};
constexpr std::string_view kOtherTargets[] = {
    "AUDIT",   "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNSECMARK", "DNPT",        "DSCP",
    "ECN",     "HL",       "HMARK",    "IDLETIMER", "LED",         "NFQUEUE",     "QUEUE",
    "RATEEST", "SECMARK",  "SNPT",     "SYNPROXY",  "TCPMSS",      "TCPOPTSTRIP", "TEE",
    "TOS",     "TPROXY",   "TRACE",    "TTL",       "ULOG",
};

bool is_for(const Traits& traits, Family family) {
  return (traits.families & family_bit(family)) != 0;
}

template <typename Type>
const Type* find(std::span<const Type* const> types, std::string_view name, Family family) {
  for (const Type* type : types) {
    bool named =
        type->traits.name == name || (!type->traits.also.empty() && type->traits.also == name);
    if (named && is_for(type->traits, family)) return type;
  }
  return nullptr;
}

}  // namespace

std::span<const MatchType* const> matches() {
  return kMatches;
}
std::span<const TargetType* const> targets() {
  return kTargets;
}

const MatchType* find_match(std::string_view name, Family family) {
  return find(matches(), name, family);
}

const TargetType* find_target(std::string_view name, Family family) {
  return find(targets(), name, family);
}

const MatchType* implied_match(uint8_t protocol, Family family) {
  for (const MatchType* type : kMatches) {
    if (type->traits.implied && type->traits.protocol == protocol && is_for(type->traits, family)) {
      return type;
    }
  }
  return nullptr;
}

bool known_to_iptables(std::string_view name, bool target) {
  return target ? std::ranges::find(kOtherTargets, name) != std::end(kOtherTargets)
                : std::ranges::find(kOtherMatches, name) != std::end(kOtherMatches);
}

}  // namespace sallyport
