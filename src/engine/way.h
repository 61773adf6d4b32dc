// Ways: which hooks a packet passes, and what that depends on.
//
// The kernel asks its routing table; a capture has none. A Viewpoint stands in
// for it: the packets of a host (from it, to it, its broadcasts and groups), or
// those that a router or a bridge forwards between its inside and its outside.
//
// Through a bridge (net.bridge.bridge-nf-call-iptables) a packet passes the hooks of a
// router, the bridge being its interface both ways; but it is not routed, so its TTL,
// its IP options and whose its addresses are count for nothing (tests/flow/bridge*.flow).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"
#include "packet/host.h"
#include "packet/packet.h"

namespace sallyport {

struct Way {
  enum class Path : uint8_t {
    kNone,      // through no hook: `reason` says why
    kInput,     // PREROUTING, INPUT
    kOutput,    // OUTPUT, POSTROUTING
    kForward,   // PREROUTING, FORWARD, POSTROUTING
    kBridged,   // the same: between two ports of a bridge, which is both `in` and `out`
    kLoopback,  // from the host to itself: OUTPUT, POSTROUTING, PREROUTING, INPUT, tracked once
    kLooped,  // PREROUTING, INPUT: its own copy of what it has sent to many, tracked on the way out
  };
  static constexpr size_t kPaths = static_cast<size_t>(Path::kLooped) + 1;
  Path path = Path::kInput;
  Reason reason = Reason::kNone;
  const InterfaceName* in = nullptr;   // null for kOutput
  const InterfaceName* out = nullptr;  // null for kInput
  const BridgePorts* ports = nullptr;  // null: it comes in at no bridge's port
  // A kernel has routed it: whose it is, and whether it may go on, has been decided.
  bool routed = false;
};

// Whether it reaches no chain on this path, its headers being broken.
inline bool is_refused(const Packet& packet, Way::Path path) {
  if (packet.malformed == Reason::kNone) return false;
  return path != Way::Path::kBridged || !packet.bridge_minds_not;
}

// How the frame was addressed, told from the packet where no frame says it.
PacketType packet_type(const Packet& packet, const Host& host);
// Sets kPacketType as Linux has it on a bridge, where another host's frame is like our own: told
// from the packet, unless the attachment has seen that the frame went to many.
void type_bridged(Packet& packet, const Host& host);

class Viewpoint {
 public:
  // The firewall of `host`. A packet's interface is the one that the host's address has a name
  // for, else the one that the capture recorded, else `otherwise`.
  // `host` must outlive this; groups that it joins later count.
  static Viewpoint of_host(const Host& host, const InterfaceName& otherwise);
  // The firewall of a router: from `inside` (any of the prefixes) packets come in at `in`
  // and leave by `out`, all others the other way.
  static Viewpoint of_router(const std::vector<Prefix>& inside, const InterfaceName& in,
                             const InterfaceName& out);
  // The firewall of a bridge: the same, `in` and `out` being ports of `bridge`.
  static Viewpoint of_bridge(const std::vector<Prefix>& inside, const InterfaceName& bridge,
                             const InterfaceName& in, const InterfaceName& out);

  // Of a router or bridge it has no addresses.
  const Host& host() const;
  // `packet` has been parsed; `recorded` is the interface that the capture names, or null.
  // Sets kPacketType too, where the attachment left it kHost.
  Way way(Packet& packet, const InterfaceName* recorded) const {
    Way result;
    find_way(packet, recorded, result);
    return result;
  }
  // The same, written in its place: by the burst that is much faster than a copy.
  void find_way(Packet& packet, const InterfaceName* recorded, Way& result) const;
  // From one port of its bridge to the other; nothing if these are not its ports.
  std::optional<Way> on_bridge(const InterfaceName& in, const InterfaceName& out) const;

 private:
  // A prefix, as two words are compared.
  struct Masked {
    using Words = std::array<uint64_t, 2>;
    Words value{}, mask{};

    explicit Masked(const Prefix& prefix);
    bool contains(const Words& address) const {
      return (((address[0] ^ value[0]) & mask[0]) | ((address[1] ^ value[1]) & mask[1])) == 0;
    }
  };

  const InterfaceName* interface(const Packet& packet, bool outgoing,
                                 const InterfaceName* recorded) const;

  [[gnu::noinline]] void find_way_of_host(Packet& packet, const InterfaceName* recorded,
                                          Way& result) const;
  void find_forwarded(const Packet& packet, Way& result) const;
  Way bridged(const BridgePorts& ports) const {
    return {.path = Way::Path::kBridged, .in = &bridge_, .out = &bridge_, .ports = &ports};
  }

  const Host* host_ = nullptr;          // null: a router, or a bridge
  std::array<InterfaceName, 2> sides_;  // where the inside's packets go out, and come in
  InterfaceName bridge_;                // of a bridge
  bool is_bridge_ = false;
  BridgePorts from_inside_, from_outside_;  // of a bridge
  InterfaceName loopback_{"lo"};
  std::array<std::vector<Masked>, 2> inside_;  // of IPv4, and of IPv6
};

}  // namespace sallyport
