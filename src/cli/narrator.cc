#include "cli/narrator.h"

#include <fmt/format.h>

#include "cli/words.h"

namespace sallyport {
namespace {

std::string tcp_flag_words(uint32_t flags) {
  constexpr std::string_view kNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
  std::string words;
  for (size_t bit = 0; bit < 8; bit++) {
    if (!(flags >> bit & 1)) continue;
    if (!words.empty()) words += ',';
    words += kNames[bit];
  }
  return words.empty() ? "NONE" : words;
}

std::string state_words(uint32_t bit) {
  for (CtInfo info : {CtInfo::kNew, CtInfo::kEstablished, CtInfo::kRelated, CtInfo::kInvalid,
                      CtInfo::kUntracked}) {
    if (bit == ct_state_bit(info)) return std::string(ct_info_name(info));
  }
  return "not tracked";
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
    default: return std::to_string(value);
  }
}

}  // namespace

void Narrator::say(std::string line) {
  lines_.push_back(std::string(2 * depth_, ' ') + std::move(line));
}

void Narrator::table(Hook hook, TableId table) {
  depth_ = 0;
  say(fmt::format("{} {}", table_name(table), hook_name(hook)));
  depth_ = 1;
}

void Narrator::tracked(const Context& context) {
  depth_ = 0;
  const Tracked& tracked = *context.tracked;
  std::string line = fmt::format("conntrack: {}", ct_info_name(tracked.info));
  if (const Flow* flow = context.flow()) {
    if (tracked.created) {
      line += fmt::format(": no flow has it; it would make the flow {}", flow->tuple.text());
    } else {
      line += fmt::format(
          ", in the {} direction of the flow {}, which has {} s left",
          tracked.direction == Direction::kOriginal ? "original" : "reply", flow->tuple.text(),
          flow->expires > context.now ? (flow->expires - context.now) / kTicksPerSecond : 0);
    }
  }
  if (tracked.reason != Reason::kNone) line += fmt::format("; {}", reason_sentence(tracked.reason));
  say(line);
}

void Narrator::condition(const Program& program, Pc pc, bool held, const Context& context) {
  if (held) return;
  const RuleInfo& rule = program.rules[program.rule_of[pc]];
  const std::string& label = program.labels[program.label_of[pc]];
  const Instruction& i = program.code[pc];
  std::string has = actual(i, context);
  say(fmt::format("{:>3}  {}", rule.number, rule.text));
  say(context.hotdrop ? fmt::format("     dropped at once: {}", has)
                      : fmt::format("     no: {}{}", label.empty() ? rule.text : label,
                                    has.empty() ? "" : fmt::format("   (the packet: {})", has)));
  if (i.op != Op::kCall || !program.matches[i.a].tell) return;
  const MatchCall& match = program.matches[i.a];
  for (const std::string& line : match.tell(match.state.get(), context)) {
    say(fmt::format("         {}", line));
  }
}

void Narrator::action(const Program& program, Pc pc, Verdict verdict, const Context&) {
  const Instruction& i = program.code[pc];
  const RuleInfo& rule = program.rules[program.rule_of[pc]];
  switch (i.op) {
    case Op::kCount:
      say(rule.number == 0 ? fmt::format("policy {}", rule.target)
                           : fmt::format("{:>3}  {}", rule.number, rule.text));
      break;
    case Op::kJump: depth_++; break;
    case Op::kReturn:
      if (depth_ > 1) depth_--;
      break;
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

}  // namespace sallyport
