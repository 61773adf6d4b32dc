// The library's way in: a firewall as an object.
//
// A Firewall is made from the texts that administrators already have (iptables-save,
// ip6tables-save, ipset save, conntrack -L) and judges packets by the burst. It is a
// pure machine: time comes with the packets; it reads no clock, makes no system
// call, starts no thread and throws nothing of its own. One Firewall is one
// worker's: it may be used by one thread at a time, and knows of no other.
//
//   auto firewall = sallyport::Firewall::create({.rules = text, .host = "eth0=192.168.1.2/24"});
//   if (!firewall) die(firewall.error());
//   firewall->process(packets, verdicts);
//
// Ownership: packets' bytes and interface names are the caller's and are not kept
// beyond the call (a held fragment is copied). A rule's text lives until the rules are
// replaced, any other text as long as the program.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport {

// Bumped when something here changes its meaning; additions do not count.
inline constexpr int kApiVersion = 1;

struct FirewallOptions {
  std::string rules;      // iptables-save text; empty: IPv4 packets reach no chain
  std::string rules6;     // ip6tables-save text; empty: IPv6 packets reach no chain
  std::string sets;       // ipset save text
  std::string conntrack;  // flows that exist already, as `conntrack -L [-o extended]` prints them
  std::string labels;     // connlabel.conf: the names by which rules and flows call labels
  // sysctl names and values: {"net.netfilter.nf_conntrack_udp_timeout", "60"}.
  std::vector<std::pair<std::string, std::string>> sysctls;
  // What this host is: "[IFNAME=]ADDR[/LEN],…". Empty: a router.
  std::string host;
  bool discovery = true;  // false: exactly what Linux does
  uint64_t seed = 0;      // keys the hash tables: take it from getrandom()
  size_t burst = 256;     // packets that process() judges at a time, at most
};

struct FirewallPacket {
  enum class Path : uint8_t {
    kInput,
    kOutput,
    kForward,
    kBridged,  // FORWARD too, but not routed: from `in` to `out`, which are ports of `bridge`
  };
  // From the first byte of the IP header; mutable, as a firewall may rewrite packets.
  uint8_t* data = nullptr;
  uint32_t length = 0;       // bytes at `data`
  uint32_t wire_length = 0;  // of the packet before a capture cut it; 0: the same
  Path path = Path::kInput;
  int64_t time_ns = 0;  // since any fixed origin; a time that runs backwards stands still
  std::string_view in;  // interface names of at most 15 bytes; empty: none
  std::string_view out;
  std::string_view bridge;  // that `in` is a port of: rules see it, and -m physdev the port
  uint32_t mark = 0;
  uint64_t id = 0;  // the caller's own, for a fragment's fate: see released()
};

struct FirewallVerdict {
  enum class Verdict : uint8_t {
    kNone,  // it reached no chain: see `reason`
    kAccept,
    kDrop,
    kQueue,
    kStolen,  // a fragment, held until the datagram is whole
  };
  enum class State : uint8_t { kNone, kNew, kEstablished, kRelated, kInvalid, kUntracked };
  Verdict verdict = Verdict::kNone;
  State state = State::kNone;
  bool ipv6 = false;
  bool reply = false;       // in the flow's reply direction
  bool certain = true;      // false: it hangs on what the packet or the rules do not tell
  uint32_t rule = ~0u;      // for rule_text(); ~0: no rule decided
  std::string_view reason;  // "rule", "policy", "invalid-checksum", …; empty: none
};

// A held fragment whose fate is known now: the verdict of the packet that made its datagram whole
// is the fragment's too; without such a packet it was lost.
struct FirewallReleased {
  uint64_t id = 0;
  std::optional<uint64_t> completed_by;
  std::string_view reason;  // why it was lost: "fragment-timeout", …
};

// What a REJECT rule sends back, for the caller to send: an IP packet. Its source address, IPv4's
// identification and IPv6's flow label are zero where they are the sending host's to choose, as
// raw(7) describes.
struct FirewallAnswer {
  uint32_t length = 0;  // 0: nothing is sent back
  std::array<uint8_t, 1280> bytes;
};

class Firewall {
 public:
  // The error is what `sallyport check` prints: every error of every text, with its position.
  // Nothing is made unless all texts are right.
  static std::expected<Firewall, std::string> create(const FirewallOptions& options);

  Firewall(Firewall&&) noexcept;
  Firewall& operator=(Firewall&&) noexcept;
  ~Firewall();

  // All are of one length; what is longer is passed over. Without `answers` none are made.
  void process(std::span<const FirewallPacket> packets, std::span<FirewallVerdict> verdicts,
               std::span<FirewallAnswer> answers = {});
  // What the last process() settled of the fragments held. Good until the next one.
  std::span<const FirewallReleased> released() const;

  // Other rules from now on, as in FirewallOptions. Flows and sets stay, counters begin at what the
  // texts say. An error is create()'s, and changes nothing.
  std::expected<void, std::string> replace_rules(const std::string& rules,
                                                 const std::string& rules6);

  // The rule as iptables-save prints it ("-A INPUT -p udp -j DROP"); empty where there is none.
  std::string_view rule_text(const FirewallVerdict& verdict) const;

  // Confirmed flows (nf_conntrack_count).
  size_t flows() const;
  // Packets that ended with this reason so far; 0 for a word that is none.
  uint64_t packets(std::string_view reason) const;

 private:
  struct State;
  explicit Firewall(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
