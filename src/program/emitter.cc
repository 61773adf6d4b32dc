#include "program/emitter.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sallyport {
namespace {

// Of a condition on one field. Fragments have been put together where flows are asked.
uint8_t depends_on(Field field) {
  switch (field) {
    case Field::kProtocol:
    case Field::kSource0:
    case Field::kSource1:
    case Field::kSource2:
    case Field::kSource3:
    case Field::kDestination0:
    case Field::kDestination1:
    case Field::kDestination2:
    case Field::kDestination3:
    case Field::kSourcePort:
    case Field::kDestinationPort:
    case Field::kFragment:
    case Field::kCtDirection: return depends::kFlow;
    case Field::kCtState:
    case Field::kCtStatus:
    case Field::kConnmark: return depends::kState;
    default: return depends::kPacket;
  }
}

}  // namespace

Emitter::Emitter(Family family) {
  program_.family = family;
  for (auto& hooks : program_.entry) hooks.fill(kNoPc);
  program_.labels.emplace_back();
}

void Emitter::begin_table(TableId table) {
  finish_table();
  table_ = table;
}

void Emitter::begin_chain(std::string_view name, std::optional<Hook> hook) {
  chain_ = &chains_[std::string(name)];
  chain_name_ = name;
  hook_ = hook;
  chain_->entry = static_cast<Pc>(program_.code.size());
  if (!hook) return;
  program_.entry[static_cast<size_t>(table_)][static_cast<size_t>(*hook)] = chain_->entry;
  emit({.op = Op::kEnter});
}

void Emitter::end_chain(Verdict policy, const RuleCounters& counters, Span span) {
  if (!hook_) {
    label_ = 0;
    emit({.op = Op::kReturn, .a = kNoRule});
    return;
  }
  program_.code[chain_->entry].target = static_cast<Pc>(program_.code.size());
  std::string word = policy == Verdict::kDrop ? "DROP" : "ACCEPT";
  begin_rule({.table = std::string(table_name(table_)),
              .chain = chain_name_,
              .target = word,
              .text = "-P " + chain_name_ + " " + word,
              .span = span},
             counters);
  if (policy == Verdict::kDrop) {
    drop();
  } else {
    accept();
  }
}

void Emitter::begin_rule(RuleInfo info, const RuleCounters& counters) {
  rule_ = static_cast<uint32_t>(program_.rules.size());
  label_ = 0;
  targeted_ = false;
  program_.is_policy.push_back(info.number == 0);
  program_.rules.push_back(std::move(info));
  program_.initial_counters.push_back(counters);
}

// A rule without a target falls through to the next one, as a failing test does.
void Emitter::end_rule() {
  if (!targeted_) emit({.op = Op::kCount, .a = rule_});
  Pc next = static_cast<Pc>(program_.code.size());
  for (Pc pc : failing_) program_.code[pc].target = next;
  failing_.clear();
}

void Emitter::condition(std::string text) {
  label_ = static_cast<uint32_t>(program_.labels.size());
  program_.labels.push_back(std::move(text));
}

Pc Emitter::emit(Instruction instruction) {
  program_.code.push_back(instruction);
  program_.rule_of.push_back(rule_);
  program_.label_of.push_back(label_);
  return static_cast<Pc>(program_.code.size() - 1);
}

void Emitter::emit_test(Instruction instruction) {
  if (instruction.field != Field::kCount) instruction.depends = depends_on(instruction.field);
  failing_.push_back(emit(instruction));
}

void Emitter::test(Field field, uint32_t mask, uint32_t value, bool negate) {
  emit_test({.op = Op::kMasked, .field = field, .negate = negate, .a = mask, .b = value});
}

void Emitter::test_protocol(uint8_t protocol, bool negate) {
  if (program_.family == Family::kIpv4) return test(Field::kProtocol, 0xff, protocol, negate);
  emit_test({.op = Op::kProtocol, .field = Field::kProtocol, .negate = negate, .b = protocol});
}

void Emitter::test_range(Field field, uint32_t low, uint32_t high, bool negate) {
  // A range that runs backwards holds nothing, and an instruction cannot say so.
  if (low > high) return test(field, 0, 1, negate);
  emit_test({.op = Op::kRange, .field = field, .negate = negate, .a = low, .b = high});
}

void Emitter::test_ranges(Field field, std::span<const ValueRange> ranges, bool negate) {
  uint32_t first = static_cast<uint32_t>(program_.ranges.size());
  program_.ranges.insert(program_.ranges.end(), ranges.begin(), ranges.end());
  emit_test({.op = Op::kRanges,
             .field = field,
             .negate = negate,
             .a = first,
             .b = static_cast<uint32_t>(ranges.size())});
}

void Emitter::test_address(Field first, const Address& address, const Address& mask, bool negate) {
  if (program_.family == Family::kIpv4) {
    test(first, mask.words[0], address.words[0] & mask.words[0], negate);
    return;
  }
  uint32_t index = static_cast<uint32_t>(program_.addresses.size());
  program_.addresses.push_back({address & mask, mask});
  emit_test({.op = Op::kAddress, .field = first, .negate = negate, .a = index});
}

void Emitter::test_interface(bool out, const InterfaceTest& interface, bool negate) {
  uint32_t index = static_cast<uint32_t>(program_.interfaces.size());
  program_.interfaces.push_back(interface);
  emit_test(
      {.op = Op::kInterface, .negate = negate, .depends = depends::kFlow, .a = index, .b = out});
}

void Emitter::need_header(uint32_t bytes) {
  emit_test({.op = Op::kHeader, .depends = depends::kFlow, .a = bytes});
}

void Emitter::test_call(MatchResult (*call)(const void*, Context&),
                        std::shared_ptr<const void> options, uint8_t depends, bool negate,
                        Tell tell) {
  uint32_t index = static_cast<uint32_t>(program_.matches.size());
  program_.matches.push_back({call, std::move(options), tell});
  emit_test({.op = Op::kCall, .negate = negate, .depends = depends, .a = index});
}

// Every target begins by counting its rule.
void Emitter::begin_target() {
  label_ = 0;
  targeted_ = true;
  emit({.op = Op::kCount, .a = rule_});
}

void Emitter::accept() {
  begin_target();
  emit({.op = Op::kAccept});
}

void Emitter::drop() {
  begin_target();
  emit({.op = Op::kDrop});
}

void Emitter::return_() {
  begin_target();
  emit({.op = Op::kReturn, .a = rule_});
}

void Emitter::jump(std::string_view name) {
  call_chain(Op::kJump, name);
  chain_->jumps.push_back(&chains_[std::string(name)]);
}

void Emitter::go_to(std::string_view name) {
  call_chain(Op::kGoto, name);
  chain_->gotos.push_back(&chains_[std::string(name)]);
}

void Emitter::call_chain(Op op, std::string_view name) {
  begin_target();
  chains_[std::string(name)].calls.push_back(emit({.op = op}));
}

void Emitter::action(Verdict (*call)(const void*, Context&), std::shared_ptr<const void> options) {
  begin_target();
  uint32_t index = static_cast<uint32_t>(program_.actions.size());
  program_.actions.push_back({call, std::move(options)});
  emit({.op = Op::kAction, .a = index});
}

// The deepest stack that a packet entering here can need: one for the policy or
// the caller's return, one more for each nested jump. Chains form no circle.
uint32_t Emitter::count_depth(Chain& chain) {
  if (chain.depth != 0) return chain.depth;
  uint32_t depth = 1;
  for (Chain* callee : chain.jumps) depth = std::max(depth, 1 + count_depth(*callee));
  for (Chain* callee : chain.gotos) depth = std::max(depth, count_depth(*callee));
  chain.depth = depth;
  return depth;
}

void Emitter::finish_table() {
  for (auto& [name, chain] : chains_) {
    for (Pc pc : chain.calls) {
      assert(chain.entry != kNoPc);
      program_.code[pc].target = chain.entry;
    }
    program_.depth = std::max(program_.depth, count_depth(chain));
  }
  chains_.clear();
}

std::shared_ptr<const Program> Emitter::finish(uint32_t indexed_from) {
  finish_table();
  index_chains(program_, indexed_from);
  return std::make_shared<const Program>(std::move(program_));
}

}  // namespace sallyport
