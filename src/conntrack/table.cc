#include "conntrack/table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "packet/packet.h"

namespace sallyport {
namespace {

constexpr size_t kFirstBuckets = 16;

}  // namespace

FlowTable::FlowTable(const HashKey& key)
    : key_(key), count_(kFirstBuckets), mask_(kFirstBuckets - 1) {
  buckets_.grow(count_);
  for (size_t i = 0; i < pools_.size(); i++) {
    pools_[i].kind.ipv6 = i & 1;
    pools_[i].kind.has_state = i >> 1;
  }
}

// ICMP's tuples of both directions hash alike, too: as that with the lesser type, from the lesser
// address.
uint64_t FlowTable::hash(const Tuple& tuple, uint16_t zone) const {
  Tuple asked = tuple;
  if (is_icmp(tuple.protocol)) {
    asked.destination_port = std::min(tuple.destination_port, invert(tuple).destination_port);
    if (asked.destination < asked.source) std::swap(asked.source, asked.destination);
  }
  const FlowKey key(asked, {.id = zone});
  return tuple.family == Family::kIpv4 ? hash(key)
                                       : hash_ipv6(key, asked.source, asked.destination);
}

void FlowTable::prefetch_bucket_of(uint32_t index) const {
  prefetch_bucket(hash_of(*entry(index), Direction::kOriginal));
}

bool FlowTable::is_reply(uint32_t index, const Tuple& tuple, const Tuple& inverse) const {
  const Flow& flow = *entry(index);
  return flow.status & ct_status::kOwnReply ? replies_.at(index) == tuple : flow.tuple() == inverse;
}

// Which of its sides has this tuple in this zone.
std::optional<Direction> FlowTable::side_of(uint32_t ref, const Tuple& tuple, const Tuple& inverse,
                                            uint16_t zone) const {
  const uint32_t index = ref & kIndexMask;
  const Flow& flow = *entry(index);
  if (ref & kReplySide && is_reply(index, tuple, inverse) &&
      flow.zone().in(Direction::kReply) == zone) {
    return Direction::kReply;
  }
  if (ref & kOriginalSide && flow.tuple() == tuple &&
      flow.zone().in(Direction::kOriginal) == zone) {
    return Direction::kOriginal;
  }
  return std::nullopt;
}

// Nearly every flow has one slot for both its sides and one zone: its key says it all.
FlowTable::Found FlowTable::find_in_zone(const Tuple& tuple, const FlowKey& key, uint32_t sides,
                                         uint64_t hash) const {
  const uint16_t tag = tag_of(hash);
  for (const Bucket* bucket = &home(hash);; bucket = &further_[bucket->next]) {
    for (uint32_t mask = matches(*bucket, tag); mask; mask &= mask - 1) {
      const uint32_t ref = bucket->refs[std::countr_zero(mask)];
      const uint32_t index = ref & kIndexMask;
      if ((ref & sides & kBothSides) == kBothSides && !is_icmp(tuple.protocol)) {
        const Flow& flow = *entry(index);
        const Direction direction = FlowKey::direction(flow.key_, key);
        if (difference(flow, key, tuple.source, tuple.destination, direction) == 0) {
          return {index, direction};
        }
      } else if (auto side =
                     side_of(ref & (sides | kIndexMask), tuple, invert(tuple), key.zone().id)) {
        return {index, *side};
      }
    }
    if (!bucket->next) return {};
  }
}

FlowTable::Found FlowTable::find(const Tuple& tuple, const Zone& zone) const {
  uint16_t original = zone.in(Direction::kOriginal);
  uint16_t reply = zone.in(Direction::kReply);
  if (original == reply) return find_in_zone(tuple, original, kBothSides);
  Found found = find_in_zone(tuple, original, kOriginalSide);
  if (found.index) return found;
  return find_in_zone(tuple, reply, kReplySide);
}

FlowTable::Found FlowTable::find_clash(uint32_t index) const {
  const Flow& flow = *entry(index);
  uint16_t original_zone = flow.zone().in(Direction::kOriginal);
  uint16_t reply_zone = flow.zone().in(Direction::kReply);
  bool one_zone = original_zone == reply_zone;
  Tuple tuple = flow.tuple();
  Found found = find_in_zone(tuple, original_zone, one_zone ? kBothSides : kOriginalSide);
  if (found.index || has_one_answer(flow)) return found;
  Tuple reply = reply_of(index);
  found = find_in_zone(reply, reply_zone, one_zone ? kBothSides : kReplySide);
  bool nat = found.index && entry(found.index)->status & ct_status::kOwnReply;
  return nat ? Found{} : found;
}

uint32_t FlowTable::take_further() {
  uint32_t number = free_further_;
  free_further_ = std::exchange(further_[number].next, 0u);
  spare_--;
  return number;
}

void FlowTable::give_further(uint32_t number) {
  further_[number] = {};
  further_[number].next = std::exchange(free_further_, number);
  spare_++;
}

void FlowTable::insert_slot(Bucket& home, uint16_t tag, uint32_t ref) {
  for (Bucket* bucket = &home;; bucket = &further_[bucket->next]) {
    if (const uint32_t free = matches(*bucket, 0)) {
      const int slot = std::countr_zero(free);
      bucket->tags[slot] = tag;
      bucket->refs[slot] = ref;
      return;
    }
    if (!bucket->next) bucket->next = take_further();
  }
}

void FlowTable::erase_slot(uint64_t hash, uint32_t ref) {
  Bucket* before = nullptr;
  for (Bucket* bucket = &home(hash);; before = bucket, bucket = &further_[bucket->next]) {
    auto slot = std::ranges::find(bucket->refs, ref);
    if (slot == std::end(bucket->refs)) continue;
    bucket->tags[slot - bucket->refs] = 0;
    *slot = 0;
    used_--;
    one_sided_ -= (ref & kBothSides) != kBothSides;
    if (!before) return;
    if (std::ranges::any_of(bucket->refs, [](uint32_t other) { return other != 0; })) return;
    give_further(std::exchange(before->next, bucket->next));
    return;
  }
}

// The newest first: where zones differ by direction, several flows may have one tuple in one zone,
// and Linux finds the one that came last. The slot of `ref` is the last of those.
void FlowTable::put_first(uint64_t hash, uint32_t ref) {
  const Flow& flow = *entry(ref & kIndexMask);
  const Direction side = ref & kReplySide ? Direction::kReply : Direction::kOriginal;
  const Tuple tuple = side == Direction::kReply ? reply_of(ref & kIndexMask) : flow.tuple();
  const Tuple inverse = invert(tuple);
  const uint16_t zone = flow.zone().in(side);
  uint32_t carried = ref;
  for (Bucket* bucket = &home(hash);; bucket = &further_[bucket->next]) {
    for (uint32_t mask = matches(*bucket, tag_of(hash)); mask; mask &= mask - 1) {
      uint32_t& slot = bucket->refs[std::countr_zero(mask)];
      if (!side_of(slot, tuple, inverse, zone)) continue;
      std::swap(slot, carried);
      if (carried == ref) return;
    }
  }
}

// Without the tuple where that is possible.
uint64_t FlowTable::hash_of(const Flow& flow, Direction direction) const {
  const FlowKey& key = flow.key_;
  const bool whole_zone = key.zone().directions == Zone::Directions::kBoth;
  if (whole_zone && key.family() == Family::kIpv4 && !is_icmp(key.protocol())) return hash(key);
  return hash(flow.tuple(), flow.zone().in(direction));
}

template <typename Visit>
void FlowTable::slots(uint32_t index, Visit visit) const {
  const Flow& flow = *entry(index);
  const uint64_t hashed = hash_of(flow, Direction::kOriginal);
  if (has_one_slot(flow)) {
    visit(hashed, index | kBothSides);
  } else {
    visit(hashed, index | kOriginalSide);
    visit(hash(reply_of(index), flow.zone().in(Direction::kReply)), index | kReplySide);
  }
}

void FlowTable::insert_sides(uint32_t index) {
  slots(index, [this](uint64_t hash, uint32_t ref) {
    insert_slot(home(hash), tag_of(hash), ref);
    used_++;
    if ((ref & kBothSides) == kBothSides) return;
    one_sided_++;
    put_first(hash, ref);
  });
}

void FlowTable::erase(uint32_t index) {
  slots(index, [this](uint64_t hash, uint32_t ref) { erase_slot(hash, ref); });
}

void FlowTable::set_reply(uint32_t index, const Tuple& reply) {
  (*this)[index].status |= ct_status::kOwnReply;
  replies_[index] = reply;
}

Tuple FlowTable::reply_of(uint32_t index) const {
  const Flow& flow = *entry(index);
  return flow.status & ct_status::kOwnReply ? replies_.at(index) : invert(flow.tuple());
}

// The next free entry is on its way to the cache while this one is used.
uint32_t FlowTable::allocate(const Tuple& tuple, const FlowKey& key) {
  Pool& pool = pools_[FlowClass(tuple.family, tuple.protocol).number()];
  const uint32_t index = pool.free ? pool.free : pool.fresh;
  if (index == pool.end) return 0;  // and none is free
  Flow& flow = *entry(index);
  if (pool.free) [[likely]] {
    pool.free = flow.next();
    flow.set_next(0);
    pool.count--;
    prefetch(pool.free);
  } else {
    pool.fresh++;
    pool.entries++;
    flow.generation = 1;
  }
  flow.begin(tuple, key);
  return index;
}

void FlowTable::release(uint32_t index) {
  Flow& flow = *entry(index);
  if (flow.status & ct_status::kOwnReply) replies_.erase(index);
  uint32_t generation = flow.generation + 1;
  flow.reset(generation ? generation : 1);
  put_free(pools_[chunks_[index / kChunk].pool], index);
}

void FlowTable::put_free(Pool& pool, uint32_t index) {
  entry(index)->set_next(std::exchange(pool.free, index));
  pool.count++;
}

void FlowTable::add_chunk(Pool& pool) {
  for (; pool.fresh != pool.end; pool.fresh++, pool.entries++) {
    entry(pool.fresh)->generation = 1;
    put_free(pool, pool.fresh);
  }
  size_t bytes = pool.kind.bytes();
  pages_.emplace_back(kChunk * bytes, pool.end != 0);
  chunks_.push_back({static_cast<std::byte*>(pages_.back().data()), static_cast<uint32_t>(bytes),
                     static_cast<uint32_t>(pool.kind.number())});
  pool.end = static_cast<uint32_t>(size());
  pool.fresh = pool.end - kChunk;
  if (pool.fresh == 0) pool.fresh = 1;  // 0 is nobody's
}

bool FlowTable::reserve(size_t flows) {
  size_t before = size();
  for (Pool& pool : pools_) {
    while (pool.count + (pool.end - pool.fresh) < flows && size() + kChunk <= kIndexMask) {
      add_chunk(pool);
    }
  }
  constexpr size_t kForSplit = 2;
  for (size_t wanted = 2 * flows + kForSplit; spare_ < wanted;) {
    if (further_.size() == 0) further_.grow(1);  // 0 is none
    further_.grow(further_.size() + 1);
    give_further(static_cast<uint32_t>(further_.size() - 1));
  }
  while (2 * (used_ + 2 * flows) > count_ * kFillHalves) split();
  return size() != before;
}

uint64_t FlowTable::hash_of(uint32_t ref) const {
  const Flow& flow = *entry(ref & kIndexMask);
  return ref & kOriginalSide ? hash_of(flow, Direction::kOriginal)
                             : hash(reply_of(ref & kIndexMask), flow.zone().in(Direction::kReply));
}

// Shares out a bucket's slots, in their order, between it and a new one. The entries of those that
// come next are on their way meanwhile, where it is they who tell.
void FlowTable::split() {
  const size_t bit = mask_ + 1;
  const size_t from = count_ - bit;
  const auto shift = static_cast<unsigned>(std::countr_zero(bit));
  const bool in_tag = shift >= kTagShift;
  buckets_.grow(count_ + 1);
  if (!in_tag) {
    for (uint32_t ref : buckets_[(from + 2) & mask_].refs) prefetch(ref & kIndexMask);
  }
  Bucket bucket = std::exchange(buckets_[from], Bucket{});
  for (;;) {
    for (size_t i = 0; i < kSlots; i++) {
      const uint32_t ref = bucket.refs[i];
      if (!ref) continue;
      uint64_t bits = in_tag ? uint64_t{bucket.tags[i]} << kTagShift : hash_of(ref);
      insert_slot(buckets_[bits & bit ? count_ : from], bucket.tags[i], ref);
    }
    if (!bucket.next) break;
    const uint32_t next = bucket.next;
    bucket = further_[next];
    give_further(next);
  }
  count_++;
  if (count_ == 2 * bit) mask_ = count_ - 1;
}

size_t FlowTable::memory() const {
  size_t entries = 0;
  for (const Pool& pool : pools_) entries += pool.entries * pool.kind.bytes();
  return buckets_.memory() + further_.memory() + entries + chunks_.capacity() * sizeof(Chunk) +
         replies_.size() * (sizeof(*replies_.begin()) + 2 * sizeof(void*));
}

}  // namespace sallyport
