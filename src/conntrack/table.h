// The flow table: entries that never move, and an index of them by tuple.
//
// Entries are two cache lines in chunks that stay where they are, so that a
// prefetched address stays right and an id is an index and a generation. The
// index is an array of buckets of one cache line: ten slots of a 16-bit tag of
// the hash and a 32-bit reference. A full bucket sends what it cannot take to
// the next one and counts it, so a search ends at the first bucket that sent
// nothing on: nearly always the first, for a load of at most 7 in 10.
//
// Both directions of a flow have one hash, since endpoints are put in order
// before hashing; so one slot finds the flow either way, and comparing the
// tuple tells the direction. Only a flow whose directions lie in different
// zones, or whose reply tuple is not the inverse of the original (NAT), has two slots,
// each good for one direction. Such a reply tuple is kept beside the entries.
//
// Costs, of a flow: 128 bytes, and 6 to 18 of index; a reply tuple of its own, some 70 and a slot
// more. Growth doubles the index at once, between bursts; it never shrinks. The most flows are
// 2^30.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "conntrack/flow.h"

namespace sallyport {

class FlowTable {
 public:
  explicit FlowTable(const HashKey& key);

  // Makes room for `flows` more. True if indices beyond size() came into being. Allocates.
  bool reserve(size_t flows);
  // Indices are below this.
  size_t size() const { return chunks_.size() * kChunk; }
  size_t memory() const;

  // An entry that no lookup finds yet; 0 if there is none free (see reserve()).
  uint32_t allocate();
  // Gives back an entry that is not in the index; its ids find nothing from now on.
  void release(uint32_t index);

  Flow& operator[](uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const Flow& operator[](uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }
  bool alive(FlowId id) const {
    return id.generation && id.index < size() && (*this)[id.index].generation == id.generation;
  }

  // Gives an entry that is not in the index a reply tuple of its own. Allocates.
  void set_reply(uint32_t index, const Tuple& reply);
  // The tuple of its packets that go the other way.
  Tuple reply_of(uint32_t index) const;

  // False if the index has no room (see reserve()).
  bool insert(uint32_t index);
  void erase(uint32_t index);

  struct Found {
    uint32_t index = 0;  // 0: nothing
    Direction direction = Direction::kOriginal;
  };
  // The flow of which a packet with this tuple, in this zone, is part. With equal
  // endpoints the packet is its flow's reply (kernel-facts 23).
  Found find(const Tuple& tuple, const Zone& zone) const;

  // A flow that keeps this entry, which is not in the index, out of it: one of its tuples is a
  // tuple of that flow, in the same zone. Of an entry whose directions lie in different zones, only
  // the other's tuple of the same direction counts (seen on the kernel). One with NAT is in
  // nobody's way with its packets' tuple: NAT would give the entry other answers.
  Found find_clash(uint32_t index) const;

  // In the two steps of a burst: the bucket, then the entries that its tags suggest.
  uint64_t hash(const Tuple& tuple, uint16_t zone) const;
  void prefetch_bucket(uint64_t hash) const { __builtin_prefetch(&buckets_[home(hash)]); }
  void prefetch_entries(uint64_t hash) const;

  // Calls visit(index) for the entries of up to `buckets` buckets around a hash,
  // until it returns true.
  template <typename Visit>
  bool near(uint64_t hash, size_t buckets, Visit visit) const {
    for (size_t i = 0; i < buckets && i < buckets_.size(); i++) {
      for (uint32_t ref : buckets_[(home(hash) + i) & mask_].refs) {
        if (ref && visit(ref & kIndexMask)) return true;
      }
    }
    return false;
  }
  // Calls visit(index) for every entry in the index.
  template <typename Visit>
  void each(Visit visit) const {
    for (const Bucket& bucket : buckets_) {
      for (uint32_t ref : bucket.refs) {
        if (ref && ref & kOriginalSide) visit(ref & kIndexMask);
      }
    }
  }

 private:
  static constexpr size_t kChunk = 4096;
  static constexpr size_t kSlots = 10;
  static constexpr size_t kFill = 7;  // slots of a bucket that are filled on the average, at most
  // A reference: the entry, and which of its directions the slot is good for.
  static constexpr uint32_t kOriginalSide = 1u << 30, kReplySide = 1u << 31,
                            kBothSides = kOriginalSide | kReplySide, kIndexMask = (1u << 30) - 1;

  struct alignas(64) Bucket {
    uint16_t tags[kSlots] = {};  // never 0 where there is a reference
    uint32_t overflow = 0;       // references that passed this full bucket by
    uint32_t refs[kSlots] = {};
  };
  static_assert(sizeof(Bucket) == 64);

  static uint16_t tag_of(uint64_t hash) {
    auto tag = static_cast<uint16_t>(hash >> 48);
    return tag ? tag : 1;
  }
  size_t home(uint64_t hash) const { return static_cast<size_t>(hash) & mask_; }
  static uint32_t matches(const Bucket& bucket, uint16_t tag);
  Found find_in_zone(const Tuple& tuple, const Tuple& inverse, uint16_t zone, uint32_t sides) const;
  bool is_reply(uint32_t index, const Tuple& tuple, const Tuple& inverse) const;
  // Calls visit(hash, ref) for every slot that the entry has in the index.
  template <typename Visit>
  void slots(uint32_t index, Visit visit) const;
  std::optional<Direction> side_of(uint32_t ref, const Tuple& tuple, const Tuple& inverse,
                                   uint16_t zone) const;
  void insert_slot(uint64_t hash, uint32_t ref);
  void put_first(uint64_t hash, uint32_t ref);
  void erase_slot(uint64_t hash, uint32_t ref);
  void rebuild(size_t buckets);

  HashKey key_;
  std::vector<Bucket> buckets_;
  size_t mask_ = 0;
  size_t used_ = 0;  // slots
  std::vector<std::unique_ptr<Flow[]>> chunks_;
  std::vector<uint32_t> free_;                   // indices
  std::unordered_map<uint32_t, Tuple> replies_;  // of flows with kOwnReply
};

}  // namespace sallyport
