#include "control/personality.h"

#include <algorithm>

namespace sallyport {
namespace {

constexpr Personality kPersonalities[] = {
    {"conntrack", run_conntrack},
    {"ip6tables", run_ip6tables},
    {"ip6tables-restore", run_ip6tables_restore},
    {"ip6tables-save", run_ip6tables_save},
    {"ipset", run_ipset},
    {"iptables", run_iptables},
    {"iptables-restore", run_iptables_restore},
    {"iptables-save", run_iptables_save},
    {"netstat-nat", run_netstat_nat},
    {"sysctl", run_sysctl},
};
static_assert(std::ranges::is_sorted(kPersonalities, {}, &Personality::name));

}  // namespace

std::span<const Personality> personalities() {
  return kPersonalities;
}

const Personality* find_personality(std::string_view name) {
  const Personality* found = std::ranges::find(kPersonalities, name, &Personality::name);
  return found == std::end(kPersonalities) ? nullptr : found;
}

}  // namespace sallyport
