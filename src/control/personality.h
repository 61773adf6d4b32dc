// The commands that administrators know, run against a firewall of ours: each understands the
// options of the program that it is named after, and answers in its words and with its exit codes.
//
// A personality is a function. The daemon calls it for whoever asks over the control socket; so may
// anything else that has a Managed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/managed.h"

namespace sallyport {

struct Request {
  std::vector<std::string> arguments;  // behind the program's name
  std::string input;                   // what it would read from standard input
};

// What is left of a reply that is told piece by piece.
enum class Rest : uint8_t {
  kNone,   // that was the last piece
  kLater,  // nothing more has happened yet
  kSoon,   // more can be told, when packets have had their turn
};

struct Reply {
  std::string out, err;
  int code = 0;
  // There is more to come: appends the next piece, which may be empty, and which some ms are enough
  // for. `code` is the exit code all the same.
  std::function<Rest(std::string& out)> more;
  // What is told behind the last piece; its `code` is the exit code.
  std::function<Reply()> last;
  // What comes has not happened yet: there is no last piece, but when the asker wants no more.
  bool follows = false;
};

inline Reply said(std::string out) {
  return {.out = std::move(out), .err = {}, .code = 0, .more = {}};
}
inline Reply failed(std::string err, int code) {
  return {.out = {}, .err = std::move(err), .code = code, .more = {}};
}

struct Personality {
  std::string_view name;  // "iptables-save"
  Reply (*run)(Managed& firewall, const Request& request);
};

// Sorted by name.
std::span<const Personality> personalities();
const Personality* find_personality(std::string_view name);

// One file each.
Reply run_conntrack(Managed& firewall, const Request& request);
Reply run_ip6tables(Managed& firewall, const Request& request);
Reply run_ip6tables_restore(Managed& firewall, const Request& request);
Reply run_ip6tables_save(Managed& firewall, const Request& request);
Reply run_ipset(Managed& firewall, const Request& request);
Reply run_iptables(Managed& firewall, const Request& request);
Reply run_iptables_restore(Managed& firewall, const Request& request);
Reply run_iptables_save(Managed& firewall, const Request& request);
Reply run_netstat_nat(Managed& firewall, const Request& request);
Reply run_sysctl(Managed& firewall, const Request& request);

}  // namespace sallyport
