// The words of connection tracking, and a flow: what a rule may ask of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "conntrack/tuple.h"

namespace sallyport {

// A packet's relation to its flow: what `--ctstate` reads.
enum class CtInfo : uint8_t { kNone, kNew, kEstablished, kRelated, kInvalid, kUntracked };

// Field::kCtState holds one of these bits, so that a rule's states are one mask.
constexpr uint32_t ct_state_bit(CtInfo info) {
  return 1u << static_cast<unsigned>(info);
}
std::string_view ct_info_name(CtInfo info);  // "NEW"; empty for kNone

// Bits of a flow's life; the values are those of the netlink attribute CTA_STATUS.
namespace ct_status {
constexpr uint32_t kExpected = 1 << 0, kSeenReply = 1 << 1, kAssured = 1 << 2, kConfirmed = 1 << 3,
                   kSourceNat = 1 << 4, kDestinationNat = 1 << 5, kDying = 1 << 9,
                   kFixedTimeout = 1 << 10, kHelper = 1 << 13;
// Ours: a NAT rule that is not carried out applied to the flow, so what follows is uncertain.
constexpr uint32_t kNatNotDone = 1 << 15;
// Ours: the reply tuple is not the inverse of the original; see Conntrack::reply_of().
constexpr uint32_t kOwnReply = 1 << 11;
}  // namespace ct_status

// RFC 9293's states, with netfilter's names and order (/proc/net/nf_conntrack).
enum class TcpState : uint8_t {
  kNone,
  kSynSent,
  kSynRecv,
  kEstablished,
  kFinWait,
  kCloseWait,
  kLastAck,
  kTimeWait,
  kClose,
  kSynSent2,
  kCount
};
std::string_view tcp_state_name(TcpState state);
std::optional<TcpState> tcp_state_of(std::string_view name);

// RFC 9260's states as seen from the middle, with netfilter's names and order.
enum class SctpState : uint8_t {
  kNone,
  kClosed,
  kCookieWait,
  kCookieEchoed,
  kEstablished,
  kShutdownSent,
  kShutdownRecd,
  kShutdownAckSent,
  kHeartbeatSent,
  kCount
};
std::string_view sctp_state_name(SctpState state);
std::optional<SctpState> sctp_state_of(std::string_view name);

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
};

// What the TCP tracker remembers, in 48 bytes.
struct TcpFlow {
  TcpWindow window[2];    // by direction of the sender
  uint32_t last_end = 0;  // of the last segment: to know a retransmission
  uint32_t last_ack = 0;
  uint16_t last_length = 0;  // last_end - its sequence number
  uint16_t last_window = 0;  // as on the wire
  TcpState state = TcpState::kNone;
  uint8_t last = 0;          // kind and direction of the last segment (trackers/tcp.h)
  uint8_t side[2] = {0, 0};  // window scale and flags of each side (trackers/tcp.h)
};
static_assert(sizeof(TcpFlow) == 48);

// What the SCTP tracker remembers.
struct SctpFlow {
  // The verification tag that packets of a direction bear; 0 while it is not known.
  uint32_t tag[2];
  SctpState state;
  uint8_t flags;  // trackers/sctp.h
};

// The entry: two cache lines, hot members first. Owned by the table; everybody
// else keeps a FlowId.
struct alignas(64) Flow {
  // Fixed when the flow is created.
  Tuple tuple;  // of the original direction
  Zone zone;
  // Change with packets.
  uint32_t connmark = 0;
  Tick expires = 0;         // dead when now >= expires
  uint16_t status = 0;      // ct_status bits
  uint8_t retransmits = 0;  // TCP: of the last segment, in a row
  uint8_t tcp_flags = 0;    // TCP: of the whole connection (trackers/tcp.h)
  uint32_t generation = 0;
  // 64 bytes so far.
  uint32_t created = 0;  // the low half of the tick: see age()
  uint32_t timeout = 0;  // in ticks
  FlowId master;         // the flow that expected this one; see Conntrack::master()
  union {                // by the tuple's protocol
    TcpFlow tcp = {};
    SctpFlow sctp;
  };

  Tick last_seen() const { return expires - timeout; }  // when its timer was last set
  // Ticks since it was created; right for flows younger than 198 days.
  uint32_t age(Tick now) const { return static_cast<uint32_t>(now) - created; }
};
static_assert(sizeof(Flow) == 128);

// What the CT target puts in a packet's place of a flow until it is tracked.
const Flow& template_flow();

}  // namespace sallyport
