// Every drop has a name.
//
// The reasons that a packet's fate can have, from the parser's to the engine's,
// in one vocabulary: each has a counter in the engine, a name for scripts (in
// JSON, as `reason`), and a sentence for people. Add, never rename: the names
// are a contract.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport {

// X(enumerator, "name", "sentence")
#define SALLYPORT_REASONS(X)                                                                       \
  X(kNone, "", "")                                                                                 \
  /* It never reached a chain (packet, engine, attach). */                                         \
  X(kNotIp, "not-ip", "not an IP packet")                                                          \
  X(kBadHeader, "bad-header", "the IP header is broken; Linux drops it before any chain")          \
  X(kBadHeaderChecksum, "bad-header-checksum", "the IPv4 header checksum is wrong")                \
  X(kCutShort, "cut-short", "the packet is shorter than its headers say")                          \
  X(kOtherHost, "other-host", "addressed to another host")                                         \
  X(kGroupNotJoined, "group-not-joined", "sent to a multicast group that the host has not joined") \
  X(kNoRules, "no-rules", "no rules were given for this family")                                   \
  X(kTtlExceeded, "ttl-exceeded", "its TTL or hop limit ended here, before FORWARD")               \
  X(kBadOptions, "bad-options", "IPv4 options that Linux does not take, after PREROUTING")         \
  X(kNotInCapture, "not-in-the-capture", "the capture cut off the bytes needed")                   \
  /* Fragments. */                                                                                 \
  X(kFragmentHeld, "fragment-held", "held until the datagram is whole")                            \
  X(kFragmentOverlap, "fragment-overlap", "fragments overlap: the whole datagram is dropped")      \
  X(kFragmentBad, "fragment-bad", "a fragment of impossible offset or length")                     \
  X(kFragmentTimeout, "fragment-timeout", "the rest of the datagram did not come in time")         \
  X(kFragmentLimit, "fragment-limit", "too many fragments held")                                   \
  X(kFragmentDuplicate, "fragment-duplicate", "this fragment was there already")                   \
  /* Conntrack: INVALID, and why. */                                                               \
  X(kInvalidShort, "invalid-short", "INVALID: the transport header is cut short")                  \
  X(kInvalidLength, "invalid-length", "INVALID: the transport length is wrong")                    \
  X(kInvalidChecksum, "invalid-checksum", "INVALID: the transport checksum is wrong")              \
  X(kInvalidNoNextHeader, "invalid-no-next-header", "INVALID: IPv6 without a next header")         \
  X(kInvalidFragment, "invalid-fragment",                                                          \
    "INVALID: an IPv6 fragment that cannot be put together with others")                           \
  X(kInvalidTcpFlags, "invalid-tcp-flags", "INVALID: impossible TCP flags")                        \
  X(kInvalidTcpNew, "invalid-tcp-new",                                                             \
    "INVALID: no connection, and this segment cannot begin one")                                   \
  X(kInvalidTcpState, "invalid-tcp-state",                                                         \
    "INVALID: a segment that the connection's state does not allow")                               \
  X(kInvalidTcpWindow, "invalid-tcp-window", "INVALID: sequence number beyond the window")         \
  X(kInvalidTcpAck, "invalid-tcp-ack", "INVALID: acknowledges data that was never sent")           \
  X(kInvalidTcpRst, "invalid-tcp-rst", "INVALID: a reset outside the window")                      \
  X(kInvalidIcmpNew, "invalid-icmp-new", "INVALID: an ICMP message that cannot begin a flow")      \
  X(kInvalidIcmpType, "invalid-icmp-type", "INVALID: an ICMP type that is not known")              \
  X(kInvalidIcmpError, "invalid-icmp-error",                                                       \
    "INVALID: an ICMP error about a packet of no known flow")                                      \
  X(kInvalidIcmpInner, "invalid-icmp-inner",                                                       \
    "INVALID: an ICMP error whose inner packet does not fit")                                      \
  X(kInvalidIcmpAddress, "invalid-icmp-address",                                                   \
    "INVALID: an ICMP error to another than the sender of the packet that it quotes")              \
  X(kInvalidIcmpRedirect, "invalid-icmp-redirect",                                                 \
    "INVALID: an ICMPv6 redirect that is cut short or not from a router of the link")              \
  X(kInvalidSctp, "invalid-sctp", "INVALID: a chunk that the association does not allow")          \
  X(kInvalidSctpTag, "invalid-sctp-tag",                                                           \
    "INVALID: a verification tag that is not the association's")                                   \
  X(kInvalidGre, "invalid-gre", "INVALID: a GRE header that makes no sense")                       \
  X(kTableFull, "table-full", "the connection table is full (nf_conntrack_max)")                   \
  X(kInsertFailed, "insert-failed", "another flow has one of its tuples")                          \
  /* Rules. */                                                                                     \
  X(kRule, "rule", "a rule decided")                                                               \
  X(kPolicy, "policy", "no rule decided: the chain's policy")                                      \
  X(kHotdrop, "hotdrop",                                                                           \
    "a rule that looks at the header drops a packet whose header is cut short")                    \
  X(kHelperDrop, "helper-drop", "a connection tracking helper dropped it")                         \
  /* Doubt. */                                                                                     \
  X(kMayPredateCapture, "may-predate-capture",                                                     \
    "an exchange that began before the capture could explain this packet")                         \
  X(kNatNotDone, "nat-not-done", "a NAT rule applies, and this version does not rewrite packets")  \
  /* Discovery: why an answer was not let in. */                                                   \
  X(kDiscoveryOffLink, "discovery-off-link",                                                       \
    "an answer to discovery from a host that is not on-link")                                      \
  X(kDiscoveryPort, "discovery-port",                                                              \
    "an answer to discovery from a port its protocol does not use")                                \
  X(kDiscoveryLate, "discovery-late", "an answer to discovery after the protocol's window")        \
  X(kDiscoveryTooMany, "discovery-too-many", "more answers than one query may have")               \
  X(kDiscoverySelf, "discovery-self", "an answer to discovery from the asking host or a group")

enum class Reason : uint8_t {
#define X(enumerator, name, sentence) enumerator,
  SALLYPORT_REASONS(X)
#undef X
      kCount
};

std::string_view reason_name(Reason reason);
std::optional<Reason> find_reason(std::string_view name);  // nothing for an unknown name
std::string_view reason_sentence(Reason reason);

}  // namespace sallyport
