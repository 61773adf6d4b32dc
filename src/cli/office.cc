#include "cli/office.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

#include "cli/commands.h"
#include "cli/drop_report.h"
#include "cli/when.h"
#include "cli/words.h"
#include "control/personality.h"
#include "control/set_lines.h"
#include "control/status.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

bool has(const Request& request, std::string_view flag) {
  return std::ranges::find(request.arguments, flag) != request.arguments.end();
}

}  // namespace

std::expected<void, std::string> Office::open(const ControlServer::Options& socket) {
  auto server = ControlServer::open(
      socket, daemon_,
      [this](const std::string& name, const Request& request) { return answer(name, request); });
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  constexpr size_t kRemembered = 8192;  // events: each drop that is told looks at all of them
  keep_history(firewall_.engine(), kRemembered);
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
    DaemonFacts known = facts_;
    if (attempt_) known.rules_until = attempt_->until;
    return said(flag ? status_json(daemon_, firewall_, known)
                     : status_text(daemon_, firewall_, known));
  }
  if (name == "drops") return tell_drops(request);
  if (name == "try") return attempt(request);
  if (name == "confirm") return confirm();
  if (name == "reload") return reload(request);
  return failed(fmt::format("sallyport: {}: no such command\n", name), kExitUsage);
}

bool Office::go_on() {
  if (attempt_ && daemon_.now() >= attempt_->until) {
    firewall_.put(std::move(attempt_->before), Managed::Counters::kKept);
    attempt_.reset();
    log_("nobody has confirmed the rules that were tried: those before them are back");
  }
  return server_->go_on();
}

// The rules of a text, for so many seconds: "--for SECONDS [-6]". No file learns of them, so they
// are gone after a restart, too.
Reply Office::attempt(const Request& request) {
  if (attempt_) {
    return failed("sallyport: there are rules on trial: confirm them, or wait\n", kExitNo);
  }
  const std::vector<std::string>& words = request.arguments;
  const auto length = std::ranges::find(words, "--for");
  const auto seconds = length != words.end() && length + 1 != words.end()
                           ? parse_length(*(length + 1))
                           : std::nullopt;
  if (!seconds) return failed(fmt::format("sallyport: --for: {}\n", kLengthForms), kExitUsage);
  const Family family = has(request, "-6") ? Family::kIpv6 : Family::kIpv4;
  std::expected<Ruleset, Diagnostics> rules = firewall_.read(family, request.input);
  if (!rules) return failed(rules.error().render("rules", request.input), kExitNo);
  attempt_ = {.before = firewall_.rules(family), .until = daemon_.now() + *seconds};
  firewall_.put(std::move(*rules), Managed::Counters::kKept);
  return said(fmt::format("on trial for {} s: sallyport confirm keeps them\n", seconds->count()));
}

Reply Office::confirm() {
  if (attempt_) {
    attempt_.reset();
    return said("the rules stay; a restart reads the files: iptables-save makes one of them\n");
  }
  return daemon_.confirm() ? said("it stays\n")
                           : failed("sallyport: there is no trial to confirm\n", kExitNo);
}

// All that are known, or those that come from now on, until the asker has gone.
Reply Office::tell_drops(const Request& request) {
  const bool follow = has(request, "--follow");
  Engine& engine = firewall_.engine();
  auto report = std::make_shared<DropReport>(
      drops_, engine, follow ? drops_.count() + 1 : drops_.first(),
      has(request, "--json") ? DropReport::Form::kJson : DropReport::Form::kText);
  Reply reply;
  reply.more = [report, follow](std::string& out) {
    if (!report->tell(out)) return Rest::kSoon;
    return follow ? Rest::kLater : Rest::kNone;
  };
  return reply;
}

// What the files would make of the firewall.
struct Office::Fresh {
  std::array<std::optional<Ruleset>, 2> rules;  // by family; none: there is no file
  SetStore sets;
  std::vector<Descriptor> descriptors = builtin_descriptors();
};

// The files that it was started with, read again: all of them or none. Sets keep their elements,
// and get those of the file that are not there.
std::expected<Office::Fresh, Reply> Office::read_again() {
  std::ostringstream unread;
  std::optional<Sources> sources = read_sources(inputs_, unread);
  if (!sources) return std::unexpected(failed(unread.str(), kExitUsage));
  Fresh fresh{.rules = {}, .sets = firewall_.engine().sets()};
  std::string errors;
  if (sources->sets) {
    Diagnostics diagnostics;
    fresh.sets.restore(with_exist(sources->sets->text), firewall_.now(), diagnostics);
    errors += diagnostics.render(sources->sets->name, sources->sets->text);
  }
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    const bool ipv6 = family == Family::kIpv6;
    const std::optional<InputFile>& file = ipv6 ? sources->rules6 : sources->rules;
    if (!file) continue;
    auto rules = parse_rules(file->text, family, &fresh.sets, firewall_.labels());
    if (rules) {
      fresh.rules[ipv6] = std::move(*rules);
    } else {
      errors += rules.error().render(file->name, file->text);
    }
  }
  for (const InputFile& file : sources->discovery) {
    Diagnostics diagnostics;
    parse_descriptors(file.text, fresh.descriptors, diagnostics);
    errors += diagnostics.render(file.name, file.text);
  }
  if (!errors.empty()) return std::unexpected(failed(errors, kExitNo));
  return fresh;
}

Engine::Programs Office::programs() const {
  const Engine& engine = firewall_.engine();
  return {engine.shared_program(Family::kIpv4), engine.shared_program(Family::kIpv6)};
}

void Office::take(Fresh fresh) {
  firewall_.engine().sets() = std::move(fresh.sets);
  for (std::optional<Ruleset>& rules : fresh.rules) {
    if (rules) firewall_.put(std::move(*rules), Managed::Counters::kKept);
  }
  firewall_.engine().change_descriptors(std::move(fresh.descriptors));
}

Reply Office::reload(const Request& request) {
  std::expected<Fresh, Reply> fresh = read_again();
  if (!fresh) return fresh.error();
  Engine& engine = firewall_.engine();
  if (has(request, "--preview")) {
    FlowChanges::Firewall after{.programs = programs(), .sets = std::move(fresh->sets)};
    for (size_t i = 0; i < fresh->rules.size(); i++) {
      if (fresh->rules[i]) after.programs[i] = compile(*fresh->rules[i]);
    }
    return tell_changes(
        std::make_shared<FlowChanges>(engine, std::move(after), FlowChanges::Other::kAfter));
  }
  if (!has(request, "--revalidate")) {
    take(std::move(*fresh));
    return said("reloaded\n");
  }
  FlowChanges::Firewall before{.programs = programs(), .sets = engine.sets()};
  take(std::move(*fresh));
  return end_changed(
      std::make_shared<FlowChanges>(engine, std::move(before), FlowChanges::Other::kBefore));
}

namespace {

std::string by(const std::string& place) {
  return place.empty() ? place : " by " + place;
}

}  // namespace

Reply Office::tell_changes(const std::shared_ptr<FlowChanges>& changes) {
  Reply reply;
  reply.more = [changes, count = size_t{0}](std::string& out) mutable {
    const bool more = changes->look([&](const FlowChange& change) {
      count++;
      auto verdict = [](bool accepted) { return accepted ? "accepted" : "dropped"; };
      out += fmt::format("{}: {} is {}{}, and would be {}{}\n", change.text, change.packet,
                         verdict(change.was_accepted), by(change.was_by),
                         verdict(change.is_accepted), by(change.is_by));
    });
    if (!more) out += fmt::format("{} would be judged otherwise\n", counted(count, "live flow"));
    return more ? Rest::kSoon : Rest::kNone;
  };
  return reply;
}

// What would not be accepted any more.
Reply Office::end_changed(const std::shared_ptr<FlowChanges>& changes) {
  Reply reply;
  reply.more = [this, changes, count = size_t{0}](std::string& out) mutable {
    const bool more = changes->look([&](const FlowChange& change) {
      if (change.is_accepted || !firewall_.engine().conntrack().end(change.flow, firewall_.now())) {
        return;
      }
      count++;
      out += fmt::format("{}: ended, {} is dropped{} now\n", change.text, change.packet,
                         by(change.is_by));
    });
    if (!more) out += fmt::format("reloaded, and ended {}\n", counted(count, "flow"));
    return more ? Rest::kSoon : Rest::kNone;
  };
  return reply;
}

}  // namespace sallyport
