#include "cli/narrator.h"

#include <algorithm>
#include <fmt/format.h>

#include "cli/words.h"
#include "conntrack/helpers/helper.h"
#include "conntrack/trackers/icmp_error.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

std::string state_words(uint32_t bit) {
  for (CtInfo info : {CtInfo::kNew, CtInfo::kEstablished, CtInfo::kRelated, CtInfo::kInvalid,
                      CtInfo::kUntracked}) {
    if (bit == ct_state_bit(info)) return std::string(ct_info_name(info));
  }
  return "not tracked";
}

std::string_view packet_type_word(uint32_t value) {
  switch (static_cast<PacketType>(value)) {
    case PacketType::kHost: return "unicast";
    case PacketType::kBroadcast: return "broadcast";
    case PacketType::kMulticast: return "multicast";
    case PacketType::kOtherHost: return "another host's";
  }
  return "";
}

std::string join(const std::vector<std::string_view>& words) {
  std::string text = fmt::format("{}", fmt::join(words, ","));
  return text.empty() ? "NONE" : text;
}

// What the packet has where a condition looked, in the words of the rule language.
std::string actual(const Instruction& i, const Context& context) {
  const Packet& packet = context.packet;
  if (i.op == Op::kInterface) {
    const InterfaceName* name = i.b ? packet.out : packet.in;
    return name ? std::string(name->text()) : std::string("no interface");
  }
  if (i.op == Op::kHeader) {
    if (packet.fields[Field::kFragment]) return "a later fragment: no transport header";
    return context.not_captured ? "not in the capture" : "the header is cut short";
  }
  if (i.op == Op::kCall) return "";
  uint32_t value = packet.fields[i.field];
  switch (i.field) {
    case Field::kSource0: return packet.source().text(packet.family);
    case Field::kDestination0: return packet.destination().text(packet.family);
    case Field::kProtocol: return protocol_word(static_cast<uint8_t>(value));
    case Field::kTcpFlags: return tcp_flag_words(value);
    case Field::kCtState: return state_words(value);
    case Field::kCtStatus: return join(status_words(value));
    case Field::kCtDirection: return value == 0 ? "ORIGINAL" : "REPLY";
    case Field::kMark:
    case Field::kConnmark: return fmt::format("{:#x}", value);
    case Field::kPacketType: return std::string(packet_type_word(value));
    default: return std::to_string(value);
  }
}

// "-s" of "-s 10.0.0.0/8", "! -p" of "! -p tcp": rules that fail on the same option are alike.
std::string_view option_of(std::string_view condition) {
  size_t start = condition.starts_with("! ") ? 2 : 0;
  if (condition.starts_with("-m ")) {  // "-m limit --limit 3/hour": its name belongs to it
    start = condition.find(' ', 3);
    if (start == std::string_view::npos) return condition;
    start++;
  }
  return condition.substr(0, condition.find(' ', start));
}

// "SYN_RECV, begun 12 s ago, 60 s left after this packet"
std::string flow_story(const Flow& flow, const Context& context) {
  std::string story;
  if (flow.protocol() == protocol::kTcp) {
    story = fmt::format("{}, ", tcp_state_name(flow.tcp().state));
  }
  if (flow.protocol() == protocol::kSctp) {
    story = fmt::format("{}, ", sctp_state_name(flow.sctp().state));
  }
  if (flow.status & ct_status::kAssured) {
    story += "ASSURED, ";
  } else if (!(flow.status & ct_status::kSeenReply)) {
    story += "no answer yet, ";
  }
  story += fmt::format("begun {} ago, ", seconds_text(flow.age(context.now)));
  if (flow.status & ct_status::kDying) return story + "ended by this packet";
  Tick left = flow.expires() > context.now ? flow.expires() - context.now : 0;
  return story + fmt::format("{} left after this packet", seconds_text(left));
}

}  // namespace

void Narrator::table(Hook hook, TableId table) {
  chains_.clear();
  say(fmt::format("{} {}", table_name(table), hook_name(hook)));
  chains_.emplace_back(hook_name(hook));
}

TrackedPacket tracked_packet(Packet& packet, const Knobs& knobs) {
  TrackedPacket tracked;
  Tuple answer;
  if (packet.is_icmp_error && quoted_answer(packet, knobs, answer) == Reason::kNone) {
    tracked.about = invert(answer);
  }
  if (const auto* tcp = packet.header<TcpHeader>(packet.transport);
      tcp && packet.protocol() == protocol::kTcp) {
    tracked.seq = tcp->seq;
    tracked.ack = tcp->ack;
  }
  return tracked;
}

void Narrator::tracked(const Context& context) {
  chains_.clear();
  const Tracked& tracked = *context.tracked;
  Packet& packet = context.packet;
  tracked_ = sallyport::tracked_packet(packet, context.conntrack->knobs());
  tracked_->zone = context.zone;
  std::string_view state =
      tracked.info == CtInfo::kNone ? std::string_view("no state") : ct_info_name(tracked.info);
  std::string line = fmt::format("conntrack: {}", state);
  std::string more;
  const Flow* flow = context.flow();
  if (flow && tracked.created && tracked.info == CtInfo::kRelated) {
    const Flow* master = context.conntrack->find(context.conntrack->master(tracked.flow));
    const Helper* helper = context.conntrack->expected_by(tracked.flow);
    std::string of = master ? master->tuple().text() : std::string("a flow that has ended");
    if (helper) {
      line += fmt::format(": helper {} expected it, of {}", helper->name, of);
    } else if (master) {
      line += fmt::format(": an answer to {}", of);
    } else {
      line += ": an announcement to a group that the host has joined";
    }
  } else if (flow && tracked.created) {
    line += ": it belongs to no flow";
    if (tracked.reason != Reason::kNone) more = reason_sentence(tracked.reason);
  } else if (flow && packet.is_icmp_error) {
    line += fmt::format(": an error about {}", flow->tuple().text());
  } else if (flow) {
    line += fmt::format(": the {} direction of {}",
                        tracked.direction == Direction::kOriginal ? "original" : "reply",
                        flow->tuple().text());
    more = flow_story(*flow, context);
  } else if (tracked.reason != Reason::kNone) {
    std::string_view why = reason_sentence(tracked.reason);
    if (why.starts_with("INVALID: ")) why.remove_prefix(9);
    line += fmt::format(": {}", why);
  }
  say(line);
  if (!more.empty()) say("           " + more);
}

void Narrator::condition(const Program& program, Pc pc, bool held, const Context& context) {
  if (held) return;
  const RuleInfo& rule = program.rules[program.rule_of[pc]];
  const std::string& label = program.labels[program.label_of[pc]];
  const Instruction& i = program.code[pc];
  Failure failure{.number = rule.number,
                  .rule = rule.text,
                  .condition = label.empty() ? rule.text : label,
                  .has = actual(i, context),
                  .found = {},
                  .hotdrop = context.hotdrop};
  if (i.op == Op::kCall && program.matches[i.a].tell) {
    const MatchCall& match = program.matches[i.a];
    failure.found = match.tell(match.options.get(), context);
  }
  events_.push_back({chains_.size(), {}, std::move(failure)});
}

void Narrator::action(const Program& program, Pc pc, Verdict verdict, const Context&) {
  const Instruction& i = program.code[pc];
  const RuleInfo& rule = program.rules[program.rule_of[pc]];
  switch (i.op) {
    case Op::kCount:
      say(rule.number == 0 ? fmt::format("policy {}", rule.target)
                           : fmt::format("{:>3}  {}", rule.number, rule.text));
      break;
    case Op::kJump:
    case Op::kGoto:
      say(fmt::format("     yes: {} {}", i.op == Op::kJump ? "into" : "over to", rule.target));
      if (i.op == Op::kGoto) chains_.pop_back();
      chains_.push_back(rule.target);
      break;
    case Op::kReturn: {
      std::string to = chains_.size() > 1 ? chains_[chains_.size() - 2] : "the policy";
      say(i.a == kNoRule ? fmt::format("end of {}: back to {}", chains_.back(), to)
                         : fmt::format("     yes: RETURN to {}", to));
      if (chains_.size() > 1) chains_.pop_back();
      break;
    }
    case Op::kAction:
      say(fmt::format("     yes: {}{}", rule.target,
                      verdict == Verdict::kContinue ? ", and on" : ""));
      break;
    case Op::kAccept:
    case Op::kDrop:
      if (rule.number != 0) say(fmt::format("     yes: {}", rule.target));
      break;
    default: break;
  }
}

void Narrator::recall(const Program& program, const Recall& recall) {
  chains_.clear();
  if (recall.obstacle == kNoPc) {
    say(recall.remembered ? "remembered: the flow knew this answer, and no rule was asked"
                          : "remembered: from now on no rule is asked of packets like this one");
    return;
  }
  const RuleInfo& rule = program.rules[program.rule_of[recall.obstacle]];
  const std::string& label = program.labels[program.label_of[recall.obstacle]];
  say(fmt::format("not remembered: {} {} rule {} is asked anew for each packet ({})", rule.table,
                  rule.chain, rule.number, label.empty() ? "-j " + rule.target : label));
}

bool Narrator::Failure::is_like(const Failure& other) const {
  return !hotdrop && !other.hotdrop && found.empty() && other.found.empty() && has == other.has &&
         option_of(condition) == option_of(other.condition);
}

// How many rules from `first` on failed alike, at least 1.
size_t Narrator::run_from(size_t first) const {
  size_t end = first + 1;
  while (end < events_.size() && events_[end].failure &&
         events_[end].depth == events_[first].depth &&
         events_[end].failure->is_like(*events_[first].failure)) {
    end++;
  }
  return end - first;
}

std::vector<std::string> Narrator::lines(bool all) const {
  constexpr size_t kFoldFrom = 3;
  std::vector<std::string> lines;
  auto add = [&](const Event& event, std::string_view text) {
    lines.push_back(std::string(2 * event.depth, ' ') + std::string(text));
  };
  for (size_t i = 0; i < events_.size(); i++) {
    const Event& event = events_[i];
    if (!event.failure) {
      add(event, event.text);
      continue;
    }
    const Failure& failure = *event.failure;
    std::string has = failure.has.empty() ? "" : fmt::format("   (the packet: {})", failure.has);
    size_t run = all ? 1 : run_from(i);
    if (run >= kFoldFrom) {
      const Failure& last = *events_[i + run - 1].failure;
      bool same =
          std::all_of(events_.begin() + static_cast<ptrdiff_t>(i),
                      events_.begin() + static_cast<ptrdiff_t>(i + run),
                      [&](const Event& e) { return e.failure->condition == failure.condition; });
      add(event,
          fmt::format("{:>3}  to {}: no, {} {}{}", failure.number, last.number,
                      same ? "each on" : "each on its",
                      same ? std::string_view(failure.condition) : option_of(failure.condition),
                      has));
      i += run - 1;
      continue;
    }
    add(event, fmt::format("{:>3}  {}", failure.number, failure.rule));
    add(event, failure.hotdrop ? fmt::format("     dropped at once: {}", failure.has)
                               : fmt::format("     no: {}{}", failure.condition, has));
    for (const std::string& line : failure.found) add(event, "         " + line);
  }
  return lines;
}

}  // namespace sallyport
