// Discovery: letting the answers to a multicast or broadcast question back in.
//
// A question that the rules accepted on its way out opens a window for its
// socket. An answer that no flow owns is RELATED if it comes to that socket,
// from on-link, inside the protocol's window, from a source port that the
// protocol's descriptor allows, and is not one of too many. An announcement to a
// group that the host has joined is RELATED to the joining. Everything that
// differs between protocols is data (descriptor.h, share/discovery/).
//
// Windows lie in a table of fixed size, chained by the socket that an answer goes
// to; there is one for each (socket, descriptor, group asked). Nothing sweeps them:
// a window that is over stays, so that a late answer can be told from a stray one,
// until its place is needed, and the oldest goes first. An answer costs one look-up,
// and so does a question that is repeated; one from a new socket costs a walk over the
// table's times (48 KB, a few microseconds), which buys that bounds depend on
// nothing but the time of the packet.
//
// Called by Conntrack, packet by packet. Allocates only when it is constructed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "conntrack/discovery/descriptor.h"
#include "conntrack/flow.h"
#include "packet/host.h"
#include "packet/packet.h"

namespace sallyport {

class Discovery {
 public:
  static constexpr uint32_t kMostAnswers = 256;          // to one question
  static constexpr size_t kMostWindowsPerAddress = 256;  // open at once, of one asking address
  static constexpr size_t kMostWindows = 4096;           // in all
  static constexpr Tick kRemembered = ticks(60);         // a late answer is known for so long

  // One socket's question.
  struct Window {
    const Descriptor* descriptor = nullptr;
    Family family = Family::kIpv4;
    Address asker;            // the answer's destination
    uint16_t asker_port = 0;  // ... and its port (the descriptor's own, where it has one)
    Address asked;            // the group or broadcast address
    uint16_t asked_port = 0;
    InterfaceName interface;  // that the question left by
    FlowId master;            // the question's flow
    Tick expires = 0;         // an answer at this tick is late
    uint32_t answers = 0;
    bool assumed = false;  // the capture cut the question short: it may be another one
  };

  struct Answer {
    bool related = false;
    bool announcement = false;
    bool assumed = false;                    // as the window's, or the announcement is cut short
    const Descriptor* descriptor = nullptr;  // null: this has nothing to do with discovery
    FlowId master;
    Tick until = 0;  // the window's end; an announcement has none
    Reason refused =
        Reason::kNone;  // a kDiscovery… reason: it would have been related but for this
  };

  enum class Announcements : uint8_t { kIgnored, kLetIn };

  // Both must outlive this; the host may change between packets (groups joined).
  Discovery(std::span<const Descriptor> descriptors, const Host& host, const HashKey& key,
            Announcements announcements = Announcements::kLetIn);
  ~Discovery();

  // `packet` was accepted on its way out of this host and belongs to `flow`.
  // Opens, or opens anew, the window of a question. True if it was one.
  bool sent(const Packet& packet, FlowId flow, Tick now);

  // Whether received() may have anything to say: there was a question of late, or the packet went
  // to a group.
  bool may_know(const Packet& packet, Tick now) const;
  // `packet` came in and belongs to no flow.
  Answer received(const Packet& packet, Tick now);

  // Other descriptors, which must outlive this, too. Windows of those that are there by the same
  // name go on; others are gone. Between packets.
  void change(std::span<const Descriptor> descriptors);

  // A window that was open when somebody wrote it down, with its descriptor's name; nothing happens
  // if there is none of that name, or its time is over. Between packets.
  void restore(Window window, std::string_view protocol, Tick now);

  // Answers refused, by reason; windows refused for want of room.
  uint64_t refused(Reason reason) const;
  uint64_t windows_refused() const;

  // Answers and announcements that were RELATED, by protocol.
  std::vector<std::pair<std::string_view, uint64_t>> related() const;

  // For explain: the windows that are open (`expires` is to come) and those that
  // are over but remembered, in no particular order.
  std::vector<Window> windows() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
