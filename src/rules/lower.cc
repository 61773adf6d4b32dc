// Lowering is a walk: every chain of every table, every condition and target by its own compile().
#include "rules/lower.h"

#include <fmt/format.h>
#include <unordered_map>

#include "lang/names.h"
#include "rules/print.h"

namespace sallyport {
namespace {

void compile_address(Emitter& emitter, const MaskedAddress& address, bool negated, Field first,
                     const char* option) {
  if (address.mask.is_zero() && !negated) return;
  Family family = emitter.family();
  emitter.condition(fmt::format("{}{} {}{}", negated ? "! " : "", option,
                                address.address.text(family), mask_text(family, address.mask)));
  emitter.test_address(first, address.address, address.mask, negated);
}

void compile_interface(Emitter& emitter, const InterfaceTest& interface, bool negated, bool out) {
  if (interface.name == InterfaceName()) return;
  emitter.condition(
      fmt::format("{}{} {}", negated ? "! " : "", out ? "-o" : "-i", interface.text()));
  emitter.test_interface(out, interface, negated);
}

// A rule's own conditions, in the order in which they are printed.
void compile_ip(const IpMatch& ip, Emitter& emitter) {
  compile_address(emitter, ip.source, ip.not_source, Field::kSource0, "-s");
  compile_address(emitter, ip.destination, ip.not_destination, Field::kDestination0, "-d");
  compile_interface(emitter, ip.in, ip.not_in, false);
  compile_interface(emitter, ip.out, ip.not_out, true);
  if (ip.protocol != 0) {
    emitter.condition(
        fmt::format("{}-p {}", ip.not_protocol ? "! " : "", protocol_name(ip.protocol)));
    emitter.test_protocol(ip.protocol, ip.not_protocol);
  }
  if (ip.fragment || ip.not_fragment) {
    emitter.condition(ip.not_fragment ? "! -f" : "-f");
    emitter.test(Field::kFragment, 1, 1, ip.not_fragment);
  }
}

// FNV-1a (public domain): a name for counters across reloads, not a defence.
uint64_t identity_of(std::initializer_list<std::string_view> parts) {
  uint64_t hash = 0xcbf29ce484222325;
  for (std::string_view part : parts) {
    for (char c : part) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    hash = (hash ^ 0xff) * 0x100000001b3;
  }
  return hash;
}

class Lowering {
 public:
  explicit Lowering(const Ruleset& rules) : rules_(rules), emitter_(rules.family) {}

  std::shared_ptr<const Program> run(uint32_t indexed_from) {
    for (size_t i = 0; i < rules_.tables.size(); i++) {
      if (rules_.tables[i]) table(static_cast<TableId>(i), *rules_.tables[i]);
    }
    return emitter_.finish(indexed_from);
  }

 private:
  void table(TableId id, const Table& table) {
    emitter_.begin_table(id);
    for (const Chain& chain : table.chains) {
      emitter_.begin_chain(chain.name, chain.hook);
      std::unordered_map<std::string, uint32_t> seen;  // equal rules are told apart by occurrence
      for (uint32_t i = 0; i < chain.rules.size(); i++) {
        rule(id, table, chain, i, seen);
      }
      emitter_.end_chain(chain.policy, chain.counters, chain.span);
    }
  }

  void rule(TableId id, const Table& table, const Chain& chain, uint32_t index,
            std::unordered_map<std::string, uint32_t>& seen) {
    const Rule& rule = chain.rules[index];
    std::string text = rule_text(rule, table, chain, rules_.family);
    std::string occurrence = std::to_string(seen[text]++);
    uint64_t identity = identity_of(
        {rules_.family == Family::kIpv4 ? "4" : "6", table_name(id), chain.name, text, occurrence});
    emitter_.begin_rule({.table = std::string(table_name(id)),
                         .chain = chain.name,
                         .number = index + 1,
                         .target = std::string(target_name(rule, table)),
                         .text = std::move(text),
                         .span = rule.span,
                         .identity = identity},
                        rule.counters);
    compile_ip(rule.ip, emitter_);
    for (const auto& match : rule.matches) {
      if (match->traits().needs_conntrack) emitter_.needs_conntrack();
      match->compile(emitter_);
    }
    action(rule, table);
    emitter_.end_rule();
  }

  void action(const Rule& rule, const Table& table) {
    switch (rule.action) {
      case Action::kNone: return;
      case Action::kAccept: return emitter_.accept();
      case Action::kDrop: return emitter_.drop();
      case Action::kReturn: return emitter_.return_();
      case Action::kJump: return emitter_.jump(table.chains[rule.chain].name);
      case Action::kGoto: return emitter_.go_to(table.chains[rule.chain].name);
      case Action::kTarget:
        if (rule.target->traits().needs_conntrack) emitter_.needs_conntrack();
        return rule.target->compile(emitter_);
    }
  }

  const Ruleset& rules_;
  Emitter emitter_;
};

}  // namespace

std::shared_ptr<const Program> compile(const Ruleset& rules, uint32_t indexed_from) {
  return Lowering(rules).run(indexed_from);
}

// In Lowering's order: a chain's rules, and then its policy.
Ruleset counted(Ruleset rules, std::span<const RuleCounters> counters) {
  auto next = counters.begin();
  for (std::optional<Table>& table : rules.tables) {
    if (!table) continue;
    for (Chain& chain : table->chains) {
      for (Rule& rule : chain.rules) rule.counters = *next++;
      if (chain.hook) chain.counters = *next++;
    }
  }
  return rules;
}

}  // namespace sallyport
