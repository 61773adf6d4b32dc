#include "kernel/complaint.h"

#include <algorithm>
#include <array>

namespace sallyport::testing {
namespace {

// A part of the kernel's line that no other has, and what it may mean (kNone fills the row).
struct Meaning {
  std::string_view words;
  std::array<Reason, 2> reasons;
};

constexpr Meaning kMeanings[] = {
    {"ICMPv6 checksum failed", {Reason::kInvalidChecksum}},
    {"bad CRC", {Reason::kInvalidChecksum}},  // SCTP's
    {"bad checksum", {Reason::kInvalidChecksum}},
    {"bad hw icmp checksum", {Reason::kInvalidChecksum}},
    {"checksum missing", {Reason::kInvalidChecksum}},  // UDP-Lite's
    {"short packet", {Reason::kInvalidShort}},
    {"truncated packet", {Reason::kInvalidLength}},
    {"truncated/malformed packet", {Reason::kInvalidLength}},
    {"invalid tcp flag combination", {Reason::kInvalidTcpFlags}},
    {"invalid new", {Reason::kInvalidTcpNew}},
    {"invalid rst", {Reason::kInvalidTcpRst}},
    {"invalid, state", {Reason::kInvalidTcpState}},
    {"SEQ is over upper bound", {Reason::kInvalidTcpWindow, Reason::kInvalidTcpRst}},
    {"ACK is over upper bound", {Reason::kInvalidTcpAck, Reason::kInvalidTcpRst}},
    {"invalid icmp type", {Reason::kInvalidIcmpType}},
    {"outer daddr", {Reason::kInvalidIcmpAddress}},
    {"invalid saddr or hoplimit for redirect", {Reason::kInvalidIcmpRedirect}},
    {"redirect without options", {Reason::kInvalidIcmpRedirect}},
    {"short redirect", {Reason::kInvalidIcmpRedirect}},
    {"do_basic_checks failed", {Reason::kInvalidSctp, Reason::kInvalidLength}},
    {"Invalid, old_state", {Reason::kInvalidSctp}},
    // Of an INIT ACK that is cut short the kernel may ask the tag before it looks for the rest.
    {"verification tag check failed", {Reason::kInvalidSctpTag, Reason::kInvalidShort}},
};

constexpr std::string_view kNoWord = "no word";

// Of all others the kernel has words.
constexpr Reason kSilent[] = {
    Reason::kInvalidShort,  // ends before the ports, or within IPv6's extension headers
    Reason::kInvalidNoNextHeader, Reason::kInvalidFragment,
    Reason::kInvalidTcpNew,  // an ACK, where nf_conntrack_tcp_loose is off
    Reason::kInvalidIcmpNew,      Reason::kInvalidIcmpError, Reason::kInvalidIcmpInner,
    Reason::kInvalidIcmpAddress,  // and no flow has the quoted packet
    Reason::kInvalidSctp,         // no association
    Reason::kInvalidSctpTag,      // of a chunk with a rule of its own
    Reason::kInvalidGre,
};

const Meaning* meaning_of(std::string_view line) {
  auto found = std::ranges::find_if(kMeanings, [&](const Meaning& meaning) {
    return line.find(meaning.words) != std::string_view::npos;
  });
  return found == std::end(kMeanings) ? nullptr : found;
}

}  // namespace

std::optional<std::string_view> words_of_complaint(std::string_view line) {
  if (line.empty()) return kNoWord;
  const Meaning* meaning = meaning_of(line);
  return meaning ? std::optional(meaning->words) : std::nullopt;
}

bool may_mean(std::string_view line, Reason reason) {
  if (reason == Reason::kNone) return false;
  if (line.empty()) return std::ranges::find(kSilent, reason) != std::end(kSilent);
  const Meaning* meaning = meaning_of(line);
  return meaning && std::ranges::find(meaning->reasons, reason) != meaning->reasons.end();
}

bool is_told(Reason reason) {
  return reason_name(reason).starts_with("invalid-");
}

}  // namespace sallyport::testing
