// Reassembly of IPv4 and IPv6 fragments before tracking, as Linux does it.
//
// Fragments are held per (addresses, id, place, and in IPv4 the protocol) until the
// datagram is whole; the one that completes it carries the verdict. One that is
// there already is ignored; any other overlap throws the whole queue away, as does
// ECN that contradicts itself (RFC 3168, 5.3). An IPv4 fragment with MF whose length
// is no multiple of 8 is cut to one; an IPv6 one goes on alone and takes its queue
// with it. A queue lives 30 s (IPv4, net.ipv4.ipfrag_time) or 60 s (IPv6,
// nf_conntrack_frag6_timeout) from its first fragment. IPv4 gives one up, too, after
// 64 other fragments of its source (net.ipv4.ipfrag_max_dist). All memory is bounded
// by `Limits`, and reserved at the start.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/hash.h"
#include "packet/packet.h"

namespace sallyport {

class Defragmenter {
 public:
  struct Limits {
    uint64_t seconds_ipv4 = 30;
    uint64_t seconds_ipv6 = 60;
    size_t bytes_ipv4 = 4 * 1024 * 1024;  // net.ipv4.ipfrag_high_thresh
    size_t bytes_ipv6 = 4 * 1024 * 1024;  // nf_conntrack_frag6_high_thresh
  };
  enum class Outcome : uint8_t {
    kWhole,     // not a fragment, or (IPv6) one that Linux does not hold: go on with the
                // packet itself; conntrack finds such a fragment INVALID
    kHeld,      // kept (copied); the packet's own bytes are not needed any more
    kComplete,  // `datagram()` is the whole; it is valid until the next push()
    kDropped,   // see `reason`
  };
  struct Pushed {
    Outcome outcome = Outcome::kWhole;
    Reason reason = Reason::kNone;
    // kComplete, and kDropped or kWhole with a queue thrown away: the cookies of the
    // fragments that were held, in order of arrival, the completing one among them. Valid until the
    // next push().
    std::span<void* const> held;
  };

  Defragmenter(const Limits& limits, const HashKey& key);
  ~Defragmenter();

  // Where a fragment was met. Those of different points are never put together; nor are those that
  // come in by different interfaces, where the destination is of one link (IPv6: link-local, or a
  // group of whatever scope).
  enum class Point : uint8_t {
    kIn,        // it comes in
    kBridge,    // it comes in at a port of a bridge
    kOut,       // the host sends it
    kDelivery,  // it is for the host, and nobody has put it together before
  };
  struct Place {
    Point point = Point::kIn;
    InterfaceName in;                    // not looked at for the host's own
    const BridgePorts* ports = nullptr;  // null: it came in at none
  };
  // `packet` has been parsed.
  Pushed push(const Packet& packet, const Place& place);

  // The reassembled datagram of the last kComplete, parsed. It goes on in the frame of the fragment
  // that it begins with, whose MAC, packet type, mark and ports it has; time, interfaces and cookie
  // are the completing fragment's (tests/flow/fragments-of-two-frames.flow).
  Packet& datagram();
  const BridgePorts* ports() const;
  // The size of the largest fragment that came, in IPv6 1280 at least: it leaves in pieces of at
  // most this.
  uint32_t largest_fragment() const;

  // Fragments that are held now.
  size_t held() const;

  // Throws away the queues whose time is over (or that were given up); calls back with each held
  // fragment's cookie. Between bursts.
  template <typename Callback>
  void expire(Instant now, Callback&& on_lost) {
    for (auto lost = expire_one(now); !lost.empty(); lost = expire_one(now)) {
      for (void* cookie : lost) on_lost(cookie);
    }
  }

 private:
  std::span<void* const> expire_one(Instant now);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
