#include "cli/office.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

#include "cli/commands.h"
#include "cli/drop_report.h"
#include "control/personality.h"
#include "control/set_lines.h"
#include "control/status.h"
#include "sets/set_store.h"

namespace sallyport {

std::expected<void, std::string> Office::open(const ControlServer::Options& socket) {
  auto server = ControlServer::open(
      socket, daemon_,
      [this](const std::string& name, const Request& request) { return answer(name, request); });
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  constexpr size_t kRemembered = 8192;  // events: each drop that is told looks at all of them
  keep_history(firewall_.engine(), kRemembered);
  daemon_.each_turn([this] { return server_->go_on(); });
  daemon_.live().on_drop([this](const Live::Judgement& judgement) {
    drops_.add(judgement, firewall_.engine().shared_program(judgement.packet.family));
  });
  return {};
}

Reply Office::answer(const std::string& name, const Request& request) {
  if (const Personality* personality = find_personality(name)) {
    return personality->run(firewall_, request);
  }
  const bool flag = !request.arguments.empty();
  if (name == "status") {
    return said(flag ? status_json(daemon_, firewall_) : status_text(daemon_, firewall_));
  }
  if (name == "drops") return tell_drops(request);
  if (name == "confirm") {
    return daemon_.confirm() ? said("it stays\n")
                             : failed("sallyport: there is no trial to confirm\n", kExitNo);
  }
  if (name == "reload") return reload();
  return failed(fmt::format("sallyport: {}: no such command\n", name), kExitUsage);
}

// All that are known, or those that come from now on, until the asker has gone.
Reply Office::tell_drops(const Request& request) {
  auto has = [&](std::string_view flag) {
    return std::ranges::find(request.arguments, flag) != request.arguments.end();
  };
  const bool follow = has("--follow");
  Engine& engine = firewall_.engine();
  auto report = std::make_shared<DropReport>(
      drops_, engine, follow ? drops_.count() + 1 : drops_.first(),
      has("--json") ? DropReport::Form::kJson : DropReport::Form::kText);
  Reply reply;
  reply.more = [report, follow](std::string& out) { return !report->tell(out) || follow; };
  return reply;
}

// The files that it was started with, read again: all of them or none. Sets keep their elements,
// and get those of the file that are not there.
Reply Office::reload() {
  std::ostringstream errors;
  std::optional<Sources> sources = read_sources(inputs_, errors);
  if (!sources) return failed(errors.str(), kExitUsage);
  std::expected<void, std::string> done = change(*sources);
  return done ? said("reloaded\n") : failed(done.error(), kExitNo);
}

std::expected<void, std::string> Office::change(const Sources& sources) {
  SetStore& sets = firewall_.engine().sets();
  const SetStore before = sets;
  std::string errors;
  if (sources.sets) {
    Diagnostics diagnostics;
    sets.restore(with_exist(sources.sets->text), firewall_.now(), diagnostics);
    errors += diagnostics.render(sources.sets->name, sources.sets->text);
  }
  std::vector<Ruleset> fresh;
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::optional<InputFile>& file = family == Family::kIpv4 ? sources.rules : sources.rules6;
    if (!file) continue;
    std::expected<Ruleset, Diagnostics> rules = firewall_.read(family, file->text);
    if (rules) {
      fresh.push_back(std::move(*rules));
    } else {
      errors += rules.error().render(file->name, file->text);
    }
  }
  std::vector<Descriptor> descriptors = builtin_descriptors();
  for (const InputFile& file : sources.discovery) {
    Diagnostics diagnostics;
    parse_descriptors(file.text, descriptors, diagnostics);
    errors += diagnostics.render(file.name, file.text);
  }
  if (!errors.empty()) {
    sets = before;
    return std::unexpected(errors);
  }
  for (Ruleset& rules : fresh) firewall_.put(std::move(rules), Managed::Counters::kKept);
  firewall_.engine().change_descriptors(std::move(descriptors));
  return {};
}

}  // namespace sallyport
