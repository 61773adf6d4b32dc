// Every extension, by name. A new one is its file, a declaration and a line in registry.cc.
#pragma once

#include <span>
#include <string_view>

#include "extensions/extension.h"

namespace sallyport {

extern const MatchType kAddrtypeMatch;
extern const MatchType kCommentMatch;
extern const MatchType kConnlabelMatch;
extern const MatchType kConnmarkMatch;
extern const MatchType kConntrackMatch;
extern const MatchType kHelperMatch;
extern const MatchType kHlMatch;
extern const MatchType kIcmpMatch;
extern const MatchType kIcmp6Match;
extern const MatchType kIprangeMatch;
extern const MatchType kLengthMatch;
extern const MatchType kLimitMatch;
extern const MatchType kMacMatch;
extern const MatchType kMarkMatch;
extern const MatchType kMultiportMatch;
extern const MatchType kOwnerMatch;
extern const MatchType kPhysdevMatch;
extern const MatchType kPkttypeMatch;
extern const MatchType kSetMatch;
extern const MatchType kStateMatch;
extern const MatchType kTcpMatch;
extern const MatchType kTtlMatch;
extern const MatchType kUdpMatch;

extern const TargetType kConnmarkTarget;
extern const TargetType kCtTarget;
extern const TargetType kDnatTarget;
extern const TargetType kLogTarget;
extern const TargetType kMarkTarget;
extern const TargetType kMasqueradeTarget;
extern const TargetType kNetmapTarget;
extern const TargetType kNflogTarget;
extern const TargetType kNotrackTarget;
extern const TargetType kRedirectTarget;
extern const TargetType kRejectTarget;
extern const TargetType kSetTarget;
extern const TargetType kSnatTarget;

std::span<const MatchType* const> matches();
std::span<const TargetType* const> targets();
// Null: not here, or not for this family.
const MatchType* find_match(std::string_view name, Family family);
const TargetType* find_target(std::string_view name, Family family);
// What an option brings in after `-p PROTOCOL`, without -m.
const MatchType* implied_match(uint8_t protocol, Family family);
// iptables 1.8.9 has it (from the manual page's list), Sallyport does not.
bool known_to_iptables(std::string_view name, bool target);

}  // namespace sallyport
