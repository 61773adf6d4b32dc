// sallyport doctor: whether packets come to Sallyport and are judged there, and what to do if not.
//
// It looks from outside, at what the kernel tells, so it has an answer where Sallyport has none.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "attach/kernel_queues.h"
#include "attach/queue_rules.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/host_rules.h"
#include "cli/json.h"
#include "cli/queueing.h"
#include "cli/words.h"

namespace sallyport {
namespace {

constexpr std::string_view kOk = "ok", kWarning = "warning", kError = "error";
constexpr const char* kQueues = "/proc/self/net/netfilter/nfnetlink_queue";

struct Finding {
  std::string_view check;
  std::string_view status;
  std::string text;
  std::string advice;  // empty: nothing is to be done
};

bool has(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

template <typename Predicate>
uint64_t count_lines(const std::string& text, Predicate predicate) {
  uint64_t count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) count += predicate(line);
  return count;
}

class Doctor {
 public:
  explicit Doctor(std::string control) : control_(std::move(control)) {}

  std::vector<Finding> examine() {
    if (::geteuid() != 0) {
      add("rights", kError, "the kernel's rules and queues are shown to root alone",
          "run it as root");
      return std::move(findings_);
    }
    examine_kernel();
    auto host = read_host_rules();
    if (!host) {
      add("rules", kError, host.error(), "mend that first: the rules cannot be read");
      return std::move(findings_);
    }
    const Queueing queueing = queueing_of(*host);
    examine_rules(queueing);
    examine_listener(queueing);
    examine_control(queueing);
    examine_foreign(*host);
    return std::move(findings_);
  }

 private:
  void add(std::string_view check, std::string_view status, std::string text,
           std::string advice = {}) {
    findings_.push_back({check, status, std::move(text), std::move(advice)});
  }

  void examine_kernel() {
    const std::expected<Tool, std::string> tool = find_tool();
    if (!tool) {
      add("kernel", kError, tool.error(),
          "install nftables or iptables; the kernel needs nfnetlink_queue, and nft_queue or "
          "xt_NFQUEUE");
      return;
    }
    const char* const name = *tool == Tool::kNft ? "nft" : "iptables";
    if (std::ifstream(kQueues).good()) {
      add("kernel", kOk, fmt::format("packets can be queued, by {}", name));
    } else {
      add("kernel", kError, fmt::format("there is no {}", kQueues),
          "the kernel needs nfnetlink_queue: modprobe nfnetlink_queue");
    }
  }

  void examine_rules(const Queueing& queueing) {
    if (queueing.by.empty()) {
      add("rules", kError, "there are no queueing rules: Sallyport filters nothing",
          "sallyport run");
    } else if (!queueing.missing.empty()) {
      add("rules", kError,
          fmt::format("no packets are queued in {}", fmt::join(queueing.missing, ", ")),
          "start sallyport run anew: it puts its rules in again");
    } else if (!queueing.preceded.empty()) {
      add("rules", kWarning,
          fmt::format("other rules stand before ours in {}: what they accept is not queued",
                      fmt::join(queueing.preceded, ", ")),
          "take them out, or start sallyport run anew: it puts its rules in front");
    } else {
      add("rules", kOk,
          fmt::format("packets are queued in all hooks, by {}", fmt::join(queueing.by, ", ")));
    }
  }

  void examine_listener(const Queueing& queueing) {
    if (queueing.queues.empty()) return;
    std::map<unsigned, KernelQueue> kernel;
    for (const KernelQueue& queue : kernel_queues()) kernel[queue.number] = queue;
    std::vector<unsigned> unread;
    std::vector<std::string> losses;
    for (unsigned number : queueing.queues) {
      const auto queue = kernel.find(number);
      if (queue == kernel.end()) {
        unread.push_back(number);
      } else if (queue->second.full + queue->second.unread > 0) {
        losses.push_back(fmt::format("queue {}: {} as it was full, {} as nobody read", number,
                                     queue->second.full, queue->second.unread));
      }
    }
    read_ = unread.size() < queueing.queues.size();
    if (!read_) {
      add("listener", kError,
          fmt::format("nobody reads the queues {}: {}", fmt::join(unread, ", "),
                      queueing.closed ? "packets are dropped" : "packets pass unjudged"),
          "the rules are left of a Sallyport that has died: sallyport run, or sallyport detach");
    } else if (!unread.empty()) {
      add("listener", kError, fmt::format("nobody reads the queues {}", fmt::join(unread, ", ")),
          "start sallyport run anew");
    } else {
      add("listener", kOk,
          fmt::format("somebody reads the queues {}", fmt::join(queueing.queues, ", ")));
    }
    if (!losses.empty()) {
      add("losses", kWarning, fmt::format("packets were lost; {}", fmt::join(losses, "; ")),
          "more come than are read: look who sends (sallyport status), and for what else takes "
          "the processor's time");
    } else if (read_) {
      add("losses", kOk, "no packet was lost in a queue");
    }
  }

  void examine_control(const Queueing& queueing) {
    const auto on_trial = ask_whether_on_trial(control_);
    if (!on_trial) {
      const bool runs = !queueing.by.empty() && read_;
      add("control", kError, fmt::format("{}: {}", control_, on_trial.error()),
          runs ? "if it listens elsewhere, say --control SOCKET; if it hangs, start it anew"
               : "sallyport run");
      return;
    }
    if (*on_trial) {
      add("control", kWarning, "it answers, and is on trial: it will take itself out",
          "sallyport confirm keeps it");
    } else {
      add("control", kOk, fmt::format("{} answers", control_));
    }
  }

  void examine_foreign(const HostRules& host) {
    const size_t before = findings_.size();
    for (const HostTable& table : host.tables) {
      std::vector<std::string> policies;
      uint64_t rules = 0;
      for (const std::string& line : table.lines) {
        if (line.starts_with(':') && has(line, " DROP ")) {
          policies.push_back(line.substr(1, line.find(' ') - 1));
        }
        rules += has(line, " -j DROP") || has(line, " -j REJECT");
      }
      if (policies.empty() && rules == 0) continue;
      std::vector<std::string> what;
      if (rules > 0) what.push_back(counted(rules, "rule"));
      if (!policies.empty()) {
        what.push_back(fmt::format("the policy of {}", fmt::join(policies, ", ")));
      }
      add("foreign", kWarning,
          fmt::format("{}, table {}: {} may drop what Sallyport would accept", table.program(""),
                      table.name, fmt::join(what, ", and ")),
          "sallyport import takes them over, sallyport import --stand-down takes them down");
    }
    for (const NftTable& table : host.nft) examine_nft(table);
    for (const std::string& failed : host.failed) {
      add("foreign", kWarning, fmt::format("not read: {}", failed),
          "if the kernel has no such rules, all is well");
    }
    if (findings_.size() == before) add("foreign", kOk, "no other rules of the kernel drop");
  }

  void examine_nft(const NftTable& table) {
    const auto dropping = count_lines(table.text, [](std::string_view line) {
      return line.ends_with(" drop") || line.ends_with("\tdrop") || has(line, "policy drop") ||
             has(line, "reject");
    });
    if (dropping > 0) {
      add("foreign", kWarning,
          fmt::format("nft, table {}: {} may drop what Sallyport would accept", table.name,
                      counted(dropping, "line")),
          fmt::format("nft list table {}", table.name));
    }
    if (has(table.text, "flow add ")) {
      add("foreign", kWarning,
          fmt::format("nft, table {}: a flowtable forwards packets past Sallyport", table.name),
          fmt::format("nft list table {}", table.name));
    }
  }

  std::string control_;
  bool read_ = false;  // a queue of ours has a reader
  std::vector<Finding> findings_;
};

void print(const std::vector<Finding>& findings, bool as_json) {
  if (!as_json) {
    for (const Finding& finding : findings) {
      std::cout << fmt::format("{:<9}{:<10}{}{}{}\n", finding.status, finding.check, finding.text,
                               finding.advice.empty() ? "" : "; ", finding.advice);
    }
    return;
  }
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"check", finding.check},
                    {"status", finding.status},
                    {"text", finding.text},
                    {"advice", finding.advice}});
  }
  std::cout << json_text(list) << '\n';
}

struct Options {
  std::string control;
  bool json = false;
};

int doctor(const Options& options) {
  const std::vector<Finding> findings = Doctor(options.control).examine();
  print(findings, options.json);
  const bool well =
      std::ranges::all_of(findings, [](const Finding& finding) { return finding.status == kOk; });
  return well ? kExitOk : kExitNo;
}

}  // namespace

void add_doctor(CommandLine& line) {
  Subcommand command = line.subcommand(
      "doctor", "Whether packets come to Sallyport and are judged, and what to do if not");
  auto options = std::make_shared<Options>();
  command.footer("Exit codes: 0 all is well; 1 a warning or an error; 2 usage.");
  add_control_option(command, options->control, "where it is asked");
  command.flag("--json", options->json, "an array of objects in one line");
  command.does([options] { return doctor(*options); });
}

}  // namespace sallyport
