#include "cli/queueing.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fmt/format.h>
#include <sstream>

namespace sallyport {
namespace {

constexpr std::array kChains = {"INPUT", "OUTPUT", "FORWARD"};

bool has(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

// The words of iptables-save, and of nft before and since 0.9.9.
void see_rule(std::string_view rule, Queueing& queueing) {
  constexpr std::string_view kBefore[] = {"--queue-num ", "--queue-balance ", "queue num ",
                                          "queue to ", "queue flags bypass to "};
  for (std::string_view before : kBefore) {
    const size_t at = rule.find(before);
    if (at == std::string_view::npos) continue;
    unsigned number = 0;
    const char* const digits = rule.data() + at + before.size();
    const char* const end = rule.data() + rule.size();
    const auto [stop, error] = std::from_chars(digits, end, number);
    if (error != std::errc()) continue;
    // "7200:7203", or nft's "7200-7203".
    unsigned last = number;
    if (end - stop > 1 && (*stop == ':' || *stop == '-')) std::from_chars(stop + 1, end, last);
    for (; number <= last; number++) queueing.queues.insert(number);
    queueing.closed = queueing.closed || !has(rule, "bypass");
  }
}

std::string_view family_name(Family family) {
  return family == Family::kIpv4 ? "IPv4" : "IPv6";
}

// A chain's text: from its hook to the brace that stands alone.
std::string_view nft_chain(std::string_view table, std::string_view chain) {
  std::string hook = "hook ";
  for (char c : chain) hook += static_cast<char>(std::tolower(c));
  const size_t at = table.find(hook + ' ');
  return at == std::string_view::npos ? std::string_view{}
                                      : table.substr(at, table.find("\n\t}", at) - at);
}

bool is_queued_by_nft(const HostRules& host, std::string_view chain) {
  return has(nft_chain(host.queueing, chain), "queue");
}

bool is_queued_by_iptables(const HostRules& host, Family family, std::string_view chain) {
  const std::string jump = fmt::format("-A {0} -j SALLYPORT-{0}", chain);
  const std::string rule = fmt::format("-A SALLYPORT-{} ", chain);
  return std::ranges::any_of(host.tables, [&](const HostTable& table) {
    return table.family == family && std::ranges::find(table.own, jump) != table.own.end() &&
           std::ranges::any_of(table.own, [&](const std::string& line) {
             return line.starts_with(rule) && has(line, "-j NFQUEUE");
           });
  });
}

}  // namespace

Queueing queueing_of(const HostRules& host) {
  Queueing queueing;
  if (!host.queueing.empty()) queueing.by.emplace_back("nft");
  std::istringstream lines(host.queueing);
  for (std::string rule; std::getline(lines, rule);) see_rule(rule, queueing);
  for (const HostTable& table : host.tables) {
    if (!table.own.empty()) queueing.by.push_back(table.program(""));
    for (const std::string& rule : table.own) see_rule(rule, queueing);
    for (const std::string& chain : table.preceded) {
      queueing.preceded.push_back(fmt::format("{} {}", family_name(table.family), chain));
    }
  }
  for (Family family : kFamilies) {
    for (std::string_view chain : kChains) {
      if (is_queued_by_nft(host, chain) || is_queued_by_iptables(host, family, chain)) continue;
      queueing.missing.push_back(fmt::format("{} {}", family_name(family), chain));
    }
  }
  return queueing;
}

}  // namespace sallyport
