#include "program/interpreter.h"

#include "program/header.h"

namespace sallyport {
namespace {

bool in_ranges(uint32_t value, const ValueRange* range, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (value >= range[i].low && value <= range[i].high) return true;
  }
  return false;
}

bool in_prefix(const Fields& fields, Field first, const AddressTest& test) {
  const uint32_t* words = &fields.words[static_cast<size_t>(first)];
  uint32_t difference = 0;
  for (size_t i = 0; i < 4; i++) {
    difference |= (words[i] & test.mask.words[i]) ^ test.address.words[i];
  }
  return difference == 0;
}

// A packet without such an interface has the empty name, which only a test for
// any name ("+") accepts: as in the kernel.
bool is_interface(const InterfaceName* name, const InterfaceTest& test) {
  static constexpr InterfaceName kNone{};
  const InterfaceName& actual = name ? *name : kNone;
  char difference = 0;
  for (size_t i = 0; i < actual.bytes.size(); i++) {
    difference |= static_cast<char>((actual.bytes[i] ^ test.name.bytes[i]) & test.mask.bytes[i]);
  }
  return difference == 0;
}

// Linux hotdrops a packet where -p is asked, negated or not, and an IPv6 extension header on the
// way to the protocol is cut off or in another fragment (tests/flow/ipv6-protocol-missing.flow).
MatchResult is_protocol(Context& context, uint32_t protocol) {
  const Packet& packet = context.packet;
  if (packet.no_transport) {
    Presence presence = packet.presence(packet.transport, sizeof(Ipv6Extension));
    if (packet.fragment_offset > 0 || presence != Presence::kNotCaptured) {
      return MatchResult::kHotdrop;
    }
    context.not_captured = true;
    return MatchResult::kNo;
  }
  return packet.fields[Field::kProtocol] == protocol ? MatchResult::kYes : MatchResult::kNo;
}

MatchResult test(const Program& program, const Instruction& i, Context& context) {
  const Fields& fields = context.packet.fields;
  auto result = [](bool held) { return held ? MatchResult::kYes : MatchResult::kNo; };
  switch (i.op) {
    case Op::kProtocol: return is_protocol(context, i.b);
    case Op::kRange: return result(fields[i.field] - i.a <= i.b - i.a);
    case Op::kRanges: return result(in_ranges(fields[i.field], &program.ranges[i.a], i.b));
    case Op::kAddress: return result(in_prefix(fields, i.field, program.addresses[i.a]));
    case Op::kInterface:
      return result(
          is_interface(i.b ? context.packet.out : context.packet.in, program.interfaces[i.a]));
    case Op::kHeader: return look_at_header(context, i.a);
    case Op::kCall: {
      const MatchCall& match = program.matches[i.a];
      return match.call(match.options.get(), context);
    }
    default: return MatchResult::kNo;
  }
}

}  // namespace

template <typename Tracer>
Verdict run(const Program& program, Pc entry, Context& context, std::span<RuleCounters> counters,
            std::span<Pc> stack, Tracer& tracer) {
  const Instruction* code = program.code.data();
  RuleFinder finder(context.ahead);
  uint32_t rule = kNoRule;  // the last one that counted: what decides belongs to it
  size_t top = 0;
  Pc pc = entry;
  for (;;) {
    const Instruction& i = code[pc];
    if (i.op < Op::kEnter) {
      bool held;
      if (i.op == Op::kMasked) [[likely]] {  // what nearly every condition is
        held = (context.packet.fields[i.field] & i.a) == i.b;
      } else {
        const MatchResult result = test(program, i, context);
        if (result == MatchResult::kHotdrop) {
          context.hotdrop = true;
          context.rule = program.rule_of[pc];
          if constexpr (Tracer::kOn) tracer.condition(program, pc, false, context);
          return Verdict::kDrop;
        }
        held = result == MatchResult::kYes;
      }
      held = held != i.negate;
      if constexpr (Tracer::kOn) tracer.condition(program, pc, held, context);
      pc = held ? pc + 1 : i.target;
      continue;
    }
    Pc here = pc++;
    if (i.op >= Op::kClassify) {
      if constexpr (!Tracer::kWalks) {
        const Classifier& classifier = program.classifiers[i.a];
        pc = i.op == Op::kClassify ? finder.first(classifier, context.packet, here)
                                   : finder.next(classifier, context.packet, here);
      }
      continue;
    }
    Verdict verdict = Verdict::kContinue;
    switch (i.op) {
      case Op::kEnter: stack[top++] = i.target; break;
      case Op::kCount:
        rule = i.a;
        if (!context.what_if) {
          counters[i.a].packets++;
          counters[i.a].bytes += context.packet.fields[Field::kLength];
        }
        break;
      case Op::kAccept: verdict = Verdict::kAccept; break;
      case Op::kDrop: verdict = Verdict::kDrop; break;
      case Op::kReturn: pc = stack[--top]; break;
      case Op::kJump:
        stack[top++] = pc;
        pc = i.target;
        break;
      case Op::kGoto: pc = i.target; break;
      default: {
        const ActionCall& action = program.actions[i.a];
        verdict = action.call(action.options.get(), context);
      }
    }
    if constexpr (Tracer::kOn) tracer.action(program, here, verdict, context);
    if (verdict != Verdict::kContinue) {
      context.rule = rule;
      return verdict;
    }
  }
}

template Verdict run(const Program&, Pc, Context&, std::span<RuleCounters>, std::span<Pc>,
                     NoTrace&);
template Verdict run(const Program&, Pc, Context&, std::span<RuleCounters>, std::span<Pc>,
                     Recorder&);
template Verdict run(const Program&, Pc, Context&, std::span<RuleCounters>, std::span<Pc>, Trace&);

}  // namespace sallyport
