#include "conntrack/table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "packet/packet.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sallyport {
namespace {

uint64_t high_half(const Address& address) {
  return uint64_t{address.words[0]} << 32 | address.words[1];
}
uint64_t low_half(const Address& address) {
  return uint64_t{address.words[2]} << 32 | address.words[3];
}

bool is_icmp(const Tuple& tuple) {
  return tuple.protocol == protocol::kIcmp || tuple.protocol == protocol::kIcmpv6;
}

}  // namespace

FlowTable::FlowTable(const HashKey& key) : key_(key), buckets_(16), mask_(15) {}

// Both directions hash alike: endpoints are put in order. An ICMP query and its answer
// have the id and the lesser of their types in common.
uint64_t FlowTable::hash(const Tuple& tuple, uint16_t zone) const {
  uint16_t one_port = tuple.source_port;
  uint16_t other_port = tuple.destination_port;
  bool swap = tuple.source > tuple.destination;
  if (is_icmp(tuple)) {
    other_port = std::min(other_port, invert(tuple).destination_port);
  } else if (swap || (tuple.source == tuple.destination && one_port > other_port)) {
    std::swap(one_port, other_port);
  }
  const Address& one = swap ? tuple.destination : tuple.source;
  const Address& other = swap ? tuple.source : tuple.destination;
  uint64_t rest = uint64_t{one_port} << 48 | uint64_t{other_port} << 32 | uint64_t{zone} << 16 |
                  uint64_t{tuple.protocol} << 8 | static_cast<uint64_t>(tuple.family);
  if (tuple.family == Family::kIpv4) {
    return keyed_hash<2>({uint64_t{one.words[0]} << 32 | other.words[0], rest}, key_);
  }
  return keyed_hash<6>({high_half(one), low_half(one), high_half(other), low_half(other), rest, 0},
                       key_);
}

// A bit for each slot whose tag is `tag`.
uint32_t FlowTable::matches(const Bucket& bucket, uint16_t tag) {
  uint32_t mask = 0;
#ifdef __SSE2__
  __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tags));
  __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<short>(tag)));
  mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal, equal))) & 0xff;
  for (size_t i = 8; i < kSlots; i++) mask |= uint32_t{bucket.tags[i] == tag} << i;
#else
  for (size_t i = 0; i < kSlots; i++) mask |= uint32_t{bucket.tags[i] == tag} << i;
#endif
  return mask;
}

void FlowTable::prefetch_entries(uint64_t hash) const {
  const Bucket& bucket = buckets_[home(hash)];
  for (uint32_t mask = matches(bucket, tag_of(hash)); mask; mask &= mask - 1) {
    const Flow& flow = (*this)[bucket.refs[std::countr_zero(mask)] & kIndexMask];
    __builtin_prefetch(&flow, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(&flow) + 64, 1);
  }
}

bool FlowTable::is_reply(uint32_t index, const Tuple& tuple, const Tuple& inverse) const {
  const Flow& flow = (*this)[index];
  return flow.status & ct_status::kOwnReply ? replies_.at(index) == tuple : flow.tuple == inverse;
}

// Which of its sides has this tuple in this zone.
std::optional<Direction> FlowTable::side_of(uint32_t ref, const Tuple& tuple, const Tuple& inverse,
                                            uint16_t zone) const {
  const uint32_t index = ref & kIndexMask;
  const Flow& flow = (*this)[index];
  if (ref & kReplySide && is_reply(index, tuple, inverse) &&
      flow.zone.in(Direction::kReply) == zone) {
    return Direction::kReply;
  }
  if (ref & kOriginalSide && flow.tuple == tuple && flow.zone.in(Direction::kOriginal) == zone) {
    return Direction::kOriginal;
  }
  return std::nullopt;
}

FlowTable::Found FlowTable::find_in_zone(const Tuple& tuple, const Tuple& inverse, uint16_t zone,
                                         uint32_t sides) const {
  uint64_t hashed = hash(tuple, zone);
  uint16_t tag = tag_of(hashed);
  for (size_t at = home(hashed);; at = (at + 1) & mask_) {
    const Bucket& bucket = buckets_[at];
    for (uint32_t mask = matches(bucket, tag); mask; mask &= mask - 1) {
      uint32_t ref = bucket.refs[std::countr_zero(mask)];
      if (auto side = side_of(ref & (sides | kIndexMask), tuple, inverse, zone)) {
        return {ref & kIndexMask, *side};
      }
    }
    if (!bucket.overflow) return {};
  }
}

FlowTable::Found FlowTable::find(const Tuple& tuple, const Zone& zone) const {
  Tuple inverse = invert(tuple);
  uint16_t original = zone.in(Direction::kOriginal);
  uint16_t reply = zone.in(Direction::kReply);
  if (original == reply) return find_in_zone(tuple, inverse, original, kBothSides);
  Found found = find_in_zone(tuple, inverse, original, kOriginalSide);
  return found.index ? found : find_in_zone(tuple, inverse, reply, kReplySide);
}

FlowTable::Found FlowTable::find_clash(uint32_t index) const {
  const Flow& flow = (*this)[index];
  Tuple reply = reply_of(index);
  uint16_t original_zone = flow.zone.in(Direction::kOriginal);
  uint16_t reply_zone = flow.zone.in(Direction::kReply);
  bool one_zone = original_zone == reply_zone;
  Found found = find_in_zone(flow.tuple, invert(flow.tuple), original_zone,
                             one_zone ? kBothSides : kOriginalSide);
  if (found.index) return found;
  found = find_in_zone(reply, invert(reply), reply_zone, one_zone ? kBothSides : kReplySide);
  bool nat = found.index && (*this)[found.index].status & ct_status::kOwnReply;
  return nat ? Found{} : found;
}

void FlowTable::insert_slot(uint64_t hash, uint32_t ref) {
  for (size_t at = home(hash);; at = (at + 1) & mask_) {
    Bucket& bucket = buckets_[at];
    for (size_t i = 0; i < kSlots; i++) {
      if (bucket.refs[i]) continue;
      bucket.tags[i] = tag_of(hash);
      bucket.refs[i] = ref;
      used_++;
      return;
    }
    bucket.overflow++;
  }
}

void FlowTable::erase_slot(uint64_t hash, uint32_t ref) {
  for (size_t at = home(hash);; at = (at + 1) & mask_) {
    Bucket& bucket = buckets_[at];
    for (size_t i = 0; i < kSlots; i++) {
      if (bucket.refs[i] != ref) continue;
      bucket.tags[i] = 0;
      bucket.refs[i] = 0;
      used_--;
      return;
    }
    bucket.overflow--;
  }
}

// The newest first: where zones differ by direction, several flows may have one tuple in one zone,
// and Linux finds the one that came last. The slot of `ref` is the last of those.
void FlowTable::put_first(uint64_t hash, uint32_t ref) {
  const Flow& flow = (*this)[ref & kIndexMask];
  const Direction side = ref & kReplySide ? Direction::kReply : Direction::kOriginal;
  const Tuple tuple = side == Direction::kReply ? reply_of(ref & kIndexMask) : flow.tuple;
  const Tuple inverse = invert(tuple);
  const uint16_t zone = flow.zone.in(side);
  uint32_t carried = ref;
  for (size_t at = home(hash);; at = (at + 1) & mask_) {
    Bucket& bucket = buckets_[at];
    for (uint32_t mask = matches(bucket, tag_of(hash)); mask; mask &= mask - 1) {
      uint32_t& slot = bucket.refs[std::countr_zero(mask)];
      if (!side_of(slot, tuple, inverse, zone)) continue;
      std::swap(slot, carried);
      if (carried == ref) return;
    }
  }
}

template <typename Visit>
void FlowTable::slots(uint32_t index, Visit visit) const {
  const Flow& flow = (*this)[index];
  uint16_t original = flow.zone.in(Direction::kOriginal);
  uint16_t reply = flow.zone.in(Direction::kReply);
  if (original == reply && !(flow.status & ct_status::kOwnReply)) {
    visit(hash(flow.tuple, original), index | kBothSides);
  } else {
    visit(hash(flow.tuple, original), index | kOriginalSide);
    visit(hash(reply_of(index), reply), index | kReplySide);
  }
}

bool FlowTable::insert(uint32_t index) {
  if (used_ + 2 > buckets_.size() * (kSlots - 1)) return false;
  slots(index, [this](uint64_t hash, uint32_t ref) {
    insert_slot(hash, ref);
    if ((ref & kBothSides) != kBothSides) put_first(hash, ref);
  });
  return true;
}

void FlowTable::erase(uint32_t index) {
  slots(index, [this](uint64_t hash, uint32_t ref) { erase_slot(hash, ref); });
}

void FlowTable::set_reply(uint32_t index, const Tuple& reply) {
  (*this)[index].status |= ct_status::kOwnReply;
  replies_[index] = reply;
}

Tuple FlowTable::reply_of(uint32_t index) const {
  const Flow& flow = (*this)[index];
  return flow.status & ct_status::kOwnReply ? replies_.at(index) : invert(flow.tuple);
}

uint32_t FlowTable::allocate() {
  if (free_.empty()) return 0;
  uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

void FlowTable::release(uint32_t index) {
  Flow& flow = (*this)[index];
  if (flow.status & ct_status::kOwnReply) replies_.erase(index);
  uint32_t generation = flow.generation + 1;
  flow = Flow();
  flow.generation = generation ? generation : 1;
  free_.push_back(index);  // has room: it never holds more than size()
}

bool FlowTable::reserve(size_t flows) {
  bool grown = false;
  while (free_.size() < flows && size() + kChunk <= kIndexMask) {
    auto first = static_cast<uint32_t>(size());
    chunks_.push_back(std::make_unique<Flow[]>(kChunk));
    free_.reserve(size());
    // The lowest index comes first; 0 is nobody's.
    for (uint32_t i = kChunk; i-- > 0;) {
      (*this)[first + i].generation = 1;
      if (first + i) free_.push_back(first + i);
    }
    grown = true;
  }
  size_t buckets = buckets_.size();
  while (used_ + 2 * flows > buckets * kFill) buckets *= 2;
  if (buckets != buckets_.size()) rebuild(buckets);
  return grown;
}

void FlowTable::rebuild(size_t buckets) {
  std::vector<Bucket> old(buckets);
  old.swap(buckets_);
  mask_ = buckets - 1;
  used_ = 0;
  for (const Bucket& bucket : old) {
    for (uint32_t ref : bucket.refs) {
      if (!ref) continue;
      uint32_t index = ref & kIndexMask;
      const Flow& flow = (*this)[index];
      bool original = ref & kOriginalSide;
      uint16_t zone = flow.zone.in(original ? Direction::kOriginal : Direction::kReply);
      insert_slot(hash(original ? flow.tuple : reply_of(index), zone), ref);
    }
  }
}

size_t FlowTable::memory() const {
  return buckets_.capacity() * sizeof(Bucket) + chunks_.size() * kChunk * sizeof(Flow) +
         free_.capacity() * sizeof(uint32_t) +
         replies_.size() * (sizeof(*replies_.begin()) + 2 * sizeof(void*));
}

}  // namespace sallyport
