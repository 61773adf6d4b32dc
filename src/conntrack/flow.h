// The words of connection tracking, and a flow: what a rule may ask of it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "conntrack/flow_key.h"
#include "conntrack/tuple.h"
#include "packet/packet.h"

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
// Ours: there is a FlowExtension.
constexpr uint32_t kExtended = 1 << 12;
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
  uint32_t traits = 0;      // window scale and flags (trackers/tcp.h)
};

// What the TCP tracker remembers.
struct TcpFlow {
  TcpWindow window[2];  // by direction of the sender
  // As two words, these are tcp::Recent.
  uint32_t last_end = 0;  // of the last segment: to know a retransmission
  uint32_t last_ack = 0;
  uint16_t last_length = 0;  // last_end - its sequence number
  uint16_t last_window = 0;  // as on the wire
  TcpState state = TcpState::kNone;
  uint8_t flags = 0;        // of the whole connection (trackers/tcp.h)
  uint8_t last = 0;         // kind and direction of the last segment (trackers/tcp.h)
  uint8_t retransmits = 0;  // of the last segment, in a row
};

// What the SCTP tracker remembers.
struct SctpFlow {
  // The verification tag that packets of a direction bear; 0 while it is not known.
  uint32_t tag[2];
  SctpState state;
  uint8_t flags;  // trackers/sctp.h
};

// By direction.
struct FlowCounters {
  std::array<uint64_t, 2> packets{};
  std::array<uint64_t, 2> bytes{};
};

// What kind of entry a flow has: TCP and SCTP need room for their state, IPv6 for addresses.
struct FlowClass {
  static constexpr size_t kCount = 4;
  static constexpr size_t kHead = 64, kState = 64, kAddresses = 2 * sizeof(Address);

  bool ipv6 = false;
  bool has_state = false;

  FlowClass() = default;
  FlowClass(Family family, uint8_t protocol)
      : ipv6(family == Family::kIpv6),
        has_state(protocol == protocol::kTcp || protocol == protocol::kSctp) {}
  size_t number() const { return size_t{ipv6} | size_t{has_state} << 1; }
  size_t state_at() const { return kHead; }
  size_t addresses_at() const { return has_state ? kHead + kState : kHead; }
  size_t bytes() const { return addresses_at() + (ipv6 ? kAddresses : 0); }
};

// The entry: one cache line, with all that a packet of an established flow touches, counters
// included. What some flows need lies behind it: the state of TCP and SCTP in the next line, IPv6's
// addresses after that. What few flows have is in a FlowExtension. Owned by the table; everybody
// else keeps a FlowId, or a FlowCopy.
class alignas(32) Flow {
 public:
  Flow() = default;
  explicit constexpr Flow(uint32_t with_status) : status(static_cast<uint16_t>(with_status)) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Fixed when the flow is created.
  Tuple tuple() const;  // of the original direction
  Zone zone() const { return key_.zone(); }
  Family family() const { return key_.family(); }
  uint8_t protocol() const { return key_.protocol(); }
  const FlowKey& key() const { return key_; }
  FlowClass kind() const { return {family(), protocol()}; }
  void begin(const Tuple& tuple, const FlowKey& key);
  void reset(uint32_t new_generation) {  // of an entry that nobody uses any more
    std::memset(reinterpret_cast<std::byte*>(this), 0, sizeof *this);
    generation = new_generation;
  }

  // By the tuple's protocol.
  TcpFlow& tcp() { return *part<TcpFlow>(FlowClass::kHead); }
  const TcpFlow& tcp() const { return const_cast<Flow*>(this)->tcp(); }
  SctpFlow& sctp() { return *part<SctpFlow>(FlowClass::kHead); }
  const SctpFlow& sctp() const { return const_cast<Flow*>(this)->sctp(); }
  // IPv6: source, then destination.
  const Address* addresses() const {
    return const_cast<Flow*>(this)->part<Address>(kind().addresses_at());
  }

  Tick expires() const { return Tick{expires_high_} << 32 | expires_low_; }  // dead from then on
  void expire_at(Tick tick) {  // 48 bits: all that an Instant can say
    expires_low_ = static_cast<uint32_t>(tick);
    expires_high_ = static_cast<uint16_t>(tick >> 32);
  }
  Tick last_seen() const { return expires() - timeout; }  // when its timer was last set
  // Ticks since it was created; right for flows younger than 198 days.
  uint32_t age(Tick now) const { return static_cast<uint32_t>(now) - created; }

  // See Conntrack::remember(). Not of a flow that has ended.
  uint16_t decision(Direction direction) const { return above(direction); }
  void remember(Direction direction, uint16_t decision) {
    if (!(status & ct_status::kDying)) put_above(direction, decision);
  }

  // Counts a packet. True: a counter is beyond its bits, and has begun anew.
  [[gnu::always_inline]] bool count(Direction direction, uint32_t length) {
    auto at = static_cast<size_t>(direction);
    const uint64_t before = bytes_[at], after = before + length;
    const bool carries = (before ^ after) >> kBytesBits != 0;
    bytes_[at] = carries ? after - (kBytes + 1) : after;
    return (++packets_[at] == 0) | carries;
  }
  static constexpr unsigned kPacketsBits = 32, kBytesBits = 48;
  FlowCounters counted() const {
    return {{packets_[0], packets_[1]}, {bytes_[0] & kBytes, bytes_[1] & kBytes}};
  }
  void set_counted(const FlowCounters& counters);  // but for what goes beyond the bits

  uint32_t generation = 0;
  uint32_t connmark = 0;
  uint32_t created = 0;  // the low half of the tick: see age()
  uint32_t timeout = 0;  // in ticks
  uint16_t status = 0;   // ct_status bits

 private:
  friend class FlowTable;
  template <typename Part>
  Part* part(size_t at) {
    return reinterpret_cast<Part*>(reinterpret_cast<std::byte*>(this) + at);
  }

  // The bits above the bytes that were counted.
  uint16_t above(Direction direction) const {
    return static_cast<uint16_t>(bytes_[static_cast<size_t>(direction)] >> kBytesBits);
  }
  void put_above(Direction direction, uint16_t bits) {
    uint64_t& word = bytes_[static_cast<size_t>(direction)];
    word = (word & kBytes) | uint64_t{bits} << kBytesBits;
  }
  // Of an entry that is free, or dying: the next of these.
  uint32_t next() const {
    return uint32_t{above(Direction::kReply)} << 16 | above(Direction::kOriginal);
  }
  void set_next(uint32_t index) {
    put_above(Direction::kOriginal, static_cast<uint16_t>(index));
    put_above(Direction::kReply, static_cast<uint16_t>(index >> 16));
  }

  uint16_t expires_high_ = 0;
  uint32_t expires_low_ = 0;
  FlowKey key_;
  // By direction: the bytes counted, and above them the decision, or what next() is made of.
  static constexpr uint64_t kBytes = (uint64_t{1} << 48) - 1;
  uint64_t bytes_[2] = {0, 0};
  uint32_t packets_[2] = {0, 0};
};
static_assert(sizeof(Flow) == FlowClass::kHead && sizeof(TcpFlow) <= FlowClass::kState);

// An entry with all its parts, outside the table.
class FlowCopy : public Flow {
 public:
  FlowCopy() = default;
  explicit FlowCopy(const Flow& flow) { copy(flow); }
  FlowCopy(const FlowCopy& other) : Flow() { copy(other); }
  FlowCopy& operator=(const FlowCopy& other) {
    if (this != &other) copy(other);
    return *this;
  }

 private:
  void copy(const Flow& flow) {
    std::memcpy(reinterpret_cast<std::byte*>(this), reinterpret_cast<const std::byte*>(&flow),
                flow.kind().bytes());
  }
  [[maybe_unused]] std::byte parts_[FlowClass::kState + FlowClass::kAddresses] = {};
};

// Of a packet after which the flow has this status; the first reply has set kSeenReply. So nothing
// branches on the direction, which nobody can predict.
inline CtInfo info_of(const Flow& flow) {
  if (flow.status & ct_status::kSeenReply) return CtInfo::kEstablished;
  return flow.status & ct_status::kExpected ? CtInfo::kRelated : CtInfo::kNew;
}

// What the CT target puts in a packet's place of a flow until it is tracked.
const Flow& template_flow();

}  // namespace sallyport
