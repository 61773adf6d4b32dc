// ipset: one command on the sets, or a whole text of them.
//
// A command is a line of what `ipset restore` reads, and is run as such. Messages that scripts look
// for are ipset 7.17's; others are our reader's, which say more.
#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "control/personality.h"
#include "control/set_lines.h"
#include "control/table_text.h"
#include "control/words.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr std::string_view kSays = "ipset v7.17: ";

constexpr const char* kHelp = R"(Usage: ipset [options] COMMAND
  create SETNAME TYPENAME [type-specific-options]   add, del, test SETNAME ENTRY
  destroy, flush, list, save [SETNAME]              restore
  rename FROM TO                                    swap FROM TO
Options: -exist -quiet -name -terse -output plain|save -file FILE (restore: from standard input)
It changes the sets of the Sallyport that runs, and nothing else.
)";

struct Options {
  bool exist = false, quiet = false, name = false, terse = false, save = false;
  std::vector<std::string> words;  // the command and what belongs to it
};

struct CommandName {
  std::string_view name;
  std::string_view letter;
};
constexpr CommandName kNames[] = {
    {"create", "-N"}, {"add", "-A"},  {"del", "-D"},     {"test", "-T"},  {"destroy", "-X"},
    {"list", "-L"},   {"save", "-S"}, {"restore", "-R"}, {"flush", "-F"}, {"rename", "-E"},
    {"swap", "-W"},   {"help", "-H"}, {"version", "-V"},
};

std::string_view command_of(std::string_view word) {
  const std::string_view plain = word.starts_with("--") ? word.substr(2) : word;
  for (const CommandName& name : kNames) {
    if (plain == name.name || word == name.letter) return name.name;
  }
  if (plain == "n" || plain == "new") return "create";
  return {};
}

// The revisions that ipset 7.17 and Linux 6.18 agree on (`ipset list`).
int revision_of(SetType type) {
  switch (type) {
    case SetType::kHashIp: return 6;
    case SetType::kHashNet:
    case SetType::kHashIpPort: return 7;
    case SetType::kHashNetPort: return 8;
    case SetType::kBitmapPort:
    case SetType::kListSet: return 3;
  }
  return 0;
}

class Ipset {
 public:
  explicit Ipset(Managed& firewall) : firewall_(firewall) {}

  Reply run(const Request& request) {
    understand(request.arguments);
    if (options_.words.empty()) return fail("No command specified.");
    const std::string_view command = command_of(options_.words[0]);
    if (command.empty()) {
      return fail(fmt::format("Unknown argument: `{}'", shown(options_.words[0])));
    }
    if (command == "help") return said(kHelp);
    if (command == "version") return said("ipset v7.17, protocol version: 7 (Sallyport)\n");
    if (command == "list" || command == "save") return list(command == "save" || options_.save);
    if (command == "test") return test();
    if (command == "restore") return restore(request.input);
    return edit(command);
  }

 private:
  Reply fail(const std::string& what) const {
    std::string err;
    if (!options_.quiet) err = fmt::format("{}{}\n", kSays, what);
    return failed(std::move(err), 1);
  }

  void understand(std::span<const std::string> arguments) {
    for (WordReader reader(arguments); !reader.end();) {
      const std::string word = reader.next();
      if (word == "-!" || word == "-exist" || word == "--exist") {
        options_.exist = true;
      } else if (word == "-q" || word == "-quiet" || word == "--quiet") {
        options_.quiet = true;
      } else if (word == "-n" || word == "-name" || word == "--name") {
        options_.name = true;
      } else if (word == "-t" || word == "-terse" || word == "--terse") {
        options_.terse = true;
      } else if (word == "-o" || word == "-output" || word == "--output") {
        options_.save = reader.value().value_or("") == "save";
      } else if (word != "-s" && word != "-sorted" && word != "-r" && word != "-resolve") {
        options_.words.push_back(word);
      }
    }
  }

  SetStore& sets() { return firewall_.engine().sets(); }

  // How many rules and lists hold it.
  size_t references(const std::string& set, std::string_view save) {
    size_t count = 0;
    for (Family family : {Family::kIpv4, Family::kIpv6}) {
      for (const TableText& table : tables_of(firewall_.rules(family))) {
        for (const ChainText& chain : table.chains) {
          for (const RuleLine& rule : chain.rules) {
            for (const char* option : {"-set ", "-set ! "}) {
              const std::string use = fmt::format("{}{} ", option, set);
              for (size_t at = 0; (at = rule.text.find(use, at)) != std::string::npos; at++)
                count++;
            }
          }
        }
      }
    }
    for (const std::string& list : sets().names()) {
      const std::optional<SetRef> ref = sets().find(list);
      if (sets().options(*ref)->type != SetType::kListSet) continue;
      const std::string line = fmt::format("\nadd {} {}", list, set);
      const size_t at = save.find(line);
      if (at == std::string_view::npos) continue;
      const size_t end = at + line.size();
      count += end == save.size() || save[end] == '\n' || save[end] == ' ';
    }
    return count;
  }

  Reply list(bool as_save) {
    std::optional<std::string> only;
    if (options_.words.size() > 1) only = options_.words[1];
    if (only && !sets().find(*only)) return fail("The set with the given name does not exist");
    const std::string save = sets().save(firewall_.now());
    std::string out;
    for (const std::string& name : sets().names()) {
      if (only && name != *only) continue;
      if (options_.name) {
        out += name + '\n';
      } else if (as_save) {
        out += lines_of(save, name);
      } else {
        if (!out.empty()) out += '\n';
        out += description(name, save);
      }
    }
    return said(out);
  }

  static std::string lines_of(std::string_view save, const std::string& name) {
    const std::string create = fmt::format("create {} ", name), add = fmt::format("add {} ", name);
    std::string out;
    for (size_t at = 0; at < save.size();) {
      const size_t end = std::min(save.find('\n', at), save.size());
      const std::string_view line = save.substr(at, end - at);
      if (line.starts_with(create) || line.starts_with(add)) out += std::string(line) + '\n';
      at = end + 1;
    }
    return out;
  }

  std::string description(const std::string& name, std::string_view save) {
    const SetRef ref = *sets().find(name);
    const SetOptions& options = *sets().options(ref);
    const std::string type(options.info().name);
    std::string header = create_text(options).substr(type.size());
    if (header.starts_with(' ')) header.erase(0, 1);
    std::string lines = lines_of(save, name), members;
    const std::string add = fmt::format("add {} ", name);
    size_t entries = 0;
    for (size_t at = lines.find('\n') + 1; at < lines.size();) {
      const size_t end = lines.find('\n', at) + 1;
      members += lines.substr(at + add.size(), end - at - add.size());
      entries++;
      at = end;
    }
    // What an entry takes here; Linux prints what it takes there.
    constexpr size_t kSet = 200, kEntry = 64;
    std::string out = fmt::format(
        "Name: {}\nType: {}\nRevision: {}\nHeader: {}\nSize in memory: {}\nReferences: {}\n"
        "Number of entries: {}\n",
        name, type, revision_of(options.type), header, kSet + entries * kEntry,
        references(name, save), entries);
    if (!options_.terse) out += "Members:\n" + members;
    return out;
  }

  Reply test() {
    if (options_.words.size() < 3) return fail("Missing mandatory argument to command test");
    const std::string &set = options_.words[1], &element = options_.words[2];
    Result<bool> found = sets().test(set, element, firewall_.now());
    if (!found) return fail(found.error().what);
    Reply reply;
    reply.code = *found ? 0 : 1;
    if (!options_.quiet) {
      reply.err = *found ? fmt::format("Warning: {} is in set {}.\n", element, set)
                         : fmt::format("{} is NOT in set {}.\n", element, set);
    }
    return reply;
  }

  Reply restore(const std::string& text) {
    Diagnostics diagnostics;
    std::string input = text;
    if (options_.exist) input = with_exist(text);
    if (sets().restore(input, firewall_.now(), diagnostics)) return {};
    return failed(diagnostics.render("standard input", input), 1);
  }

  // A set that rules or lists hold stays.
  Reply edit(std::string_view command) {
    constexpr std::string_view kHeld =
        "Set cannot be destroyed: it is in use by a kernel component";
    const std::vector<std::string>& words = options_.words;
    // Every add and del does without.
    const bool asks = command == "destroy" || command == "rename";
    const std::string save = asks ? sets().save(firewall_.now()) : std::string();
    if (command == "destroy") {
      for (const std::string& set : sets().names()) {
        if ((words.size() < 2 || words[1] == set) && references(set, save) > 0)
          return fail(std::string(kHeld));
      }
    }
    if (command == "rename" && words.size() > 1 && references(words[1], save) > 0) {
      return fail("Set cannot be renamed: it is in use by another system");
    }
    std::string line(command);
    for (size_t i = 1; i < words.size(); i++) line += ' ' + word_of(words[i]);
    if (options_.exist) line += " -exist";
    Diagnostics diagnostics;
    if (sets().restore(line + '\n', firewall_.now(), diagnostics)) return {};
    const Diag& first = diagnostics.list().front();
    return fail(said_by_ipset(command, first));
  }

  // ipset's quotes know no escapes.
  static std::string word_of(const std::string& word) {
    return word.find_first_of(" \t") == std::string::npos ? word : '"' + word + '"';
  }

  static std::string said_by_ipset(std::string_view command, const Diag& diag) {
    const bool exists = diag.what.find("already") != std::string::npos;
    if (command == "add" && exists) return "Element cannot be added to the set: it's already added";
    if (command == "create" && exists) {
      return "Set cannot be created: set with the same name already exists";
    }
    if (diag.what.starts_with("there is no set named")) {
      return "The set with the given name does not exist";
    }
    if (command == "del" && diag.what.find("not in") != std::string::npos) {
      return "Element cannot be deleted from the set: it's not added";
    }
    return diag.what + (diag.hint.empty() ? "" : "; " + diag.hint);
  }

  Managed& firewall_;
  Options options_;
};

}  // namespace

Reply run_ipset(Managed& firewall, const Request& request) {
  return Ipset(firewall).run(request);
}

}  // namespace sallyport
