// Reassembly of IPv4 and IPv6 fragments before tracking, as Linux does it.
//
// Fragments are held per (addresses, id, protocol) until the datagram is whole;
// the one that completes it carries the verdict. An exact duplicate is ignored;
// any other overlap throws the whole queue away; an IPv4 fragment with MF whose
// length is no multiple of 8 is dropped. A queue lives 30 s (IPv4,
// net.ipv4.ipfrag_time) or 60 s (IPv6, nf_conntrack_frag6_timeout) from its
// first fragment. All memory is bounded by `Limits`.
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
    size_t bytes_high = 4 * 1024 * 1024;  // net.ipv4.ipfrag_high_thresh, per family
  };
  enum class Outcome : uint8_t {
    kWhole,     // not a fragment: go on with the packet itself
    kHeld,      // kept (copied); the packet's own bytes are not needed any more
    kComplete,  // `datagram()` is the whole; it is valid until the next push()
    kDropped,   // see `reason`
  };
  struct Pushed {
    Outcome outcome = Outcome::kWhole;
    Reason reason = Reason::kNone;
    // kComplete, and kDropped with a queue thrown away: the cookies of the
    // fragments that were held, in order of arrival. Valid until the next push().
    std::span<void* const> held;
  };

  Defragmenter(const Limits& limits, const HashKey& key);
  ~Defragmenter();

  // `packet` has been parsed. `zone` keeps fragments of different zones apart.
  Pushed push(const Packet& packet, uint16_t zone);

  // The reassembled datagram of the last kComplete, parsed; time, interfaces,
  // MAC and cookie are the completing fragment's.
  Packet& datagram();
  // The size of the largest fragment that came: it leaves in pieces of at most this.
  uint32_t largest_fragment() const;

  // Throws away the queues whose time is over; calls back with each held
  // fragment's cookie. Between bursts.
  template <typename Callback>
  void expire(Instant now, Callback&& on_lost) {
    while (const std::span<void* const> lost = expire_one(now); !lost.empty()) {
      for (void* cookie : lost) on_lost(cookie);
    }
  }

 private:
  std::span<void* const> expire_one(Instant now);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
