// Ways: which hooks a packet passes, and what that depends on.
//
// The kernel asks its routing table; a capture has none. A Viewpoint stands in
// for it: the packets of a host (from it, to it, its broadcasts and groups), or
// those that a router forwards between its inside and its outside.
#pragma once

#include <cstdint>
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
    kLoopback,  // from the host to itself: OUTPUT, POSTROUTING, PREROUTING, INPUT, tracked once
  };
  Path path = Path::kInput;
  Reason reason = Reason::kNone;
  const InterfaceName* in = nullptr;   // null for kOutput
  const InterfaceName* out = nullptr;  // null for kInput
};

class Viewpoint {
 public:
  // The firewall of `host`. A packet's interface is the one that the host's address has a name
  // for, else the one that the capture recorded, else `otherwise`.
  // `host` must outlive this; groups that it joins later count.
  static Viewpoint of_host(const Host& host, const InterfaceName& otherwise);
  // The firewall of a router: from `inside` (any of the prefixes) packets come in at `in`
  // and leave by `out`, all others the other way.
  static Viewpoint of_router(std::vector<Prefix> inside, const InterfaceName& in,
                             const InterfaceName& out);

  // `packet` has been parsed; `recorded` is the interface that the capture names, or null.
  // Sets kPacketType too, where the attachment left it kHost.
  Way way(Packet& packet, const InterfaceName* recorded) const;

 private:
  const InterfaceName* interface(const Packet& packet, bool outgoing,
                                 const InterfaceName* recorded) const;

  const Host* host_ = nullptr;  // null: a router
  InterfaceName in_;
  InterfaceName out_;
  InterfaceName loopback_{"lo"};
  std::vector<Prefix> inside_;
};

}  // namespace sallyport
