// Datagrams in fragments: in any order, twice, with a piece missing, and with
// every way in which two pieces can overlap. The ids come from a few, so that
// datagrams meet each other's pieces too.
#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

struct Piece {
  uint32_t offset = 0;
  uint32_t length = 0;
  bool more = false;
};
using Pieces = std::vector<Piece>;

struct Datagram {
  std::string packet;
  uint32_t length = 0;  // of the IP payload
};

Datagram datagram(Random& random, const World& world, const Link& link, bool from_a) {
  uint32_t payload = random.pick({0u, 16u, 60u, 400u, 1000u, 1001u, 1300u});
  uint16_t a_port = world.client_port(random), b_port = world.server_port(random);
  switch (random.below(8)) {
    case 0: {
      std::string packet = link.plain(from_a, link.family == Family::kIpv4 ? "icmp" : "icmp6");
      return {fmt::format("{} icmp-id 7 len {}", packet, payload), payload + 8};
    }
    case 1: {
      std::string packet = link.ports(from_a, "tcp", a_port, b_port);
      return {fmt::format("{} flags S seq 5 len {}", packet, payload), payload + 20};
    }
    case 2: {
      std::string packet = link.plain(from_a, "253");
      return {fmt::format("{} len {}", packet, payload), payload};
    }
    default: {
      std::string packet = link.ports(from_a, "udp", a_port, b_port);
      packet += random.maybe(5, " bad-checksum");
      return {fmt::format("{} len {}", packet, payload), payload + 8};
    }
  }
}

Pieces cut(Random& random, uint32_t length) {
  std::vector<uint32_t> borders;
  for (uint32_t i = random.between(1, 3); i > 0; i--) {
    uint32_t border = random.below(length / 8 + 1) * 8;
    if (random.chance(20)) border = 8;  // a tiny first piece, half a header
    if (border > 0 && border < length) borders.push_back(border);
  }
  std::ranges::sort(borders);
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  Pieces pieces;
  uint32_t at = 0;
  for (uint32_t border : borders) {
    pieces.push_back({at, border - at, true});
    at = border;
  }
  pieces.push_back({at, length - at, false});
  return pieces;
}

// One thing that an attacker, or a broken router, does.
void spoil(Random& random, Pieces& pieces, uint32_t length) {
  size_t at = random.below(static_cast<uint32_t>(pieces.size()));
  Piece piece = pieces[at];
  auto add = [&](Piece extra) {
    uint32_t where = random.below(static_cast<uint32_t>(pieces.size()) + 1);
    pieces.insert(pieces.begin() + static_cast<ptrdiff_t>(where), extra);
  };
  switch (random.below(12)) {
    case 0: return add(piece);                                         // the same again
    case 1: return add({piece.offset, piece.length / 16 * 8, true});   // its beginning
    case 2: return add({piece.offset, piece.length + 8, piece.more});  // and more
    case 3: return add({piece.offset + 8, piece.length, piece.more});  // later by 8
    case 4:
      if (piece.offset >= 8) add({piece.offset - 8, 16, true});  // over a border
      return;
    case 5: return add({piece.offset + 8, 8, true});  // from its middle
    case 6: return add({0, length, false});           // all of it
    case 7: pieces[at].length += random.pick({1u, 3u, 7u}); return;
    case 8:
      if (pieces[at].length > 4) pieces[at].length -= random.pick({1u, 4u});
      return;
    case 9: pieces[at].more = !pieces[at].more; return;
    case 10: return add({piece.offset, 0, random.chance(50)});  // nothing
    default: pieces.erase(pieces.begin() + static_cast<ptrdiff_t>(at)); return;
  }
}

void reorder(Random& random, Pieces& pieces) {
  for (size_t i = pieces.size(); i > 1; i--) {
    std::swap(pieces[i - 1], pieces[random.below(static_cast<uint32_t>(i))]);
  }
}

}  // namespace

Steps fragmented_conversation(Random& random, const World& world) {
  Link link = world.link(random);
  // docs/kernel-differences.md: a tracked datagram is cut again on its way through lo.
  while (world.is_tracked() && link.there == "out lo") link = world.link(random);
  Steps steps;
  for (uint32_t count = random.between(1, 4); count > 0; count--) {
    bool from_a = random.chance(65);
    Datagram whole = datagram(random, world, link, from_a);
    uint32_t id = random.between(1, 3);
    // Extension headers are of the part that is cut.
    if (link.family == Family::kIpv6 && random.chance(15)) {
      whole.packet += random.pick({" ext dst", " ext route"});
      whole.length += 8;
    }
    Pieces pieces = cut(random, whole.length);
    if (random.chance(35)) reorder(random, pieces);
    if (random.chance(50)) spoil(random, pieces, whole.length);
    if (random.chance(15) && !pieces.empty()) spoil(random, pieces, whole.length);
    for (const Piece& piece : pieces) {
      if (piece.offset > 8000) continue;
      steps.push_back(
          link.step(from_a, fmt::format("{} id {} frag {} {}{}", whole.packet, id, piece.offset,
                                        piece.length, piece.more ? " more" : "")));
    }
  }
  return steps;
}

}  // namespace sallyport::testing
