// The flow table: entries that never move, and an index of them by tuple.
//
// Entries lie in chunks of one class each (flow.h): an index is a chunk and a place in it. So an
// address that was prefetched stays right, and an id is an index and a generation. Entries that
// are free are a list through themselves.
//
// The index is an array of buckets of one cache line: ten slots of a 16-bit tag and a 32-bit
// reference; what does not fit hangs on in further buckets. The low bits of the hash choose the
// bucket, others are the tag. It grows one bucket at a time (W. Litwin, "Linear Hashing", 1980): a
// bucket's slots are shared out between it and the new one, as the next bit of the hash says,
// which for all but small tables is in the tag, so that the entries need not be read. Growing
// is thus spread over the packets that make it necessary.
//
// Both directions of a flow have one hash, since endpoints are put in order
// before hashing; so one slot finds the flow either way, and comparing the
// tuple tells the direction. Only a flow whose directions lie in different
// zones, or whose reply tuple is not the inverse of the original (NAT), has two slots,
// each good for one direction. Such a reply tuple is kept beside the entries.
//
// Costs, of a flow: 64 bytes (UDP over IPv4) to 160 (TCP over IPv6), and 12 of index; a reply tuple
// of its own, some 70 and a slot more. It never shrinks. The most flows are 2^30.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/hash.h"
#include "base/segments.h"
#include "conntrack/flow.h"

namespace sallyport {

class FlowTable {
 public:
  explicit FlowTable(const HashKey& key);

  // Makes room for `flows` more of every class. True if indices beyond size() came into being.
  // Allocates.
  bool reserve(size_t flows);
  // Indices are below this.
  size_t size() const { return chunks_.size() * kChunk; }
  size_t memory() const;

  // An entry that no lookup finds yet; 0 if there is none free (see reserve()). `key` is that of
  // the tuple and its zone.
  uint32_t allocate(const Tuple& tuple, const FlowKey& key);
  uint32_t allocate(const Tuple& tuple, const Zone& zone) {
    return allocate(tuple, FlowKey(tuple, zone));
  }
  // Gives back an entry that is not in the index; its ids find nothing from now on.
  void release(uint32_t index);

  Flow& operator[](uint32_t index) { return *entry(index); }
  const Flow& operator[](uint32_t index) const { return *entry(index); }
  bool alive(FlowId id) const {
    return id.generation && id.index < size() && entry(id.index)->generation == id.generation;
  }

  // Calls visit(index) for those of the `count` indices from `first` on that have ever been used.
  template <typename Visit>
  void each_used(uint32_t first, uint32_t count, Visit visit) const {
    const auto end = static_cast<uint32_t>(std::min<size_t>(size_t{first} + count, size()));
    for (uint32_t at = std::max(first, 1u); at < end;) {
      const uint32_t chunk = at / kChunk * kChunk;
      const Pool& pool = pools_[chunks_[at / kChunk].pool];
      const uint32_t used = pool.end == chunk + kChunk ? pool.fresh : chunk + kChunk;
      for (; at < std::min(used, end); at++) visit(at);
      at = chunk + kChunk;
    }
  }

  // Gives an entry that is not in the index a reply tuple of its own. Allocates.
  void set_reply(uint32_t index, const Tuple& reply);
  // The tuple of its packets that go the other way.
  Tuple reply_of(uint32_t index) const;

  // False if the index has no room (see reserve()). `hash` is as find() has it; 0: not known.
  bool insert(uint32_t index, uint64_t hash = 0) {
    if (spare_ < 2) [[unlikely]]
      return false;
    insertions_++;
    const Flow& flow = *entry(index);
    if (hash && has_one_slot(flow) && flow.zone().id == 0) [[likely]] {
      insert_slot(home(hash), tag_of(hash), index | kBothSides);
      used_++;
    } else {
      insert_sides(index);
    }
    return true;
  }
  uint64_t insertions() const { return insertions_; }  // how often that was done
  void erase(uint32_t index);

  struct Found {
    uint32_t index = 0;  // 0: nothing
    Direction direction = Direction::kOriginal;
  };
  // The flow of which a packet with this tuple, in this zone, is part. With equal
  // endpoints the packet is its flow's reply (kernel-facts 23).
  Found find(const Tuple& tuple, const Zone& zone) const;
  // The same in zone 0, where its key and hash are known.
  Found find(const Tuple& tuple, const FlowKey& key, uint64_t hash) const {
    const Bucket& bucket = home(hash);
    if (!bucket.next && !matches(bucket, tag_of(hash))) return {};
    return find_in_zone(tuple, key, kBothSides, hash);
  }

  // A flow that keeps this entry, which is not in the index, out of it: one of its tuples is a
  // tuple of that flow, in the same zone. Of an entry whose directions lie in different zones, only
  // the other's tuple of the same direction counts (seen on the kernel). One with NAT is in
  // nobody's way with its packets' tuple: NAT would give the entry other answers.
  Found find_clash(uint32_t index) const;
  // That is the flow that find() finds for the entry's tuple and zone, if any: one slot is good for
  // both its sides, and so is everybody's.
  bool has_one_answer(const Flow& flow) const { return one_sided_ == 0 && has_one_slot(flow); }

  // In the steps of a burst: the bucket, then the entries that its tags suggest; the first of them
  // is the guess. The hash is never 0. A bucket is fetched into the second cache: the first one has
  // room for a few lines at a time that are under way, and the entries take that.
  uint64_t hash(const Tuple& tuple, uint16_t zone) const;
  // Of a plain packet, which has this key; in zone 0.
  template <Family kFamily>
  uint64_t hash(const FlowKey& key, const Packet& packet) const {
    if constexpr (kFamily == Family::kIpv4) return hash(key);
    return hash_ipv6(key, packet.source(), packet.destination());
  }
  // A bucket, as the second step is told it.
  using Place = const void*;
  Place prefetch_bucket(uint64_t hash) const {
    const Bucket& bucket = home(hash);
    __builtin_prefetch(&bucket, 0, 2);
    return &bucket;
  }
  struct Guess {
    void* entry = nullptr;
    uint32_t index = 0;  // 0: none
  };
  // The place moves on to a further bucket, if there is one to look into; else it is null.
  Guess prefetch_entries(Place& place, uint64_t hash) const {
    const Bucket& bucket = *static_cast<const Bucket*>(place);
    place = nullptr;
    uint32_t mask = matches(bucket, tag_of(hash));
    if (!mask) [[unlikely]] {
      if (!bucket.next) return {};
      place = &further_[bucket.next];
      __builtin_prefetch(place);
      return {};
    }
    Guess guess;
    for (; mask; mask &= mask - 1) {
      const uint32_t index = bucket.refs[std::countr_zero(mask)] & kIndexMask;
      const Chunk& chunk = chunks_[index / kChunk];
      std::byte* entry = chunk.entries + index % kChunk * chunk.bytes;
      __builtin_prefetch(entry, 1);
      if (chunk.bytes > 64) __builtin_prefetch(entry + 64, 1);
      if (chunk.bytes > 128) __builtin_prefetch(entry + 128, 1);
      if (!guess.entry) guess = {entry, index};
    }
    return guess;
  }
  void prefetch(uint32_t index) const { __builtin_prefetch(entry(index), 1); }
  // Of an entry in the index, whose line has been prefetched: the bucket that erase() needs.
  void prefetch_bucket_of(uint32_t index) const;

  // The entry that was guessed, if the packet, in zone 0, is part of it, for then it is of no
  // other: nothing here if there are flows with a slot for one side only.
  [[gnu::always_inline]] Found guessed(const Packet& packet) const {
    if (!packet.flow_entry || one_sided_ != 0) [[unlikely]]
      return {};
    const Flow& flow = *static_cast<const Flow*>(packet.flow_entry);
    constexpr uint32_t kLife = ct_status::kConfirmed | ct_status::kDying;
    if ((flow.status & kLife) != ct_status::kConfirmed) [[unlikely]]
      return {};
    const FlowKey key(packet.flow_words);
    const Direction direction = FlowKey::direction(flow.key_, key);
    const bool same = difference(flow, key, packet.source(), packet.destination(), direction) == 0;
    if (!same) [[unlikely]]
      return {};
    return {packet.flow_guess, direction};
  }

  // A list of entries that are in no index any more, through themselves: `next` is what push()
  // was given.
  void push_dying(uint32_t index, uint32_t next) { (*this)[index].set_next(next); }
  uint32_t next_dying(uint32_t index) const { return (*this)[index].next(); }

  // Calls visit(index) for the entries of up to `buckets` buckets around a hash,
  // until it returns true.
  template <typename Visit>
  bool near(uint64_t hash, size_t buckets, Visit visit) const {
    for (size_t i = 0; i < buckets && i < count_; i++) {
      bool done = walk((number(hash) + i) % count_,
                       [&](uint32_t ref) { return ref && visit(ref & kIndexMask); });
      if (done) return true;
    }
    return false;
  }
  // Calls visit(index) for every entry in the index.
  template <typename Visit>
  void each(Visit visit) const {
    for (size_t i = 0; i < count_; i++) {
      walk(i, [&](uint32_t ref) {
        if (ref & kOriginalSide) visit(ref & kIndexMask);
        return false;
      });
    }
  }

 private:
  // 0: the entry has this key, and these addresses if it is of IPv6, in this direction.
  static uint64_t difference(const Flow& flow, const FlowKey& key, const Address& source,
                             const Address& destination, Direction direction) {
    uint64_t result = FlowKey::difference(flow.key_, key);
    if (key.family() == Family::kIpv6) [[unlikely]] {
      using Halves = uint64_t __attribute__((vector_size(sizeof(Address))));
      auto halves = [](const Address& address) { return std::bit_cast<Halves>(address); };
      const Halves from = halves(source), to = halves(destination);
      const Halves own_from = halves(flow.addresses()[0]), own_to = halves(flow.addresses()[1]);
      const Halves original = (own_from ^ from) | (own_to ^ to);
      const Halves reply = (own_from ^ to) | (own_to ^ from);
      uint64_t asked = original[0] | original[1], other = reply[0] | reply[1];
      swap_if(direction == Direction::kReply, asked, other);
      result |= asked;
    }
    return result;
  }

  static constexpr uint32_t kChunk = 1 << 16;  // with any size of entry, whole huge pages
  static constexpr size_t kSlots = 10;
  // Slots of a bucket that are filled on the average, at most, in halves. Buckets that have not
  // been split yet, in this round of growing, hold up to a third more than the average.
  static constexpr size_t kFillHalves = 11;
  static constexpr unsigned kTagShift = 14;  // the tag holds the hash's bits from here on
  static constexpr uint16_t kTaken = 0x8000;
  static constexpr uint64_t kNotZero = uint64_t{1} << 63;  // no bucket or tag takes this bit
  // A reference: the entry, and which of its directions the slot is good for.
  static constexpr uint32_t kOriginalSide = 1u << 30, kReplySide = 1u << 31,
                            kBothSides = kOriginalSide | kReplySide, kIndexMask = (1u << 30) - 1;

  struct alignas(64) Bucket {
    uint16_t tags[kSlots];  // kTaken is set where there is a reference
    uint32_t next;          // further bucket; 0: none
    uint32_t refs[kSlots];
  };
  static_assert(sizeof(Bucket) == 64);

  // Entries of one class.
  struct Chunk {
    std::byte* entries;
    uint32_t bytes;  // of an entry
    uint32_t pool;
  };
  struct Pool {
    FlowClass kind;
    uint32_t free = 0;   // the first free entry
    size_t count = 0;    // of free ones
    uint32_t fresh = 0;  // from here to the end nobody has used any yet
    uint32_t end = 0;
    size_t entries = 0;  // used ever
  };

  Flow* entry(uint32_t index) const {
    const Chunk& chunk = chunks_[index / kChunk];
    return reinterpret_cast<Flow*>(chunk.entries + index % kChunk * chunk.bytes);
  }
  void add_chunk(Pool& pool);
  void put_free(Pool& pool, uint32_t index);

  static uint16_t tag_of(uint64_t hash) {
    return static_cast<uint16_t>(kTaken | (hash >> kTagShift & (kTaken - 1)));
  }
  // Buckets whose next bit has been looked at have split into two.
  size_t number(uint64_t hash) const {
    size_t wide = hash & (2 * mask_ + 1);
    return wide & (mask_ | (size_t{0} - (wide < count_)));  // whether it is: as good as random
  }
  Bucket& home(uint64_t hash) const { return buckets_[number(hash)]; }
  // Calls visit(ref) for the slots of a bucket and what hangs on it, until it returns true.
  template <typename Visit>
  bool walk(size_t number, Visit visit) const {
    for (const Bucket* bucket = &buckets_[number];; bucket = &further_[bucket->next]) {
      for (uint32_t ref : bucket->refs) {
        if (visit(ref)) return true;
      }
      if (!bucket->next) return false;
    }
  }
  // A bit for each slot whose tag is `tag`.
  static uint32_t matches(const Bucket& bucket, uint16_t tag) {
#ifdef __SSE2__
    // The second half runs into what lies behind the tags.
    static_assert(offsetof(Bucket, tags) == 0 && sizeof(Bucket) >= 32);
    const auto* tags = reinterpret_cast<const __m128i*>(&bucket);
    const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
    const __m128i equal = _mm_packs_epi16(_mm_cmpeq_epi16(_mm_load_si128(tags), wanted),
                                          _mm_cmpeq_epi16(_mm_load_si128(tags + 1), wanted));
    return static_cast<uint32_t>(_mm_movemask_epi8(equal)) & ((1u << kSlots) - 1);
#else
    uint32_t mask = 0;
    for (size_t i = 0; i < kSlots; i++) mask |= uint32_t{bucket.tags[i] == tag} << i;
    return mask;
#endif
  }

  Found find_in_zone(const Tuple& tuple, uint16_t zone, uint32_t sides) const {
    return find_in_zone(tuple, FlowKey(tuple, {.id = zone}), sides, hash(tuple, zone));
  }
  Found find_in_zone(const Tuple& tuple, const FlowKey& key, uint32_t sides, uint64_t hash) const;
  bool is_reply(uint32_t index, const Tuple& tuple, const Tuple& inverse) const;
  static bool has_one_slot(const Flow& flow) {
    return flow.key_.zone().directions == Zone::Directions::kBoth &&
           !(flow.status & ct_status::kOwnReply);
  }
  // Calls visit(hash, ref) for every slot that the entry has in the index.
  template <typename Visit>
  void slots(uint32_t index, Visit visit) const;
  uint64_t hash_of(const Flow& flow, Direction direction) const;
  std::optional<Direction> side_of(uint32_t ref, const Tuple& tuple, const Tuple& inverse,
                                   uint16_t zone) const;
  // Both directions hash alike. Of IPv4, and a protocol with ports; and of IPv6.
  uint64_t hash(const FlowKey& key) const { return kNotZero | keyed_hash<2>(key.common(), key_); }
  uint64_t hash_ipv6(const FlowKey& key, const Address& source, const Address& destination) const {
    auto from = std::bit_cast<FlowKey::Words>(source),
         to = std::bit_cast<FlowKey::Words>(destination);
    swap_if(key.turned(), from[0], to[0]);
    swap_if(key.turned(), from[1], to[1]);
    const auto [lesser, greater] = key.common();
    return kNotZero | keyed_hash<6>({from[0], from[1], to[0], to[1], lesser, greater}, key_);
  }
  void insert_slot(Bucket& home, uint16_t tag, uint32_t ref);
  void insert_sides(uint32_t index);
  void put_first(uint64_t hash, uint32_t ref);
  void erase_slot(uint64_t hash, uint32_t ref);
  uint64_t hash_of(uint32_t ref) const;
  void split();
  uint32_t take_further();
  void give_further(uint32_t number);

  HashKey key_;
  Segments<Bucket> buckets_;
  size_t count_;          // of buckets
  size_t mask_;           // the largest power of two that is not more, less one
  size_t used_ = 0;       // slots
  size_t one_sided_ = 0;  // of these
  uint64_t insertions_ = 0;
  Segments<Bucket> further_;
  uint32_t free_further_ = 0;  // a list by their `next`
  size_t spare_ = 0;           // how long it is
  std::vector<Chunk> chunks_;
  std::vector<Pages> pages_;  // of the chunks
  std::array<Pool, FlowClass::kCount> pools_;
  std::unordered_map<uint32_t, Tuple> replies_;  // of flows with kOwnReply
};

}  // namespace sallyport
