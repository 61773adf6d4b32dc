#include "control/status.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "attach/kernel_queues.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

size_t rules_of(const Program* program) {
  return program ? static_cast<size_t>(std::ranges::count(program->is_policy, false)) : 0;
}

nlohmann::ordered_json facts(const Daemon& daemon, Managed& firewall, const DaemonFacts& known) {
  const Engine& engine = firewall.engine();
  const QueueRules& rules = daemon.options().rules;
  nlohmann::ordered_json json;
  json["uptime"] =
      std::chrono::duration_cast<std::chrono::seconds>(daemon.now() - daemon.started()).count();
  json["attached_by"] = daemon.options().tool == Tool::kNft ? "nft" : "iptables";
  json["fail"] = rules.failing == QueueRules::Failing::kClosed ? "closed" : "open";
  json["trial"] = daemon.on_trial();
  if (known.rules_until) {
    json["rules_on_trial"] =
        std::chrono::duration<double>(*known.rules_until - daemon.now()).count();
  }
  json["rules"] = rules_of(engine.program(Family::kIpv4));
  json["rules6"] = rules_of(engine.program(Family::kIpv6));
  json["sets"] = firewall.engine().sets().names().size();
  json["flows"] = firewall.engine().conntrack().count();
  json["flows_max"] = firewall.engine().conntrack().knobs().max;
  const Live::Counts& counts = daemon.counts();
  json["packets"] = counts.packets;
  json["accepted"] = counts.accepted;
  json["dropped"] = counts.dropped;
  json["remembered"] = engine.remembered();
  json["answers"] = counts.answers;
  json["overruns"] = daemon.overruns();
  nlohmann::ordered_json reasons = nlohmann::ordered_json::object();
  for (size_t i = 1; i < static_cast<size_t>(Reason::kCount); i++) {
    const auto reason = static_cast<Reason>(i);
    if (uint64_t count = engine.count(reason)) reasons[std::string(reason_name(reason))] = count;
  }
  json["reasons"] = reasons;
  for (const KernelQueue& queue : kernel_queues()) {
    if (!rules.has(queue.number)) continue;
    json["queues"].push_back({{"number", queue.number},
                              {"waiting", queue.waiting},
                              {"dropped_full", queue.full},
                              {"dropped_unread", queue.unread}});
  }
  if (known.nflog) {
    json["nflog"] = {{"kept", known.nflog->kept()}, {"lost", known.nflog->lost()}};
  }
  if (known.keeper) {
    const Keeper::Status state = known.keeper->status();
    json["state"] = {{"file", state.path},
                     {"bytes", state.bytes},
                     {"age", std::chrono::duration<double>(daemon.now() - state.complete).count()},
                     {"failures", state.failures},
                     {"error", state.error}};
  }
  return json;
}

}  // namespace

std::string status_json(const Daemon& daemon, Managed& firewall, const DaemonFacts& known) {
  return facts(daemon, firewall, known).dump() + '\n';
}

std::string status_text(const Daemon& daemon, Managed& firewall, const DaemonFacts& known) {
  const nlohmann::ordered_json json = facts(daemon, firewall, known);
  auto number = [&](const char* key) { return json[key].get<uint64_t>(); };
  std::string out;
  auto end = std::back_inserter(out);
  fmt::format_to(end, "filtering for {} s, by {}, fail-{}{}\n", number("uptime"),
                 json["attached_by"].get<std::string>(), json["fail"].get<std::string>(),
                 json["trial"].get<bool>() ? ", on trial: sallyport confirm keeps it" : "");
  if (json.contains("rules_on_trial")) {
    fmt::format_to(end, "rules on trial for another {:.0f} s: sallyport confirm keeps them\n",
                   json["rules_on_trial"].get<double>());
  }
  fmt::format_to(end, "rules    {} for IPv4, {} for IPv6; {} sets\n", number("rules"),
                 number("rules6"), number("sets"));
  fmt::format_to(end, "flows    {} of at most {}\n", number("flows"), number("flows_max"));
  fmt::format_to(end, "packets  {}: {} accepted, {} dropped; {} by what their flows remembered\n",
                 number("packets"), number("accepted"), number("dropped"), number("remembered"));
  for (const auto& queue : json.value("queues", nlohmann::ordered_json::array())) {
    fmt::format_to(end, "queue    {}: {} waiting, {} lost as it was full, {} as nobody read\n",
                   queue["number"].get<uint64_t>(), queue["waiting"].get<uint64_t>(),
                   queue["dropped_full"].get<uint64_t>(), queue["dropped_unread"].get<uint64_t>());
  }
  if (json.contains("nflog")) {
    const auto& nflog = json["nflog"];
    fmt::format_to(end, "nflog    {} packets kept, {} lost\n", nflog["kept"].get<uint64_t>(),
                   nflog["lost"].get<uint64_t>());
  }
  if (json.contains("state")) {
    const auto& state = json["state"];
    const std::string error = state["error"];
    fmt::format_to(end, "state    {}: {} bytes, {:.1f} s old{}{}\n",
                   state["file"].get<std::string>(), state["bytes"].get<uint64_t>(),
                   state["age"].get<double>(), error.empty() ? "" : "; ", error);
  }
  for (const auto& [reason, count] : json["reasons"].items()) {
    fmt::format_to(end, "  {:>10}  {}\n", count.get<uint64_t>(), reason);
  }
  return out;
}

}  // namespace sallyport
