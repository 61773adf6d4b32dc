#include "kernel/recording.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace sallyport::testing {
namespace {

using Fate = Outcome::Fate;

constexpr size_t kWidestPacket = 96;  // longer ones do not push the column of `=>`

}  // namespace

ExpectedOutcome record(const std::optional<ExpectedOutcome>& previous, const Observation& seen) {
  ExpectedOutcome out;
  out.fate = seen.fate;
  if (previous && previous->fate == seen.perhaps) out.fate = previous->fate;
  const bool fresh = !previous;
  if (fresh && seen.fate == Fate::kStolen) return out;  // its flow is the whole datagram's
  if (fresh || previous->state) out.state = seen.state;
  if (fresh || previous->direction) out.direction = seen.direction;
  if (fresh || previous->timeout || previous->tcp || previous->sctp || previous->status ||
      previous->gone) {
    if (seen.flow) {
      if (fresh || previous->timeout || previous->gone) out.timeout = seen.flow->timeout;
      if (fresh || previous->tcp || previous->gone) out.tcp = seen.flow->tcp;
      if (fresh || previous->sctp || previous->gone) out.sctp = seen.flow->sctp;
      uint32_t status = seen.flow->status & ExpectedOutcome::kReportedStatus;
      if ((fresh && status != 0) || (previous && previous->status)) out.status = status;
    } else if (!fresh || seen.state == CtInfo::kNew || seen.state == CtInfo::kEstablished ||
               seen.state == CtInfo::kRelated) {
      out.gone = true;
    }
  }
  if (fresh ? seen.fate == Fate::kDrop : previous->rule.has_value()) out.rule = seen.rule;
  const bool answered = seen.fate == Fate::kDrop && seen.answer && !seen.answer->empty();
  if (fresh ? answered : previous->answer.has_value()) out.answer = seen.answer;
  if (previous) out.reason = previous->reason;
  return out;
}

std::string rewrite(std::string_view text, const Script& script,
                    std::span<const ExpectedOutcome> expectations) {
  size_t column = 0;
  for (const ScriptPacket& packet : script.packets) {
    if (packet.end_column <= kWidestPacket) column = std::max<size_t>(column, packet.end_column);
  }
  std::string out;
  size_t next = 0;
  uint32_t number = 0;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    number++;
    if (next >= script.packets.size() || script.packets[next].line != number) {
      out.append(line).push_back('\n');
      continue;
    }
    const ScriptPacket& packet = script.packets[next];
    out += fmt::format("{:<{}}=> {}", line.substr(0, packet.end_column - 1),
                       std::max<size_t>(column, packet.end_column), expectations[next].text());
    if (packet.comment_column > 0) {
      out.append("  ").append(line.substr(packet.comment_column - 1));
    }
    out.push_back('\n');
    next++;
  }
  return out;
}

}  // namespace sallyport::testing
