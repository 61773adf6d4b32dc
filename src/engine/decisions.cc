#include "engine/decisions.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace sallyport {
namespace {

// Of what tells decisions apart; its key is no secret, as kMost bounds what a collision can cost.
uint64_t hash_of(const Decision& decision) {
  static constexpr HashKey kKey = make_hash_key(1);
  const Situation& situation = decision.situation;
  uint64_t kinds = static_cast<uint64_t>(situation.path) << 8 | decision.rule_count;
  uint64_t rules = uint64_t{decision.rules[0]} << 32 | decision.outcome.rule;
  return keyed_hash<4>({uint64_t{situation.status} << 32 | situation.connmark, kinds, rules, 0},
                       kKey);
}

}  // namespace

Situation Situation::of(const Packet& packet, const Way& way) {
  return {.in = way.in ? *way.in : InterfaceName(),
          .out = way.out ? *way.out : InterfaceName(),
          .status = packet.fields[Field::kCtStatus],
          .connmark = packet.fields[Field::kConnmark],
          .path = way.path};
}

void Decisions::reserve(size_t more) {
  size_t wanted = std::min(decisions_.size() + more, kMost);
  if (wanted <= decisions_.capacity() && wanted * 2 <= slots_.size()) return;
  decisions_.reserve(std::min(std::bit_ceil(wanted), kMost));
  slots_.assign(2 * std::bit_ceil(wanted), 0);
  for (size_t i = 0; i < decisions_.size(); i++) {
    slots_[place(decisions_[i])] = static_cast<uint16_t>(i + 1);
  }
}

void Decisions::clear() {
  decisions_.clear();
  std::ranges::fill(slots_, 0);
}

// Where it is, or would be.
size_t Decisions::place(const Decision& decision) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash_of(decision) & mask;; at = (at + 1) & mask) {
    if (slots_[at] == 0 || decisions_[slots_[at] - 1] == decision) return at;
  }
}

uint16_t Decisions::add(const Decision& decision) {
  if (slots_.empty()) return 0;
  size_t at = place(decision);
  if (slots_[at] != 0) return slots_[at];
  if (decisions_.size() == decisions_.capacity() || decisions_.size() == kMost) return 0;
  decisions_.push_back(decision);
  return slots_[at] = static_cast<uint16_t>(decisions_.size());
}

}  // namespace sallyport
