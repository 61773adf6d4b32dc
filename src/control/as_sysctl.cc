// sysctl: the knobs of conntrack and of discovery (docs/knobs).
#include <fmt/format.h>

#include "control/personality.h"
#include "control/words.h"

namespace sallyport {
namespace {

enum class Print : uint8_t { kBoth, kValue, kName };

struct Options {
  bool all = false, write = false, quiet = false;
  Print print = Print::kBoth;
  std::vector<std::string> variables;
};

std::string line_of(std::string_view name, uint32_t value, Print print) {
  switch (print) {
    case Print::kBoth: break;
    case Print::kValue: return fmt::format("{}\n", value);
    case Print::kName: return fmt::format("{}\n", name);
  }
  return fmt::format("{} = {}\n", name, value);
}

std::string dotted(std::string name) {
  for (char& c : name) c = c == '/' ? '.' : c;
  return name;
}

void unknown(std::string_view name, Reply& reply) {
  reply.err += fmt::format("sysctl: cannot stat {}: there is no such knob here\n", name);
  reply.code = 1;
}

void read_one(const Knobs& knobs, const std::string& name, const Options& options, Reply& reply) {
  std::optional<uint32_t> value = knobs.get(dotted(name));
  if (!value) return unknown(name, reply);
  reply.out += line_of(dotted(name), *value, options.print);
}

void write_one(Knobs& knobs, const std::string& text, const Options& options, Reply& reply) {
  const size_t equals = text.find('=');
  const std::string name = dotted(text.substr(0, equals)), value = text.substr(equals + 1);
  if (!knobs.get(name)) return unknown(name, reply);
  if (Result<void> set = knobs.set(name, value); !set) {
    reply.err += fmt::format("sysctl: setting key \"{}\": {}\n", name, set.error().what);
    reply.code = 1;
  } else if (!options.quiet) {
    reply.out += line_of(name, *knobs.get(name), options.print);
  }
}

}  // namespace

Reply run_sysctl(Managed& firewall, const Request& request) {
  Options options;
  for (const std::string& word : take_apart(request.arguments, "", "anNqwe")) {
    if (word == "-a" || word == "--all" || word == "-A") {
      options.all = true;
    } else if (word == "-n" || word == "--values") {
      options.print = Print::kValue;
    } else if (word == "-N" || word == "--names") {
      options.print = Print::kName;
    } else if (word == "-q" || word == "--quiet") {
      options.quiet = true;
    } else if (word == "-w" || word == "--write") {
      options.write = true;
    } else if (word.starts_with('-') && word != "-e") {
      return failed(fmt::format("sysctl: unknown option '{}'\n", word), 1);
    } else if (word != "-e") {
      options.variables.push_back(word);
    }
  }
  Reply reply;
  Knobs knobs = firewall.engine().conntrack().knobs();
  if (options.all) {
    for (std::string_view name : Knobs::names()) {
      reply.out += line_of(name, *knobs.get(name), options.print);
    }
    return reply;
  }
  if (options.variables.empty()) {
    return failed("sysctl: no variables specified\n", 1);
  }
  for (const std::string& variable : options.variables) {
    if (variable.find('=') != std::string::npos) {
      write_one(knobs, variable, options, reply);
    } else if (options.write) {
      reply.err += fmt::format("sysctl: \"{}\" must be of the form name=value\n", variable);
      reply.code = 1;
    } else {
      read_one(knobs, variable, options, reply);
    }
  }
  firewall.engine().conntrack().change_knobs(knobs);
  return reply;
}

}  // namespace sallyport
