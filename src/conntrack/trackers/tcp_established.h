// What nearly every segment is: an ACK, with data or without, of a connection that is up and that
// both sides have proven. It is looked at here, inline; all else is tcp.cc's.
#pragma once

#include <algorithm>

#include "conntrack/trackers/tcp_window.h"
#include "packet/headers.h"

namespace sallyport::tcp {

inline uint8_t last_of(Kind kind, Direction direction) {
  return static_cast<uint8_t>(static_cast<uint8_t>(kind) |
                              (direction == Direction::kReply ? kLastReply : 0));
}

inline bool last_was(const TcpFlow& tcp, Kind kind) {
  return (tcp.last & kLastKindMask) == static_cast<uint8_t>(kind);
}
inline bool last_was(const TcpFlow& tcp, Kind kind, Direction direction) {
  return tcp.last == last_of(kind, direction);
}
inline Direction last_direction(const TcpFlow& tcp) {
  return tcp.last & kLastReply ? Direction::kReply : Direction::kOriginal;
}

// Every segment that counts is remembered by its kind and sender; its numbers only if it is an
// ACK, or ignored.
inline void remember(Flow& flow, const Segment& segment, Direction direction) {
  flow.tcp().last = last_of(segment.kind, direction);
  flow.tcp().flags &= static_cast<uint8_t>(~(kSynIgnored | kAckIgnored | kAckDue));
}

inline void remember_numbers(TcpFlow& tcp, const Segment& segment) {
  tcp.last_end = segment.end;
  tcp.last_length = static_cast<uint16_t>(segment.end - segment.seq);
  tcp.last_ack = segment.ack;
  tcp.last_window = segment.window;
}

// The same ACK, or the same data, again and again: somebody does not answer.
inline void count_retransmissions(Flow& flow, const Segment& segment, Direction direction) {
  TcpFlow& tcp = flow.tcp();
  auto length = static_cast<uint16_t>(segment.end - segment.seq);
  // All are compared: who sent the last one is as good as random, and no branch hangs on it.
  const uint32_t numbers = (tcp.last_end ^ segment.end) | (tcp.last_ack ^ segment.ack) |
                           static_cast<uint32_t>(tcp.last_length ^ length) |
                           static_cast<uint32_t>(tcp.last_window ^ segment.window);
  bool again = (last_direction(tcp) == direction) & (numbers == 0);
  const uint32_t next = tcp.retransmits + (tcp.retransmits < UINT8_MAX);
  tcp.retransmits = static_cast<uint8_t>(next & (0u - again));
  remember_numbers(tcp, segment);
}

// The usual timeout of a state, or less; the last of these that holds. A reset's timer is the same
// whether it is believed or not.
inline uint32_t within(const TcpFlow& tcp, uint32_t usual, const Knobs& knobs) {
  uint32_t seconds = usual;
  // Closed, or not known: picked up beyond all windows.
  if (tcp.last_window == 0) seconds = std::min(usual, knobs.tcp_timeout_max_retrans);
  bool waits = ((tcp.side[0] | tcp.side[1]) & kUnacknowledged) != 0;
  if (waits & (usual > knobs.tcp_timeout_unacknowledged)) {
    seconds = knobs.tcp_timeout_unacknowledged;
  }
  if (last_was(tcp, Kind::kRst)) seconds = knobs.tcp_timeout_close;
  bool repeats = tcp.retransmits >= knobs.tcp_max_retrans;
  // Whether it does hangs on who has sent the last segments: no branch.
  const uint32_t limit = knobs.tcp_timeout_max_retrans | (uint32_t{repeats} - 1);
  return usual > limit ? limit : seconds;
}

// How long a header is that has no options, or a timestamp as RFC 7323, appendix A, recommends it;
// 0: there may be a SACK. `length` is that of the segment.
inline uint32_t plain_header(const TcpHeader& header, uint32_t length) {
  if (header.header_length() == sizeof(TcpHeader)) return sizeof(TcpHeader);
  constexpr uint32_t kTimestamp = 0x0101080a, kSize = 12;  // NOP, NOP, kind 8, length 10
  const uint32_t size = sizeof(TcpHeader) + kSize;
  const bool stamped = header.header_length() == size && size <= length &&
                       *reinterpret_cast<const be32*>(&header + 1) == kTimestamp;
  return stamped ? size : 0;
}

// What move_tcp() does with such a segment, if it fits; false: it is move_tcp()'s, and nothing has
// been changed. The packet is plain, and its checksum has been looked at.
[[gnu::always_inline]] inline bool move_established(Flow& flow, const Arrival& arrival,
                                                    Step& step) {
  constexpr uint8_t kOthers = tcp_flag::kFin | tcp_flag::kSyn | tcp_flag::kRst | tcp_flag::kUrg;
  constexpr uint32_t kProven = ct_status::kSeenReply | ct_status::kAssured;
  TcpFlow& tcp = flow.tcp();
  const Packet& packet = arrival.packet;
  const auto& header = *reinterpret_cast<const TcpHeader*>(packet.data + packet.transport);
  const uint32_t length = packet.length - packet.transport;
  // Of a flow whose beginning was seen both windows are known.
  const bool up =
      tcp.state == TcpState::kEstablished && tcp.flags == 0 && (flow.status & kProven) == kProven;
  const uint32_t size = plain_header(header, length);
  if (!up || !size || (header.flags & (kOthers | tcp_flag::kAck)) != tcp_flag::kAck) return false;
  Segment segment;
  segment.has_ack = true;
  segment.seq = header.seq;
  segment.end = segment.seq + length - size;
  segment.ack = segment.sacked = header.ack;
  segment.window = header.window;
  const Acknowledgement acknowledged{segment.ack, segment.ack};
  const Sides sides = Sides::of(tcp, arrival.direction);
  if (!surely_fits(sides, segment) && compare(sides, segment, acknowledged) != Fit::kFits) {
    return false;
  }
  move_windows(sides, segment, acknowledged);
  count_retransmissions(flow, segment, arrival.direction);
  remember(flow, segment, arrival.direction);
  step.assured = true;
  step.seconds = within(tcp, arrival.knobs.tcp_timeout_established, arrival.knobs);
  return true;
}

}  // namespace sallyport::tcp
