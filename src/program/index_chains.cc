// From a program that walks to one that looks up: a chain's rules become boxes, and its code gets
// an instruction ahead of its first rule, and one behind each.
//
//     enter                           enter
//     test … else 2                   classify            to the first rule that can match
//     accept                          test … else next
//  2: drop                            accept
//     …                               next                to the next one that can
//                                     drop
//                                     next
//                                     …
//
// A rule that fails, a target that goes on and a called chain that returns: they all come to the
// instruction behind the rule. Chains of few rules stay as they are.
#include <algorithm>
#include <bit>
#include <utility>

#include "base/byte_order.h"
#include "program/program.h"

namespace sallyport {
namespace {

// What rules ask as boxes: as far as their conditions are intervals, up to the first call.
class BoxMaker {
 public:
  explicit BoxMaker(const Program& program) : program_(program) {}

  // Of the rule at `begin`, which comes to stand at `place`. None: it can match no packet.
  std::vector<BoxedRule> boxes_of(Pc begin, Pc place) {
    Pc pc = begin;
    Box all;
    all.fill({0, ~0u});
    boxes_.assign(1, all);
    exact_ = true;
    header_ = 0;
    while (program_.code[pc].op < Op::kCall) narrow(program_.code[pc++]);
    exact_ &= program_.code[pc].op == Op::kCount;
    if (exact_) need_header();
    bool decides = exact_ && ends_chain(program_.code[pc + 1].op);
    Pc run = exact_ ? place + (pc - begin) : place;
    std::vector<BoxedRule> result;
    for (const Box& box : boxes_) result.push_back({run, decides, box});
    return result;
  }

  // Those that the rules' boxes suppose.
  const Classifier::Headers& headers() const { return headers_; }

 private:
  static bool ends_chain(Op op) {
    return op == Op::kAccept || op == Op::kDrop || op == Op::kReturn || op == Op::kGoto;
  }

  void narrow(const Instruction& i) {
    if (i.op == Op::kHeader) {
      header_ = std::max(header_, i.a);
      return;
    }
    uint32_t d = static_cast<uint32_t>(i.field);
    bool indexed = i.op == Op::kInterface || d < dimension::kFields;
    if (i.negate || !indexed) {
      exact_ = false;
      return;
    }
    need_header();
    switch (i.op) {
      case Op::kProtocol: return keep_masked(d, ~0u, i.b);
      case Op::kRange: return keep(d, {{{i.a, i.b}}});
      case Op::kRanges: return keep(d, std::span(program_.ranges).subspan(i.a, i.b));
      case Op::kAddress: return keep_address(d, program_.addresses[i.a]);
      case Op::kInterface: return keep_interface(i.b != 0, program_.interfaces[i.a]);
      default: return keep_masked(d, i.a, i.b);
    }
  }

  // What the box says now is right only of packets that have the header asked for.
  void need_header() {
    for (const Box& box : boxes_) {
      Interval protocols = box[dimension::kProtocol];
      for (uint32_t p = protocols.low; p <= protocols.high && p < headers_.size(); p++) {
        headers_[p] = std::max(headers_[p], header_);
      }
    }
  }

  static uint32_t largest(uint32_t d) {
    constexpr uint32_t kLargestProtocol = 0xff, kLargestPort = 0xffff;
    if (d == dimension::kProtocol) return kLargestProtocol;
    return d == dimension::kSourcePort || d == dimension::kDestinationPort ? kLargestPort : ~0u;
  }

  void keep_address(uint32_t d, const AddressTest& test) {
    for (uint32_t i = 0; i < 4; i++) keep_masked(d + i, test.mask.words[i], test.address.words[i]);
  }

  void keep_interface(bool out, const InterfaceTest& test) {
    auto word = [](const InterfaceName& name, size_t i) {
      return reinterpret_cast<const be32*>(&name.bytes[4 * i])->value();
    };
    for (uint32_t i = 0; i < 4; i++) {
      uint32_t mask = word(test.mask, i);
      keep_masked((out ? dimension::kOut : dimension::kIn) + i, mask, word(test.name, i) & mask);
    }
  }

  // (word & mask) == value, as far as the mask's bits are the word's first.
  void keep_masked(uint32_t d, uint32_t mask, uint32_t value) {
    uint32_t all = largest(d);
    if ((value & ~(mask & all)) != 0) return boxes_.clear();
    auto free = static_cast<uint32_t>((1ull << std::bit_width(all & ~mask)) - 1);
    exact_ &= (mask & free) == 0;
    ValueRange range{value & ~free, (value & ~free) | free};
    keep(d, {&range, 1});
  }

  // A list of ranges makes a box of each, unless these become many.
  void keep(uint32_t d, std::span<const ValueRange> ranges) {
    constexpr size_t kMany = 32;
    bool few = boxes_.size() * ranges.size() <= kMany;
    exact_ &= few;
    if (!few) return;
    std::vector<Box> kept;
    for (const Box& box : boxes_) {
      for (const ValueRange& range : ranges) {
        // A word's last value and what is behind it are one: so that 1024: is bounded on one side.
        uint32_t high = range.high >= largest(d) ? ~0u : range.high;
        Interval side{std::max(box[d].low, range.low), std::min(box[d].high, high)};
        if (side.low > side.high) continue;
        kept.push_back(box);
        kept.back()[d] = side;
      }
    }
    boxes_ = std::move(kept);
  }

  const Program& program_;
  Classifier::Headers headers_{};
  // Of the rule at hand.
  std::vector<Box> boxes_;
  bool exact_ = true;
  uint32_t header_ = 0;
};

class ChainIndexer {
 public:
  ChainIndexer(Program& program, uint32_t smallest) : program_(program), smallest_(smallest) {}

  void run() {
    find_rules();
    find_chains();
    if (chains_.empty()) return;
    insert();
    for (Instruction& i : code_) aim(i);
    for (auto& hooks : program_.entry) {
      for (Pc& entry : hooks) entry = entry == kNoPc ? kNoPc : head_[entry];
    }
    for (const Chain& chain : chains_) classify(chain);
    program_.code = std::move(code_);
    program_.rule_of = std::move(rule_of_);
    program_.label_of = std::move(label_of_);
  }

 private:
  struct RulePlace {
    Pc begin = kNoPc, end = 0;
    uint32_t chain = kNotIndexed;  // an index into chains_
    Pc next = kNoPc;               // its kNextRule
  };
  struct Chain {
    uint32_t first, last;  // rules
  };

  void find_rules() {
    rules_.resize(program_.rules.size());
    for (Pc pc = 0; pc < program_.code.size(); pc++) {
      const Instruction& i = program_.code[pc];
      if (i.op == Op::kEnter || (i.op == Op::kReturn && i.a == kNoRule)) continue;
      RulePlace& rule = rules_[program_.rule_of[pc]];
      rule.begin = std::min(rule.begin, pc);
      rule.end = pc + 1;
    }
  }

  // A chain's rules have the numbers from 1 on; its policy has 0.
  void find_chains() {
    const std::vector<RuleInfo>& infos = program_.rules;
    uint32_t end;
    for (uint32_t first = 0; first < infos.size(); first = std::max(end, first + 1)) {
      end = first;
      while (end < infos.size() && infos[end].number == end - first + 1) end++;
      if (end == first || end - first < smallest_) continue;
      for (uint32_t rule = first; rule < end; rule++) {
        rules_[rule].chain = static_cast<uint32_t>(chains_.size());
      }
      chains_.push_back({first, end - 1});
    }
  }

  // The code with its new instructions, targets as they were.
  void insert() {
    for (Pc pc = 0; pc < program_.code.size(); pc++) {
      RulePlace& rule = rules_[program_.rule_of[pc]];
      bool indexed = rule.chain != kNotIndexed;
      head_.push_back(static_cast<Pc>(code_.size()));
      if (indexed && pc == rules_[chains_[rule.chain].first].begin) {
        emit({.op = Op::kClassify, .a = rule.chain}, pc, 0);
      }
      place_.push_back(static_cast<Pc>(code_.size()));
      emit(program_.code[pc], pc, program_.label_of[pc]);
      if (indexed && pc + 1 == rule.end) {
        rule.next = static_cast<Pc>(code_.size());
        emit({.op = Op::kNextRule, .a = rule.chain}, pc, 0);
      }
    }
  }

  void emit(const Instruction& instruction, Pc from, uint32_t label) {
    code_.push_back(instruction);
    rule_of_.push_back(program_.rule_of[from]);
    label_of_.push_back(label);
  }

  void aim(Instruction& i) const {
    if (i.target == kNoPc) return;
    if (i.op < Op::kEnter) {
      const RulePlace& rule = rules_[rule_of_[static_cast<size_t>(&i - code_.data())]];
      i.target = rule.chain != kNotIndexed ? rule.next : place_[i.target];
    } else {
      i.target = head_[i.target];
    }
  }

  void classify(const Chain& chain) {
    BoxMaker maker(program_);
    std::vector<BoxedRule> boxed;
    for (uint32_t rule = chain.first; rule <= chain.last; rule++) {
      Pc begin = rules_[rule].begin;
      auto boxes = maker.boxes_of(begin, place_[begin]);
      boxed.insert(boxed.end(), boxes.begin(), boxes.end());
    }
    program_.classifiers.emplace_back(boxed, maker.headers(), rules_[chain.last].next + 1);
  }

  Program& program_;
  uint32_t smallest_;
  std::vector<RulePlace> rules_;
  std::vector<Chain> chains_;
  // The new code, and where it has the old one's instructions: place_ that itself, head_ with what
  // was put before it.
  std::vector<Instruction> code_;
  std::vector<uint32_t> rule_of_, label_of_;
  std::vector<Pc> place_, head_;
};

}  // namespace

void index_chains(Program& program, uint32_t smallest) {
  ChainIndexer(program, smallest).run();
}

}  // namespace sallyport
