#include "control/listing.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <vector>

#include "lang/names.h"
#include "rules/print.h"

namespace sallyport {
namespace {

std::string_view listed_target(const Rule& rule, const Table& table) {
  const bool renamed = rule.target && !rule.target->traits().listed_as.empty();
  return renamed ? rule.target->traits().listed_as : target_name(rule, table);
}

std::vector<const Chain*> chosen(const Table& table, const std::optional<std::string>& only) {
  std::vector<const Chain*> chains = in_order(table);
  std::erase_if(chains, [&](const Chain* chain) { return only && chain->name != *only; });
  return chains;
}

size_t references(const Table& table, const Chain& chain) {
  size_t count = 0;
  for (const Chain& other : table.chains) {
    for (const Rule& rule : other.rules) {
      const bool leads = rule.action == Action::kJump || rule.action == Action::kGoto;
      count += leads && &table.chains[rule.chain] == &chain;
    }
  }
  return count;
}

// "12345", or five places: "123K", "10M".
std::string count_text(uint64_t number, const ListingForm& form) {
  if (form.exact) return fmt::format("{:8} ", number);
  if (number <= 99999) return fmt::format("{:5} ", number);
  constexpr uint64_t kStep = 1000, kMost = 9999;
  for (const char* unit : {"K", "M", "G"}) {
    number = (number + kStep / 2) / kStep;
    if (number <= kMost) return fmt::format("{:4}{} ", number, unit);
  }
  return fmt::format("{:4}T ", (number + kStep / 2) / kStep);
}

std::string address_text(const MaskedAddress& address, bool negated, Family family,
                         const ListingForm& form) {
  std::string text;
  if (address.mask.is_zero() && !negated) {
    if (!form.numeric) {
      text = "anywhere";
    } else {
      text = family == Family::kIpv4 ? "0.0.0.0/0" : "::/0";
    }
  } else {
    const std::string single = family == Family::kIpv4 ? "/32" : "/128";
    std::string mask = mask_text(family, address.mask);
    if (mask == single) mask.clear();
    text = address.address.text(family) + mask;
  }
  return fmt::format("{}{:<19} ", negated ? '!' : ' ', text);
}

std::string interface_text(const InterfaceTest& interface, bool negated, const ListingForm& form) {
  const bool any = interface.name == InterfaceName();
  const std::string text = any ? (form.numeric ? "*" : "any") : interface.text();
  return fmt::format("{:<6} ", (negated ? "!" : "") + text);
}

std::string rule_line(const Rule& rule, const Table& table, Family family, uint32_t number,
                      const ListingForm& form) {
  std::string out;
  auto end = std::back_inserter(out);
  if (form.numbers) fmt::format_to(end, "{:<4} ", number);
  if (form.verbose) {
    out += count_text(rule.counters.packets, form) + count_text(rule.counters.bytes, form);
  }
  fmt::format_to(end, "{:<9} ", listed_target(rule, table));
  std::string protocol = "all";
  if (form.numeric) {
    protocol = std::to_string(rule.ip.protocol);
  } else if (rule.ip.protocol != 0) {
    protocol = protocol_name(rule.ip.protocol);
  }
  fmt::format_to(end, "{}{:<4} ", rule.ip.not_protocol ? "!" : " ", protocol);
  const char* fragment = rule.ip.fragment ? "-f" : rule.ip.not_fragment ? "!f" : "--";
  fmt::format_to(end, "{} ", fragment);
  if (form.verbose) {
    out += ' ';
    out += interface_text(rule.ip.in, rule.ip.not_in, form);
    out += interface_text(rule.ip.out, rule.ip.not_out, form);
  }
  out += address_text(rule.ip.source, rule.ip.not_source, family, form);
  out += address_text(rule.ip.destination, rule.ip.not_destination, family, form);
  if (rule.action == Action::kGoto) out += "[goto] ";
  const Scope scope{family, {}};
  for (const auto& match : rule.matches) match->list(scope, out);
  if (rule.target) rule.target->list(scope, out);
  return out + '\n';
}

}  // namespace

std::string list_table(const Table& table, Family family, const std::optional<std::string>& chain,
                       std::optional<uint32_t> number, const ListingForm& form) {
  std::string out;
  auto end = std::back_inserter(out);
  for (const Chain* one : chosen(table, chain)) {
    if (!number) {
      if (!out.empty()) out += '\n';
      if (!one->hook) {
        fmt::format_to(end, "Chain {} ({} references)\n", one->name, references(table, *one));
      } else if (form.verbose) {
        fmt::format_to(end, "Chain {} (policy {} {} packets, {} bytes)\n", one->name,
                       policy_word(*one), one->counters.packets, one->counters.bytes);
      } else {
        fmt::format_to(end, "Chain {} (policy {})\n", one->name, policy_word(*one));
      }
      if (form.numbers) out += "num  ";
      if (form.verbose) out += form.exact ? "    pkts      bytes " : " pkts bytes ";
      out += "target     prot opt ";
      if (form.verbose) out += "in     out     ";
      out += "source               destination         \n";
    }
    for (uint32_t i = 0; i < one->rules.size(); i++) {
      if (number && *number != i + 1) continue;
      out += rule_line(one->rules[i], table, family, i + 1, form);
    }
  }
  return out;
}

std::string list_commands(const Table& table, Family family,
                          const std::optional<std::string>& chain, std::optional<uint32_t> number,
                          bool counters) {
  std::string out;
  auto end = std::back_inserter(out);
  auto count = [&](const RuleCounters& counted) {
    return counters ? fmt::format(" -c {} {}", counted.packets, counted.bytes) : std::string();
  };
  const std::vector<const Chain*> chains = chosen(table, chain);
  for (const Chain* one : chains) {
    if (number) break;
    if (one->hook) {
      fmt::format_to(end, "-P {} {}{}\n", one->name, policy_word(*one), count(one->counters));
    } else {
      fmt::format_to(end, "-N {}\n", one->name);
    }
  }
  for (const Chain* one : chains) {
    for (uint32_t i = 0; i < one->rules.size(); i++) {
      if (number && *number != i + 1) continue;
      // Counters stand behind the matches, before the target.
      Rule matches = one->rules[i];
      matches.action = Action::kNone;
      std::string text = rule_text(one->rules[i], table, *one, family);
      text.insert(rule_text(matches, table, *one, family).size(), count(one->rules[i].counters));
      out += text + '\n';
    }
  }
  return out;
}

}  // namespace sallyport
