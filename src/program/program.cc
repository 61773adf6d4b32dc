#include "program/program.h"

#include <fmt/format.h>

namespace sallyport {

std::string_view hook_name(Hook hook) {
  constexpr std::array<std::string_view, static_cast<size_t>(Hook::kCount)> kNames{
      "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
  return kNames[static_cast<size_t>(hook)];
}

std::string rule_place(const RuleInfo& rule) {
  const std::string number = rule.number == 0 ? "policy" : std::to_string(rule.number);
  return fmt::format("{}/{}:{}", rule.table, rule.chain, number);
}

std::string_view table_name(TableId table) {
  constexpr std::array<std::string_view, static_cast<size_t>(TableId::kCount)> kNames{
      "raw", "mangle", "nat", "filter", "security"};
  return kNames[static_cast<size_t>(table)];
}

// "eth+" has a mask that ends with its name; a whole name includes the zero after it.
std::string InterfaceTest::text() const {
  std::string text(name.text());
  return mask.bytes[text.size()] == 0 ? text + "+" : text;
}

namespace {

std::string operands(const Program& program, const Instruction& i) {
  std::string_view is = i.negate ? "!=" : "==";
  std::string_view field = i.field == Field::kCount ? "" : field_name(i.field);
  switch (i.op) {
    case Op::kMasked:
      return i.a == ~0u ? fmt::format("{} {} {:#x}", field, is, i.b)
                        : fmt::format("{} & {:#x} {} {:#x}", field, i.a, is, i.b);
    case Op::kProtocol: return fmt::format("{} {} {:#x}", field, is, i.b);
    case Op::kRange: return fmt::format("{} {}in {}..{}", field, i.negate ? "not " : "", i.a, i.b);
    case Op::kRanges: {
      std::string text = fmt::format("{} {}in", field, i.negate ? "not " : "");
      for (uint32_t r = i.a; r < i.a + i.b; r++) {
        text += fmt::format(" {}..{}", program.ranges[r].low, program.ranges[r].high);
      }
      return text;
    }
    case Op::kAddress: {
      const AddressTest& test = program.addresses[i.a];
      return fmt::format("{} & {} {} {}", field, test.mask.text(program.family), is,
                         test.address.text(program.family));
    }
    case Op::kInterface:
      return fmt::format("{} {} {}", i.b ? "out" : "in", is, program.interfaces[i.a].text());
    case Op::kHeader: return fmt::format("{} bytes", i.a);
    case Op::kCall: return fmt::format("{}match {}", i.negate ? "not " : "", i.a);
    case Op::kAction: return fmt::format("action {}", i.a);
    case Op::kCount: return fmt::format("rule {}", i.a);
    case Op::kClassify: return program.classifiers[i.a].text();
    case Op::kEnter:
    case Op::kJump:
    case Op::kGoto: return fmt::format("to {}", i.target);
    case Op::kAccept:
    case Op::kDrop:
    case Op::kReturn:
    case Op::kNextRule: return "";
  }
  return "";
}

constexpr std::array<std::string_view, 18> kOpNames{
    "test",  "test",   "test", "test",   "test", "test", "header", "call",     "enter",
    "count", "accept", "drop", "return", "jump", "goto", "action", "classify", "next"};

}  // namespace

const Classifier* Program::first_classifier(TableId table, Hook hook) const {
  const Pc begin = entry[static_cast<size_t>(table)][static_cast<size_t>(hook)];
  if (begin == kNoPc) return nullptr;
  const Instruction& first = code[begin + 1];  // behind kEnter
  return first.op == Op::kClassify ? &classifiers[first.a] : nullptr;
}

std::string Program::dump() const {
  std::string out;
  for (Pc pc = 0; pc < code.size(); pc++) {
    const Instruction& i = code[pc];
    std::string line =
        fmt::format("{:4} {:8} {}", pc, kOpNames[static_cast<size_t>(i.op)], operands(*this, i));
    if (i.op < Op::kEnter) line += fmt::format(" else {}", i.target);
    if (i.op == Op::kCount) {
      const RuleInfo& rule = rules[i.a];
      line += fmt::format("  # {}/{}:{}", rule.table, rule.chain,
                          rule.number ? std::to_string(rule.number) : "policy");
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += fmt::format("{}\n", line);
  }
  return out;
}

}  // namespace sallyport
