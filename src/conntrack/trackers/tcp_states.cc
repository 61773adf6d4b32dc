// TCP's states as seen from the middle.
//
// A man in the middle does not know what arrives, so these are not the states of
// RFC 9293 of either host but of the pair, under the names that Linux gives them. The
// table says, for direction, kind of segment and state, what comes next. Its rows were
// written from what Linux answers (tests/kernel/derive_tcp_table.py asks it again) and
// RFC 9293; a cell without a row is INVALID.
#include "conntrack/trackers/tcp.h"
#include "packet/headers.h"

namespace sallyport {
namespace tcp {
namespace {

constexpr size_t kStates = static_cast<size_t>(TcpState::kCount);
constexpr size_t kKinds = static_cast<size_t>(Kind::kCount);

struct Row {
  Direction direction;
  Kind kind;
  TcpState from;
  TcpState to;
};

struct IgnoreRow {
  Direction direction;
  Kind kind;
  TcpState from;
};

constexpr Direction kO = Direction::kOriginal;
constexpr Direction kR = Direction::kReply;
using enum TcpState;

constexpr Row kRows[] = {
    // A SYN opens, or opens again what is over.
    {kO, Kind::kSyn, kNone, kSynSent},
    {kO, Kind::kSyn, kSynSent, kSynSent},
    {kO, Kind::kSyn, kSynSent2, kSynSent2},
    {kO, Kind::kSyn, kTimeWait, kSynSent},
    {kO, Kind::kSyn, kClose, kSynSent},
    {kR, Kind::kSyn, kSynSent, kSynSent2},  // simultaneous open
    {kR, Kind::kSyn, kSynSent2, kSynSent2},
    {kR, Kind::kSyn, kTimeWait, kSynSent},
    // A SYN/ACK answers.
    {kO, Kind::kSynAck, kSynRecv, kSynRecv},
    {kO, Kind::kSynAck, kSynSent2, kSynRecv},
    {kR, Kind::kSynAck, kSynSent, kSynRecv},
    {kR, Kind::kSynAck, kSynSent2, kSynRecv},
    // A FIN closes a half, the second one the other.
    {kO, Kind::kFin, kSynRecv, kFinWait},
    {kO, Kind::kFin, kEstablished, kFinWait},
    {kO, Kind::kFin, kFinWait, kLastAck},
    {kO, Kind::kFin, kCloseWait, kLastAck},
    {kO, Kind::kFin, kLastAck, kLastAck},
    {kO, Kind::kFin, kTimeWait, kTimeWait},
    {kO, Kind::kFin, kClose, kClose},
    {kR, Kind::kFin, kSynRecv, kFinWait},
    {kR, Kind::kFin, kEstablished, kFinWait},
    {kR, Kind::kFin, kFinWait, kLastAck},
    {kR, Kind::kFin, kCloseWait, kLastAck},
    {kR, Kind::kFin, kLastAck, kLastAck},
    {kR, Kind::kFin, kTimeWait, kTimeWait},
    {kR, Kind::kFin, kClose, kClose},
    // An ACK carries data, or acknowledges a FIN.
    {kO, Kind::kAck, kNone, kEstablished},  // picked up in mid-stream
    {kO, Kind::kAck, kSynRecv, kEstablished},
    {kO, Kind::kAck, kEstablished, kEstablished},
    {kO, Kind::kAck, kFinWait, kCloseWait},
    {kO, Kind::kAck, kCloseWait, kCloseWait},
    {kO, Kind::kAck, kLastAck, kTimeWait},
    {kO, Kind::kAck, kTimeWait, kTimeWait},
    {kO, Kind::kAck, kClose, kClose},
    {kR, Kind::kAck, kSynRecv, kSynRecv},
    {kR, Kind::kAck, kEstablished, kEstablished},
    {kR, Kind::kAck, kFinWait, kCloseWait},
    {kR, Kind::kAck, kCloseWait, kCloseWait},
    {kR, Kind::kAck, kLastAck, kTimeWait},
    {kR, Kind::kAck, kTimeWait, kTimeWait},
    {kR, Kind::kAck, kClose, kClose},
    // A RST ends it, from either side.
    {kO, Kind::kRst, kSynSent, kClose},
    {kO, Kind::kRst, kSynSent2, kClose},
    {kO, Kind::kRst, kSynRecv, kClose},
    {kO, Kind::kRst, kEstablished, kClose},
    {kO, Kind::kRst, kFinWait, kClose},
    {kO, Kind::kRst, kCloseWait, kClose},
    {kO, Kind::kRst, kLastAck, kClose},
    {kO, Kind::kRst, kTimeWait, kClose},
    {kO, Kind::kRst, kClose, kClose},
    {kR, Kind::kRst, kSynSent, kClose},
    {kR, Kind::kRst, kSynSent2, kClose},
    {kR, Kind::kRst, kSynRecv, kClose},
    {kR, Kind::kRst, kEstablished, kClose},
    {kR, Kind::kRst, kFinWait, kClose},
    {kR, Kind::kRst, kCloseWait, kClose},
    {kR, Kind::kRst, kLastAck, kClose},
    {kR, Kind::kRst, kTimeWait, kClose},
    {kR, Kind::kRst, kClose, kClose},
};

// Passed, and nothing moves: the hosts will sort it out.
constexpr IgnoreRow kIgnored[] = {
    {kO, Kind::kSyn, kSynRecv},
    {kO, Kind::kSyn, kEstablished},
    {kO, Kind::kSyn, kFinWait},
    {kO, Kind::kSyn, kCloseWait},
    {kO, Kind::kSyn, kLastAck},
    {kR, Kind::kSynAck, kSynRecv},
    {kR, Kind::kSynAck, kEstablished},
    {kR, Kind::kSynAck, kFinWait},
    {kR, Kind::kSynAck, kCloseWait},
    {kR, Kind::kSynAck, kLastAck},
    {kR, Kind::kSynAck, kTimeWait},
    {kR, Kind::kSynAck, kClose},
    // Perhaps a challenge ACK (RFC 5961) of a connection that we do not know.
    {kR, Kind::kAck, kSynSent},
    {kR, Kind::kAck, kSynSent2},
};

using Table = std::array<std::array<std::array<Transition, kStates>, kKinds>, 2>;

// Twice the same cell does not compile.
consteval Table expand() {
  Table table{};
  auto cell = [&](Direction direction, Kind kind, TcpState from) -> Transition& {
    Transition& result =
        table[static_cast<size_t>(direction)][static_cast<size_t>(kind)][static_cast<size_t>(from)];
    if (result.to != Transition::To::kInvalid) throw "two rows for one cell";
    return result;
  };
  for (const Row& row : kRows) {
    cell(row.direction, row.kind, row.from) = {Transition::To::kState, row.to};
  }
  for (const IgnoreRow& row : kIgnored) {
    cell(row.direction, row.kind, row.from) = {Transition::To::kIgnore, row.from};
  }
  return table;
}

constexpr Table kTable = expand();

}  // namespace

Transition transition(Direction direction, Kind kind, TcpState from) {
  return kTable[static_cast<size_t>(direction)][static_cast<size_t>(kind)]
               [static_cast<size_t>(from)];
}

void adopt(Flow& flow, TcpState state) {
  flow.tcp() = TcpFlow{};
  flow.tcp().state = state;
  flow.tcp().flags = liberal(Direction::kOriginal) | liberal(Direction::kReply);
  flow.tcp().window[0].traits = flow.tcp().window[1].traits = kSackOk;
}

bool flags_are_possible(uint8_t flags) {
  using namespace tcp_flag;
  switch (flags & ~(kPsh | kEce | kCwr)) {
    case kSyn:
    case kSyn | kUrg:
    case kSyn | kAck:
    case kRst:
    case kRst | kAck:
    case kFin | kAck:
    case kFin | kAck | kUrg:
    case kAck:
    case kAck | kUrg: return true;
    default: return false;
  }
}

}  // namespace tcp

}  // namespace sallyport
