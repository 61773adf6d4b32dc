// The words of connection tracking, and a flow: what a rule may ask of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "conntrack/tuple.h"

namespace sallyport {

// A packet's relation to its flow: what `--ctstate` reads.
enum class CtInfo : uint8_t { kNone, kNew, kEstablished, kRelated, kInvalid, kUntracked };

// Field::kCtState holds one of these bits, so that a rule's states are one mask.
constexpr uint32_t ct_state_bit(CtInfo info) { return 1u << static_cast<unsigned>(info); }
std::string_view ct_info_name(CtInfo info);  // "NEW"; empty for kNone

// Bits of a flow's life; the values are those of the netlink attribute CTA_STATUS.
namespace ct_status {
constexpr uint32_t kExpected = 1 << 0, kSeenReply = 1 << 1, kAssured = 1 << 2,
                   kConfirmed = 1 << 3, kSourceNat = 1 << 4, kDestinationNat = 1 << 5,
                   kDying = 1 << 9, kFixedTimeout = 1 << 10, kHelper = 1 << 13;
}  // namespace ct_status

// RFC 9293's states, with netfilter's names and order (/proc/net/nf_conntrack).
enum class TcpState : uint8_t {
  kNone, kSynSent, kSynRecv, kEstablished, kFinWait, kCloseWait, kLastAck, kTimeWait, kClose,
  kSynSent2, kCount
};
std::string_view tcp_state_name(TcpState state);

// Names a flow for as long as somebody remembers it: an id that is not alive any
// more finds nothing. Zero is no flow.
struct FlowId {
  uint32_t index = 0;
  uint32_t generation = 0;
  explicit operator bool() const { return generation != 0; }
  friend bool operator==(const FlowId&, const FlowId&) = default;
};

// One side's send window (RFC 9293, and "Real Stateful TCP Packet Filtering in
// IP Filter", G. van Rooij 2000).
struct TcpWindow {
  uint32_t end = 0;         // highest sequence number sent + 1
  uint32_t max_end = 0;     // highest that the peer's window allows
  uint32_t max_window = 0;  // largest window this side has offered, scaled
  uint32_t max_ack = 0;     // highest acknowledgement this side has sent
  uint8_t scale = 0;
  uint8_t flags = 0;        // the tracker's own (trackers/tcp.h)
};

// The entry: two cache lines, hot members first. Owned by the table; everybody
// else keeps a FlowId.
struct alignas(64) Flow {
  // Fixed when the flow is created.
  Tuple tuple;  // of the original direction
  Zone zone;
  // Change with packets.
  Tick expires = 0;      // dead when now >= expires
  uint32_t status = 0;   // ct_status bits
  uint32_t connmark = 0;
  // 64 bytes so far.
  Tick created = 0;
  uint32_t generation = 0;
  uint32_t master = 0;   // index of the flow that expected this one; see Conntrack::master()
  union {
    struct {
      TcpWindow window[2];  // by direction of the sender
      TcpState state;
      uint8_t last_flags;   // the tracker's memory of the last packet (trackers/tcp.h)
      uint8_t last_direction;
      uint8_t retransmits;
      uint32_t last_seq;
    } tcp;
    struct {
      bool stream;  // UDP: a reply was seen and 2 s have passed
    } udp;
  };
  Flow() : tcp{} {}
};

}  // namespace sallyport
