// What nearly every segment is: an ACK, with data or without, of a connection that is up and that
// both sides have proven. It is looked at here, inline; all else is tcp.cc's.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "conntrack/trackers/tcp_window.h"
#include "packet/headers.h"

namespace sallyport::tcp {

constexpr uint8_t last_of(Kind kind, Direction direction) {
  return static_cast<uint8_t>(static_cast<uint8_t>(kind) |
                              (direction == Direction::kReply ? kLastReply : 0));
}

// Why a connection may end sooner than its state says.
struct Doubts {
  bool closed;   // the last window was: or it is not known, picked up beyond all windows
  bool waiting;  // for an acknowledgement, of either side
  bool reset;    // the last segment was one
  uint32_t retransmits;
};

// The usual timeout of a state, or less; the last of these that holds. A reset's timer is the same
// whether it is believed or not.
[[gnu::always_inline]] inline uint32_t within(const Doubts& doubts, uint32_t usual,
                                              const Knobs& knobs) {
  const bool patient = doubts.retransmits < knobs.tcp_max_retrans;
  if (patient & !(doubts.closed | doubts.waiting | doubts.reset)) [[likely]]
    return usual;
  uint32_t seconds = usual;
  if (doubts.closed) seconds = std::min(usual, knobs.tcp_timeout_max_retrans);
  if (doubts.waiting & (usual > knobs.tcp_timeout_unacknowledged)) {
    seconds = knobs.tcp_timeout_unacknowledged;
  }
  if (doubts.reset) seconds = knobs.tcp_timeout_close;
  if (!patient && usual > knobs.tcp_timeout_max_retrans) return knobs.tcp_timeout_max_retrans;
  return seconds;
}

// How long the header of a segment of `length` bytes is, if it is an ACK, with data or without,
// that has no options, or a timestamp as RFC 7323, appendix A, recommends it. 0: it is not, or
// there may be a SACK.
inline uint32_t size_of_plain_ack(const TcpHeader& header, uint32_t length) {
  constexpr uint8_t kAsked =
      tcp_flag::kFin | tcp_flag::kSyn | tcp_flag::kRst | tcp_flag::kUrg | tcp_flag::kAck;
  constexpr uint32_t kTimestamp = 0x0101080a, kOptions = 12;  // NOP, NOP, kind 8, length 10
  constexpr uint32_t kBare = sizeof(TcpHeader), kStamped = kBare + kOptions;
  // Offset and flags are one comparison. The lower half of the offset's byte is reserved.
  auto with_size = [](uint32_t size) { return size / 4 << 12 | tcp_flag::kAck; };
  const uint32_t front = (uint32_t{header.data_offset} << 8 | header.flags) & (0xf000 | kAsked);
  if (front == with_size(kBare)) [[likely]]
    return kBare;
  const bool stamped = front == with_size(kStamped) && length >= kStamped &&
                       *reinterpret_cast<const be32*>(&header + 1) == kTimestamp;
  return stamped ? kStamped : 0;
}

// How far to the left a member of TcpFlow is in the word that begins with another one.
constexpr unsigned shift_of(size_t member, size_t size, size_t first) {
  constexpr bool kLittle = std::endian::native == std::endian::little;
  const size_t place = member - first;
  return static_cast<unsigned>(8 * (kLittle ? place : sizeof(uint64_t) - size - place));
}

// What TcpFlow remembers of the last segment, and the connection's state, as two words: in
// registers rather than in eight places, each of which is loaded and stored.
class Recent {
 public:
  explicit Recent(const TcpFlow& tcp) {
    std::memcpy(words_, reinterpret_cast<const std::byte*>(&tcp) + kFirst, sizeof words_);
  }
  // After an ACK with these numbers, of a connection that is up; it is not counted yet whether it
  // was sent again.
  Recent(const Segment& segment, Direction direction) {
    const auto length = static_cast<uint16_t>(segment.end - segment.seq);
    words_[0] = uint64_t{segment.end} << kEnd | uint64_t{segment.ack} << kAck;
    words_[1] = kUp | uint64_t{length} << kLength | uint64_t{segment.window} << kWindow |
                uint64_t{at(direction)} << kReply;
  }
  void write(TcpFlow& tcp) const {
    std::memcpy(reinterpret_cast<std::byte*>(&tcp) + kFirst, words_, sizeof words_);
  }

  uint32_t retransmits() const { return static_cast<uint8_t>(words_[1] >> kRetransmits); }
  // If it is the same as the one before, from the same side, it was sent again.
  void count(const Recent& before) {
    constexpr uint64_t kKind = uint64_t{kLastKindMask} << kLast;  // whatever it was
    constexpr uint64_t kCompared = ~(kKind | uint64_t{0xff} << kRetransmits);
    const uint64_t differs =
        (words_[0] ^ before.words_[0]) | ((words_[1] ^ before.words_[1]) & kCompared);
    if (differs) [[likely]]
      return;
    const uint64_t next = before.retransmits() + (before.retransmits() < UINT8_MAX);
    words_[1] |= next << kRetransmits;
  }

 private:
  static constexpr size_t kFirst = offsetof(TcpFlow, last_end);
  static constexpr size_t kSecond = offsetof(TcpFlow, last_length);
  static constexpr unsigned kEnd = shift_of(kFirst, 4, kFirst);
  static constexpr unsigned kAck = shift_of(offsetof(TcpFlow, last_ack), 4, kFirst);
  static constexpr unsigned kLength = shift_of(kSecond, 2, kSecond);
  static constexpr unsigned kWindow = shift_of(offsetof(TcpFlow, last_window), 2, kSecond);
  static constexpr unsigned kState = shift_of(offsetof(TcpFlow, state), 1, kSecond);
  static constexpr unsigned kLast = shift_of(offsetof(TcpFlow, last), 1, kSecond);
  static constexpr unsigned kRetransmits = shift_of(offsetof(TcpFlow, retransmits), 1, kSecond);
  static constexpr unsigned kReply = kLast + std::countr_zero(kLastReply);
  static constexpr uint64_t kUp = static_cast<uint64_t>(TcpState::kEstablished) << kState |
                                  uint64_t{last_of(Kind::kAck, Direction::kOriginal)} << kLast;

  uint64_t words_[2];
  static_assert(kSecond == kFirst + 8 && offsetof(TcpFlow, retransmits) + 1 == kFirst + 16);
};

// What move_tcp() does with such a segment, if it fits; `seconds` is what the flow has then. False:
// it is move_tcp()'s, and nothing has been changed. The packet is plain, and its checksum has been
// looked at.
[[gnu::always_inline]] inline bool move_established(Flow& flow, const Packet& packet,
                                                    Direction direction, const Knobs& knobs,
                                                    uint32_t& seconds) {
  constexpr uint32_t kProven = ct_status::kSeenReply | ct_status::kAssured;
  TcpFlow& tcp = flow.tcp();
  const auto& header = *reinterpret_cast<const TcpHeader*>(packet.data + packet.transport);
  const uint32_t length = packet.length - packet.transport;
  // Of a flow whose beginning was seen both windows are known.
  const bool up =
      tcp.state == TcpState::kEstablished && tcp.flags == 0 && (flow.status & kProven) == kProven;
  const uint32_t size = size_of_plain_ack(header, length);
  if (!up || !size) [[unlikely]]
    return false;
  Segment segment;
  segment.has_ack = true;
  segment.seq = header.seq;
  segment.end = segment.seq + length - size;
  segment.ack = segment.sacked = header.ack;
  segment.window = header.window;
  const Acknowledgement acknowledged{segment.ack, segment.ack};
  const Sides sides = Sides::of(tcp, direction);
  if (!surely_fits(sides, segment)) [[unlikely]]
    return false;
  move_windows(sides, segment, acknowledged);
  Recent now(segment, direction);
  now.count(Recent(tcp));
  now.write(tcp);
  seconds = within({.closed = segment.window == 0,
                    .waiting = ((sides.senders | sides.receivers) & kUnacknowledged) != 0,
                    .reset = false,
                    .retransmits = now.retransmits()},
                   knobs.tcp_timeout_established, knobs);
  return true;
}

}  // namespace sallyport::tcp
