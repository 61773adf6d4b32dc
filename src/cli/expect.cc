#include "cli/expect.h"

#include <fmt/format.h>

#include "attach/script_run.h"
#include "cli/words.h"

namespace sallyport {
namespace {

// The script's packet told as the capture's is.
Judged as_judged(ScriptPacket& packet) {
  Judged judged;
  describe({}, packet_of(packet, packet.packet.bytes, Instant{}), {}, judged);
  return judged;
}

// Whether they can be the same packet: what the capture cut off is not held against it.
bool same_packet(const Judged& expected, const Judged& seen) {
  if (expected.family != seen.family) return false;
  if (!expected.family) return true;  // both without a header that could be read
  if (expected.source != seen.source || expected.destination != seen.destination ||
      expected.protocol != seen.protocol) {
    return false;
  }
  bool cut_off = !seen.has_ports && seen.record.frame.size() < seen.record.wire_length;
  if (cut_off) return true;
  return expected.has_ports == seen.has_ports &&
         (!expected.has_ports || (expected.source_port == seen.source_port &&
                                  expected.destination_port == seen.destination_port));
}

std::string words(const Judged& judged) {
  return judged.family ? flow_words(judged) : "a packet without a readable header";
}

}  // namespace

void ExpectationCheck::see(const Judged& judged, Engine& engine) {
  if (judged.outcome.reason == Reason::kNotIp) return;
  if (next_ == script_.packets.size()) {
    if (surplus_++ == 0) first_surplus_ = judged.record.index;
    return;
  }
  ScriptPacket& packet = script_.packets[next_++];
  Judged expected = as_judged(packet);
  if (!same_packet(expected, judged)) {
    differs_ = true;
    *out_ << fmt::format("{}:{}: packet {}: expected {}; the capture has {}\n", name_, packet.line,
                         judged.record.index, words(expected), words(judged));
    return;
  }
  if (!packet.expected) return;
  std::string difference = compare(*packet.expected, observe(packet, judged.outcome, engine));
  if (difference.empty()) return;
  differs_ = true;
  *out_ << fmt::format("{}:{}: packet {}: expected {}; it is {}\n", name_, packet.line,
                       judged.record.index, packet.expected->text(), difference);
}

bool ExpectationCheck::met() {
  if (next_ < script_.packets.size()) {
    ScriptPacket& packet = script_.packets[next_];
    *out_ << fmt::format("{}:{}: expected {}; the capture has no more IP packets\n", name_,
                         packet.line, words(as_judged(packet)));
    return false;
  }
  if (surplus_ > 0) {
    *out_ << fmt::format("{}: packet {}: the capture has {} IP packet{} more than the script\n",
                         name_, first_surplus_, surplus_, surplus_ == 1 ? "" : "s");
    return false;
  }
  return !differs_;
}

}  // namespace sallyport
