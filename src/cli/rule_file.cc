#include "cli/rule_file.h"

#include <iostream>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {

void RuleFile::add_to(Subcommand& command) {
  command.flag("-6", ipv6, "the rules are IPv6's, as ip6tables-save prints them");
  command.option("--sets", sets, "the sets that the rules name, as ipset save prints them")
      .takes("FILE");
  command.option("--labels", labels, "the names of labels: connlabel.conf").takes("FILE");
  command.argument("RULES", rules, "the rules, as iptables-save prints them; - is standard input")
      .takes("FILE")
      .required();
}

int RuleFile::parse(const std::function<void(const Ruleset&)>& use) const {
  std::optional<InputFile> rule_text = read_input(rules, std::cerr);
  if (!rule_text) return kExitUsage;
  SetStore store(random_hash_key());
  bool right = true;
  if (!sets.empty()) {
    std::optional<InputFile> set_text = read_input(sets, std::cerr);
    if (!set_text) return kExitUsage;
    Diagnostics diagnostics;
    right = store.restore(set_text->text, 0, diagnostics);
    std::cerr << diagnostics.render(set_text->name, set_text->text);
  }
  LabelNames names;
  if (!labels.empty()) {
    std::optional<InputFile> label_text = read_input(labels, std::cerr);
    if (!label_text) return kExitUsage;
    names = LabelNames(label_text->text);
  }
  std::expected<Ruleset, Diagnostics> parsed =
      parse_rules(rule_text->text, ipv6 ? Family::kIpv6 : Family::kIpv4, &store, &names);
  if (!parsed) std::cerr << parsed.error().render(rule_text->name, rule_text->text);
  if (!parsed || !right) return kExitNo;
  use(*parsed);
  return kExitOk;
}

}  // namespace sallyport
