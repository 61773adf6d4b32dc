#include "attach/queue_rules.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attach/system_program.h"

namespace sallyport {
namespace {

constexpr std::array kHooks = {"input", "output", "forward"};
constexpr std::array kChains = {"INPUT", "OUTPUT", "FORWARD"};

// An administrator of IPv6 is not reached without his neighbours, or the router's: RFC 4861.
bool need_neighbours(const QueueRules& rules) {
  return std::ranges::find(rules.administrators, Family::kIpv6, &Prefix::family) !=
         rules.administrators.end();
}
constexpr std::array kNeighbourDiscovery = {133, 134, 135, 136};

std::string_view bypass(bool is_open, std::string_view word) {
  return is_open ? word : std::string_view{};
}

}  // namespace

std::string nft_text(const QueueRules& rules) {
  const bool open = rules.failing == QueueRules::Failing::kOpen;
  std::string out = "table inet sallyport\ndelete table inet sallyport\ntable inet sallyport {\n";
  auto chain = [&](std::string_view hook) {
    out += fmt::format("  chain {} {{\n    type filter hook {} priority security; policy accept;\n",
                       hook, hook);
    const bool outgoing = hook == "output";
    if (outgoing) out += fmt::format("    meta mark {:#x} accept\n", rules.answer_mark);
    // Judged on its way out, with all that follows.
    if (hook == "input") out += "    iif lo accept\n";
    if (outgoing) out += fmt::format("    oif lo queue flags bypass to {}\n", rules.exempt());
    for (const Prefix& admin : rules.administrators) {
      if (hook == "forward") break;
      out += fmt::format("    {} {} {} queue flags bypass to {}\n",
                         admin.family == Family::kIpv4 ? "ip" : "ip6", outgoing ? "daddr" : "saddr",
                         admin.text(), rules.exempt());
    }
    if (hook != "forward" && need_neighbours(rules)) {
      out += fmt::format("    icmpv6 type {{ {} }} queue flags bypass to {}\n",
                         fmt::join(kNeighbourDiscovery, ", "), rules.exempt());
    }
    out += fmt::format(
        "    meta l4proto udp fib daddr type {{ broadcast, multicast }} queue {}to {}\n",
        bypass(open, "flags bypass "), rules.whole());
    out += fmt::format("    queue {}to {}\n  }}\n", bypass(open, "flags bypass "),
                       rules.balance == 1 ? std::to_string(rules.heads())
                                          : fmt::format("{}-{}", rules.heads(), rules.whole() - 1));
  };
  for (const char* hook : kHooks) chain(hook);
  return out + "}\n";
}

std::string iptables_text(const QueueRules& rules, Family family) {
  const bool open = rules.failing == QueueRules::Failing::kOpen;
  std::string out = "*security\n";
  for (const char* chain : kChains) out += fmt::format(":SALLYPORT-{} - [0:0]\n", chain);
  for (const char* chain : kChains) out += fmt::format("-I {0} -j SALLYPORT-{0}\n", chain);
  auto to_queue = [&](std::string_view chain, std::string_view condition, uint16_t queue,
                      bool passes) {
    out += fmt::format("-A SALLYPORT-{} {}-j NFQUEUE --queue-num {}{}\n", chain, condition, queue,
                       bypass(passes, " --queue-bypass"));
  };
  for (std::string_view chain : kChains) {
    const bool outgoing = chain == "OUTPUT";
    if (outgoing) {
      out += fmt::format("-A SALLYPORT-OUTPUT -m mark --mark {:#x} -j RETURN\n", rules.answer_mark);
    }
    if (chain == "INPUT") out += "-A SALLYPORT-INPUT -i lo -j RETURN\n";
    if (outgoing) to_queue(chain, "-o lo ", rules.exempt(), true);
    for (const Prefix& admin : rules.administrators) {
      if (chain == "FORWARD" || admin.family != family) continue;
      to_queue(chain, fmt::format("-{} {} ", outgoing ? 'd' : 's', admin.text()), rules.exempt(),
               true);
    }
    if (chain != "FORWARD" && family == Family::kIpv6 && need_neighbours(rules)) {
      for (int type : kNeighbourDiscovery) {
        to_queue(chain, fmt::format("-p ipv6-icmp -m icmp6 --icmpv6-type {} ", type),
                 rules.exempt(), true);
      }
    }
    if (family == Family::kIpv4) {
      to_queue(chain, "-p udp -m addrtype --dst-type BROADCAST ", rules.whole(), open);
    }
    to_queue(chain,
             fmt::format("-d {} -p udp ", family == Family::kIpv4 ? "224.0.0.0/4" : "ff00::/8"),
             rules.whole(), open);
    if (rules.balance == 1) {
      to_queue(chain, "", rules.heads(), open);
    } else {
      out += fmt::format("-A SALLYPORT-{} -j NFQUEUE --queue-balance {}:{}{}\n", chain,
                         rules.heads(), rules.whole() - 1, bypass(open, " --queue-bypass"));
    }
  }
  return out + "COMMIT\n";
}

namespace {

constexpr std::array kFamilies = {Family::kIpv4, Family::kIpv6};

std::string program(Family family, std::string_view rest = {}) {
  return fmt::format("{}{}", family == Family::kIpv4 ? "iptables" : "ip6tables", rest);
}

bool has_chain(Family family, std::string_view chain) {
  return run_program({program(family), "-w", "-t", "security", "-S", std::string(chain)}).code == 0;
}

std::expected<bool, std::string> remove_iptables(Family family) {
  bool found = false;
  for (const char* chain : kChains) {
    const std::string own = fmt::format("SALLYPORT-{}", chain);
    if (!has_chain(family, own)) continue;
    found = true;
    // As often as it is there: two that started at once may both have put it in.
    const std::vector<std::string> unlink = {program(family), "-w", "-t", "security", "-D",
                                             chain,           "-j", own};
    while (run_program(unlink).code == 0) continue;
    for (const char* action : {"-F", "-X"}) {
      const Ran ran = run_program({program(family), "-w", "-t", "security", action, own});
      // Somebody else may have been quicker.
      if (ran.code != 0 && has_chain(family, own)) return std::unexpected(ran.errors);
    }
  }
  return found;
}

}  // namespace

std::expected<Tool, std::string> find_tool() {
  constexpr std::string_view kTrial =
      "table inet sallyport-trial { chain input { type filter hook input priority 0; queue to 0; "
      "} }\n";
  const Ran nft = run_program({"nft", "-c", "-f", "-"}, kTrial);
  if (nft.code == 0) return Tool::kNft;
  constexpr std::string_view kTrial4 =
      "*security\n:SALLYPORT-TRIAL - [0:0]\n-A SALLYPORT-TRIAL -j NFQUEUE --queue-num 0\nCOMMIT\n";
  const Ran iptables = run_program({"iptables-restore", "-n", "-w", "--test"}, kTrial4);
  if (iptables.code == 0) return Tool::kIptables;
  return std::unexpected(
      fmt::format("no way to queue packets; nft: {}; iptables: {}", nft.errors, iptables.errors));
}

std::expected<void, std::string> install(const QueueRules& rules, Tool tool) {
  if (tool == Tool::kNft) {
    const Ran ran = run_program({"nft", "-f", "-"}, nft_text(rules));
    if (ran.code == 0) return {};
    return std::unexpected(fmt::format("nft: {}", ran.errors));
  }
  for (Family family : kFamilies) {
    if (auto removed = remove_iptables(family); !removed) return std::unexpected(removed.error());
    const Ran ran =
        run_program({program(family, "-restore"), "-n", "-w"}, iptables_text(rules, family));
    if (ran.code == 0) continue;
    for (Family both : kFamilies) (void)remove_iptables(both);
    return std::unexpected(fmt::format("{}: {}", program(family, "-restore"), ran.errors));
  }
  return {};
}

std::expected<bool, std::string> remove_queue_rules() {
  bool found = run_program({"nft", "delete", "table", "inet", "sallyport"}).code == 0;
  for (Family family : kFamilies) {
    auto removed = remove_iptables(family);
    if (!removed) return removed;
    found = found || *removed;
  }
  return found;
}

}  // namespace sallyport
