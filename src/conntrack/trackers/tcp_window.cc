// What segments say, and the windows' beginnings and exceptions; the rule is in tcp_window.h.
//
// The edges, and what moves what, were found by experiments on Linux, one segment at a time with
// numbers one apart (the windows show in which later segments fit), and then held against
// random exchanges (tests/kernel/record_tcp_traces.py).
#include "conntrack/trackers/tcp_window.h"

#include "packet/headers.h"

namespace sallyport::tcp {
namespace {

// RFC 9293, 3.1; RFC 7323, 2 and 3; RFC 2018, 2 and 3.
constexpr uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionScale = 3, kOptionSackOk = 4,
                  kOptionSack = 5;
constexpr uint8_t kLargestScale = 14;  // RFC 7323, 2.3

uint32_t load32(const uint8_t* at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 |
         static_cast<uint32_t>(at[2]) << 8 | at[3];
}

void read_sack(const uint8_t* option, Segment& segment) {
  constexpr uint8_t kHead = 2, kBlock = 8;
  if ((option[1] - kHead) % kBlock != 0) return;
  for (const uint8_t* block = option + kHead; block < option + option[1]; block += kBlock) {
    uint32_t right = load32(block + 4);
    if (after(right, segment.sacked)) segment.sacked = right;
  }
}

void read_options(const uint8_t* at, const uint8_t* end, Segment& segment) {
  while (at < end && *at != kOptionEnd) {
    if (*at == kOptionNop) {
      at++;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) break;
    if (segment.syn && at[0] == kOptionScale && at[1] == 3) {
      segment.options.scaled = true;
      segment.options.scale = std::min(at[2], kLargestScale);
    } else if (segment.syn && at[0] == kOptionSackOk && at[1] == 2) {
      segment.options.sack_ok = true;
    } else if (segment.has_ack && at[0] == kOptionSack) {
      read_sack(at, segment);
    }
    at += at[1];
  }
}

Kind kind_of(uint8_t flags) {
  if (flags & tcp_flag::kRst) return Kind::kRst;
  if (flags & tcp_flag::kSyn) return flags & tcp_flag::kAck ? Kind::kSynAck : Kind::kSyn;
  return flags & tcp_flag::kFin ? Kind::kFin : Kind::kAck;
}

// A SYN sent again that has no options at all takes nothing back: `cS wscale 14, cS,24, sSA wscale
// 14` scales, and with `mss 1460` in the second SYN it does not.
void set_options(uint32_t& traits, const Options& options) {
  if (!options.any) return;
  traits = (traits & kUnacknowledged) | traits_of(options);
}

// RFC 7323, 1.3: windows are scaled only if both sides offer it.
void agree_on_scale(TcpFlow& tcp) {
  if (tcp.window[0].traits & tcp.window[1].traits & kScaled) return;
  for (TcpWindow& window : tcp.window) window.traits &= ~kScaleMask;
}

// The first that is known of the sender.
void begin_sender(TcpFlow& tcp, const Segment& segment, Direction direction, uint32_t sacked) {
  TcpWindow& sender = tcp.window[at(direction)];
  TcpWindow& receiver = tcp.window[at(opposite(direction))];
  if (segment.syn) {
    begin_window(sender, segment.end, segment.window);
    set_options(tcp.window[at(direction)].traits, segment.options);
    agree_on_scale(tcp);
    return;
  }
  sender.end = segment.end;
  sender.max_window = std::max<uint32_t>(segment.window, 1);
  sender.max_end = segment.end + sender.max_window;
  // Linux lets the first answer be one off.
  if (receiver.max_window && sacked == receiver.end + 1) receiver.end++;
}

// A SYN sent again with a later number, before the handshake is over, begins its window anew.
bool begins_again(const TcpFlow& tcp, const Segment& segment, Direction direction) {
  bool early = tcp.state == TcpState::kSynSent || tcp.state == TcpState::kSynRecv;
  return early && segment.syn && after(segment.end, tcp.window[at(direction)].end);
}

Fit place(TcpFlow& tcp, const Segment& segment, Direction direction, uint32_t sacked) {
  const Sides sides = Sides::of(tcp, direction);
  Acknowledgement acknowledged{segment.ack, sacked};
  bool says_nothing = !segment.has_ack || (segment.kind == Kind::kRst && segment.ack == 0);
  if (says_nothing) acknowledged = {sides.receiver.end, sides.receiver.end};
  Fit result = compare(sides, segment, acknowledged);
  if (result == Fit::kFits) move_windows(sides, segment, acknowledged);
  // Even back, when the window has been closed since: `cA,2000,0 win 0, sPA,1220..1221 sR,25` makes
  // an ACK of 1221 INVALID.
  if (result == Fit::kOvershot) set_end(sides, segment.end);
  return result;
}

}  // namespace

Segment segment_of(const Packet& packet) {
  const auto& tcp = *reinterpret_cast<const TcpHeader*>(packet.data + packet.transport);
  Segment segment;
  segment.kind = kind_of(tcp.flags);
  segment.syn = tcp.flags & tcp_flag::kSyn;
  segment.has_ack = tcp.flags & tcp_flag::kAck;
  segment.seq = tcp.seq;
  uint32_t payload = packet.length - packet.transport - tcp.header_length();
  segment.end = segment.seq + payload + (segment.syn ? 1 : 0) + (tcp.flags & tcp_flag::kFin);
  segment.ack = segment.sacked = tcp.ack;
  segment.window = tcp.window;
  uint32_t options_end = std::min(packet.transport + tcp.header_length(), packet.captured);
  uint32_t options_begin = packet.transport + static_cast<uint32_t>(sizeof(TcpHeader));
  if (options_end > options_begin) {
    segment.options.any = true;
    read_options(packet.data + options_begin, packet.data + options_end, segment);
  }
  return segment;
}

uint32_t traits_of(const Options& options) {
  return options.scale | (options.scaled ? kScaled : 0) | (options.sack_ok ? kSackOk : 0);
}

void begin_window(TcpWindow& window, uint32_t end, uint32_t offered) {
  window.end = window.max_end = end;
  window.max_window = std::max<uint32_t>(offered, 1);
}

Fit fit(TcpFlow& tcp, const Segment& segment, Direction direction) {
  bool may_sack = tcp.window[at(opposite(direction))].traits & kSackOk;
  uint32_t sacked = may_sack ? segment.sacked : segment.ack;
  bool crossing = segment.kind == Kind::kSyn;  // simultaneous open (RFC 9293, 3.5)
  if (tcp.window[at(direction)].max_window == 0) {
    begin_sender(tcp, segment, direction, sacked);
    if (crossing) return Fit::kFits;
  } else if (begins_again(tcp, segment, direction)) {
    begin_window(tcp.window[at(direction)], segment.end, segment.window);
    set_options(tcp.window[at(direction)].traits, segment.options);
    bool reply = direction == Direction::kReply;
    if (reply) agree_on_scale(tcp);
    if (reply && crossing) return Fit::kFits;
  }
  // A RST with the number 0 answers a SYN (RFC 9293, 3.5.2): `cS,30 sSA,3000000000,5031 sRA,0,31`,
  // though its sender seems to be elsewhere, and `sRA,1,31` is INVALID.
  if (segment.kind == Kind::kRst && segment.seq == 0 && tcp.state == TcpState::kSynSent) {
    Segment placed = segment;
    placed.seq = placed.end = tcp.window[at(direction)].end;
    return place(tcp, placed, direction, sacked);
  }
  return place(tcp, segment, direction, sacked);
}

}  // namespace sallyport::tcp
