#include "rules/print.h"

#include <algorithm>
#include <fmt/format.h>

#include "lang/names.h"

namespace sallyport {
namespace {

void write_address(const MaskedAddress& address, bool negated, const char* option, Family family,
                   std::string& out) {
  if (address.mask.is_zero() && !negated) return;
  out += fmt::format(" {}{} {}{}", negated ? "! " : "", option, address.address.text(family),
                     mask_text(family, address.mask));
}

void write_interface(const InterfaceTest& interface, bool negated, const char* option,
                     std::string& out) {
  if (interface.name == InterfaceName()) return;
  out += fmt::format(" {}{} {}", negated ? "! " : "", option, interface.text());
}

void write_ip(const IpMatch& ip, Family family, std::string& out) {
  write_address(ip.source, ip.not_source, "-s", family, out);
  write_address(ip.destination, ip.not_destination, "-d", family, out);
  write_interface(ip.in, ip.not_in, "-i", out);
  write_interface(ip.out, ip.not_out, "-o", out);
  if (ip.protocol != 0) {
    out += fmt::format(" {}-p {}", ip.not_protocol ? "! " : "", protocol_name(ip.protocol));
  }
  if (ip.fragment || ip.not_fragment) out += ip.not_fragment ? " ! -f" : " -f";
}

// The order of /proc/net/ip_tables_names on the kernel that we follow, which is the reverse of
// that in which the tables were registered.
constexpr TableId kOrder[] = {TableId::kSecurity, TableId::kMangle, TableId::kRaw, TableId::kNat,
                              TableId::kFilter};

void write_table(const Table& table, TableId id, Family family, bool counters, std::string& out) {
  out += fmt::format("*{}\n", table_name(id));
  const std::vector<const Chain*> chains = in_order(table);
  for (const Chain* chain : chains) {
    RuleCounters count = chain->hook ? chain->counters : RuleCounters();
    out += fmt::format(":{} {} [{}:{}]\n", chain->name, policy_word(*chain), count.packets,
                       count.bytes);
  }
  for (const Chain* chain : chains) {
    for (const Rule& rule : chain->rules) {
      if (counters) out += fmt::format("[{}:{}] ", rule.counters.packets, rule.counters.bytes);
      out += rule_text(rule, table, *chain, family);
      out += '\n';
    }
  }
  out += "COMMIT\n";
}

}  // namespace

std::string_view policy_word(const Chain& chain) {
  if (!chain.hook) return "-";
  return chain.policy == Verdict::kDrop ? "DROP" : "ACCEPT";
}

std::vector<const Chain*> in_order(const Table& table) {
  std::vector<const Chain*> chains;
  for (const Chain& chain : table.chains) chains.push_back(&chain);
  std::ranges::stable_sort(chains, [](const Chain* a, const Chain* b) {
    if (a->hook || b->hook) return a->hook && (!b->hook || *a->hook < *b->hook);
    return a->name < b->name;
  });
  return chains;
}

std::string_view target_name(const Rule& rule, const Table& table) {
  switch (rule.action) {
    case Action::kNone: return {};
    case Action::kAccept: return "ACCEPT";
    case Action::kDrop: return "DROP";
    case Action::kReturn: return "RETURN";
    case Action::kJump:
    case Action::kGoto: return table.chains[rule.chain].name;
    case Action::kTarget: return rule.target->traits().name;
  }
  return {};
}

std::string rule_text(const Rule& rule, const Table& table, const Chain& chain, Family family) {
  std::string out = "-A " + chain.name;
  write_ip(rule.ip, family, out);
  Scope scope{family, {}};
  for (const auto& match : rule.matches) {
    out += " -m ";
    out += match->traits().name;
    match->write(scope, out);
  }
  if (rule.action == Action::kNone) return out;
  out += rule.action == Action::kGoto ? " -g " : " -j ";
  out += target_name(rule, table);
  if (rule.target) rule.target->write(scope, out);
  return out;
}

std::string print_rules(const Ruleset& rules, const PrintOptions& options) {
  std::string out;
  for (TableId id : kOrder) {
    if (const Table* table = rules.table(id)) {
      write_table(*table, id, rules.family, options.counters, out);
    }
  }
  return out;
}

}  // namespace sallyport
