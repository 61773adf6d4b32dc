// sallyport top: what a running Sallyport does now, as rates between two looks at it: packets, the
// rules and flows with most of them, what is dropped and why.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/terminal.h"

namespace sallyport {
namespace {

struct Options {
  std::string control;
  uint16_t delay = 2;
  uint16_t rounds = 0;
};

using Counts = std::map<std::string, uint64_t>;

struct Look {
  std::chrono::steady_clock::time_point time;
  nlohmann::json status;
  Counts rules;    // packets, by table and rule
  Counts flows;    // bytes, by tuple; empty where nobody counts
  Counts reasons;  // packets
};

uint64_t number_in(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "[3:180] -A INPUT -j ACCEPT" and ":INPUT DROP [1:60]", behind "*filter".
void count_rules(const std::string& saved, std::string_view family, Counts& rules) {
  std::istringstream lines(saved);
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    const size_t bracket = line.find('[');
    if (line.starts_with('*')) {
      table = line.substr(1);
    } else if (bracket == 0) {
      const size_t end = line.find("] ");
      if (end == std::string::npos) continue;
      const std::string rule = fmt::format("{}{} {}", family, table, line.substr(end + 2));
      rules[rule] += number_in(std::string_view(line).substr(1));
    } else if (line.starts_with(':') && bracket != std::string::npos) {
      const std::string policy =
          fmt::format("{}{} -P {}", family, table, line.substr(1, bracket - 2));
      rules[policy] += number_in(std::string_view(line).substr(bracket + 1));
    }
  }
}

// A line of `conntrack -L`: the original's tuple, and the bytes of both directions.
void count_flows(const std::string& listed, Counts& flows) {
  std::istringstream lines(listed);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, word;
    words >> name;
    uint64_t bytes = 0;
    bool counted = false;
    for (size_t ends = 0; words >> word;) {
      const bool end = word.starts_with("src=") || word.starts_with("dst=") ||
                       word.starts_with("sport=") || word.starts_with("dport=");
      if (word.starts_with("src=")) ends++;
      if (end && ends == 1) name += ' ' + word;
      if (!word.starts_with("bytes=")) continue;
      bytes += number_in(std::string_view(word).substr(6));
      counted = true;
    }
    if (counted) flows[name] = bytes;
  }
}

std::expected<Look, std::string> look(const Options& options) {
  // More would hold it up, and no terminal shows them.
  constexpr uint64_t kMostFlows = 20'000;
  Look now;
  now.time = std::chrono::steady_clock::now();
  auto status = ask_text(options.control, {"status", "--json"});
  if (!status) return std::unexpected(status.error());
  now.status = nlohmann::json::parse(*status, nullptr, false);
  if (!now.status.is_object()) return std::unexpected("its status cannot be read");
  const nlohmann::json reasons = now.status.value("reasons", nlohmann::json::object());
  for (const auto& [reason, count] : reasons.items()) now.reasons[reason] = count.get<uint64_t>();
  for (const auto& [command, family] : {std::pair("iptables-save", ""), {"ip6tables-save", "6 "}}) {
    auto saved = ask_text(options.control, {command, "-c"});
    if (!saved) return std::unexpected(saved.error());
    count_rules(*saved, family, now.rules);
  }
  if (now.status.value("flows", uint64_t{0}) <= kMostFlows) {
    auto listed = ask_text(options.control, {"conntrack", "-L"});
    if (!listed) return std::unexpected(listed.error());
    count_flows(*listed, now.flows);
  }
  return now;
}

// The rows with the highest rates, the highest first; what has not moved is left out.
void print_rates(std::string& out, const Style& style, std::string_view title, const Counts& before,
                 const Counts& now, double seconds) {
  constexpr size_t kRows = 8;
  std::vector<std::pair<double, std::string>> rates;
  for (const auto& [name, count] : now) {
    const auto old = before.find(name);
    const uint64_t was = old == before.end() ? 0 : old->second;
    if (count > was) rates.emplace_back(static_cast<double>(count - was) / seconds, name);
  }
  if (rates.empty()) return;
  std::ranges::stable_sort(rates, std::greater(), &std::pair<double, std::string>::first);
  rates.resize(std::min(rates.size(), kRows));
  out += fmt::format("\n{}\n", style.bold(title));
  for (const auto& [rate, name] : rates) out += fmt::format("{:>12.1f}  {}\n", rate, name);
}

std::string page(const Look& before, const Look& now, const Style& style) {
  const double seconds =
      std::max(0.001, std::chrono::duration<double>(now.time - before.time).count());
  auto number = [&](const char* key) { return now.status.value(key, uint64_t{0}); };
  auto rate = [&](const char* key) {
    return static_cast<double>(number(key) - before.status.value(key, uint64_t{0})) / seconds;
  };
  uint64_t waiting = 0, lost = 0;
  const nlohmann::json queues = now.status.value("queues", nlohmann::json::array());
  for (const auto& queue : queues) {
    waiting += queue.value("waiting", uint64_t{0});
    lost += queue.value("dropped_full", uint64_t{0}) + queue.value("dropped_unread", uint64_t{0});
  }
  std::string out = style.bold(fmt::format("sallyport, up {} s, fail-{}", number("uptime"),
                                           now.status.value("fail", ""))) +
                    '\n';
  out += fmt::format("packets  {:.1f}/s: {:.1f}/s accepted, {:.1f}/s dropped\n", rate("packets"),
                     rate("accepted"), rate("dropped"));
  out += fmt::format("flows    {} of at most {}\n", number("flows"), number("flows_max"));
  out += fmt::format("queues   {} waiting, {} lost\n", waiting, lost);
  print_rates(out, style, "packets/s by rule", before.rules, now.rules, seconds);
  print_rates(out, style, "bytes/s by flow", before.flows, now.flows, seconds);
  print_rates(out, style, "packets/s by how they ended", before.reasons, now.reasons, seconds);
  return out;
}

int run(const Options& options) {
  const Style style = stdout_style();
  std::expected<Look, std::string> before = look(options);
  for (unsigned round = 0; before && (options.rounds == 0 || round < options.rounds); round++) {
    std::this_thread::sleep_for(std::chrono::seconds(options.delay));
    std::expected<Look, std::string> now = look(options);
    // From the first line on, and nothing of the page before.
    if (now && stdout_is_terminal()) std::cout << "\x1b[H\x1b[J";
    if (now) std::cout << page(*before, *now, style) << std::flush;
    before = std::move(now);
  }
  if (before) return kExitOk;
  std::cerr << fmt::format("sallyport: {}: {}\n", options.control, before.error());
  return kExitUsage;
}

}  // namespace

void add_top(CommandLine& line) {
  Subcommand command = line.subcommand(
      "top", "What a running Sallyport does now: packets, rules and flows by their rates");
  auto options = std::make_shared<Options>();
  command.footer(R"(Flows have rates where net.netfilter.nf_conntrack_acct is 1, and there are at
most 20000. Rules of IPv6 begin with a 6. Exit codes: 0; 2 nobody answers.)");
  command.option("-d,--delay", options->delay, "between two looks")
      .takes("SECONDS [2]")
      .within(1, 3600);
  command.option("-n,--rounds", options->rounds, "end after so many").takes("N").within(1, 65535);
  add_control_option(command, options->control);
  command.does([options] {
    try {
      return run(*options);
    } catch (const nlohmann::json::exception&) {
      std::cerr << fmt::format("sallyport: {}: its status cannot be read\n", options->control);
      return kExitUsage;
    }
  });
}

}  // namespace sallyport
