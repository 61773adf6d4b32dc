#include "reference/evaluator.h"

namespace sallyport::reference {
namespace {

bool address_is(const MaskedAddress& wanted, bool negated, const Address& have) {
  return ((have & wanted.mask) == (wanted.address & wanted.mask)) != negated;
}

bool interface_is(const InterfaceTest& wanted, bool negated, const InterfaceName* have) {
  if (wanted.name == InterfaceName()) return true;
  std::string name(have ? have->text() : "");
  std::string pattern(wanted.name.text());
  bool prefix = wanted.mask.bytes[pattern.size()] == 0;
  bool is = prefix ? name.starts_with(pattern) : name == pattern;
  return is != negated;
}

// -s, -d, -i and -o are asked before -p and -f, which may hotdrop.
MatchResult ip_matches(const IpMatch& ip, Context& context) {
  const Packet& packet = context.packet;
  bool ends = address_is(ip.source, ip.not_source, packet.source()) &&
              address_is(ip.destination, ip.not_destination, packet.destination()) &&
              interface_is(ip.in, ip.not_in, packet.in) &&
              interface_is(ip.out, ip.not_out, packet.out);
  if (!ends) return MatchResult::kNo;
  if (ip.protocol != 0 && packet.no_transport) {
    bool cut = packet.fragment_offset == 0 &&
               packet.presence(packet.transport, 2) == Presence::kNotCaptured;
    if (!cut) return MatchResult::kHotdrop;
    context.not_captured = true;
    return yes_if(ip.not_protocol);
  }
  bool protocol = ip.protocol == 0 || (packet.protocol() == ip.protocol) != ip.not_protocol;
  bool later_fragment = packet.fragment_offset > 0;
  bool fragment = !(ip.fragment && !later_fragment) && !(ip.not_fragment && later_fragment);
  return yes_if(protocol && fragment);
}

MatchResult matches(const Rule& rule, Context& context, Memories& memories) {
  MatchResult ip = ip_matches(rule.ip, context);
  if (ip != MatchResult::kYes) return ip;
  for (const auto& match : rule.matches) {
    context.memory = {&memories[match.get()], 1};
    MatchResult result = match->eval(context);
    if (result != MatchResult::kYes) return result;
  }
  return MatchResult::kYes;
}

// False: the end of the chain was reached, or RETURN. A goto's chain ends in its caller's caller,
// so it is as if this chain had ended too.
bool walk(const Table& table, const Chain& chain, Context& context, Memories& memories,
          Answer& answer) {
  for (uint32_t i = 0; i < chain.rules.size(); i++) {
    const Rule& rule = chain.rules[i];
    MatchResult result = matches(rule, context, memories);
    if (result == MatchResult::kNo) continue;
    answer = {Verdict::kDrop, chain.name, i + 1, result == MatchResult::kHotdrop};
    if (answer.hotdrop) return true;
    switch (rule.action) {
      case Action::kNone: break;
      case Action::kDrop: return true;
      case Action::kAccept: answer.verdict = Verdict::kAccept; return true;
      case Action::kReturn: return false;
      case Action::kGoto: return walk(table, table.chains[rule.chain], context, memories, answer);
      case Action::kJump:
        if (walk(table, table.chains[rule.chain], context, memories, answer)) return true;
        break;
      case Action::kTarget:
        context.memory = {&memories[rule.target.get()], 1};
        answer.verdict = rule.target->eval(context);
        if (answer.verdict != Verdict::kContinue) return true;
        break;
    }
  }
  return false;
}

}  // namespace

Answer evaluate(const Ruleset& rules, TableId id, Context& context, Memories& memories) {
  const Table& table = *rules.table(id);
  const Chain& chain = *table.find(hook_name(context.hook));
  Answer answer;
  if (walk(table, chain, context, memories, answer)) return answer;
  return {chain.policy, chain.name, 0, false};
}

}  // namespace sallyport::reference
