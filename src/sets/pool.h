// The elements of all hash sets of a store, in one pool.
//
// One pool for all sets, so that room made between bursts serves whichever set
// the burst's SET targets add to, and ten thousand small sets cost ten thousand
// small elements. An element is one cache line; a set has buckets of indices
// into the pool, and a keyed hash picks the bucket. Elements with a timeout are
// in one heap as well, soonest first, whatever their set: what has expired is at
// its top, so that a full set knows at once whether an element of it is dead.
//
// find, insert, erase and set_deadline allocate nothing; insert fails when there
// is no room, which grow() makes between bursts. Chains grow longer until
// rehash(), also between bursts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "sets/element.h"

namespace sallyport {

// What an element carries beside its key.
struct Extras {
  Tick deadline = 0;  // the last tick at which it is alive; 0: no end
  uint64_t packets = 0;
  uint64_t bytes = 0;
  bool nomatch = false;
  bool has_comment = false;

  // Alive at the deadline, dead one tick after (kernel-facts 11).
  bool alive(Tick now) const { return deadline == 0 || now <= deadline; }
};

class ElementPool {
 public:
  static constexpr uint32_t kNone = ~0u;

  // One set's way into the pool.
  struct Index {
    std::vector<uint32_t> buckets = std::vector<uint32_t>(8, kNone);  // a power of two of them
    uint32_t count = 0;  // elements, the expired ones that are still there included

    bool crowded() const { return count > buckets.size(); }
  };
  struct Node {
    Element element;
    uint32_t owner = kNone;  // the set, as the store numbers them; kNone: the node is free
    uint32_t next = kNone;   // in the bucket, or in the free list
    uint32_t place = kNone;  // in the heap
    Extras extras;
  };

  explicit ElementPool(const HashKey& key) : key_(key) {}

  Node& operator[](uint32_t node) { return nodes_[node]; }
  const Node& operator[](uint32_t node) const { return nodes_[node]; }
  size_t size() const { return nodes_.size() - free_count_; }
  uint32_t places() const { return static_cast<uint32_t>(nodes_.size()); }

  // The node, expired or not, or kNone.
  uint32_t find(const Index& index, const Element& element) const;
  // `element` must not be there. kNone: no room.
  uint32_t insert(Index& index, uint32_t owner, const Element& element, const Extras& extras);
  void erase(Index& index, uint32_t node);
  void set_deadline(uint32_t node, Tick deadline);
  // The element that expires first, if it has expired; else kNone.
  uint32_t expired(Tick now) const;

  const std::string& comment(uint32_t node) const { return comments_[node]; }

  // Between bursts.
  void set_comment(uint32_t node, std::string_view comment);
  void grow(size_t room);  // so that `room` inserts cannot fail
  void rehash(Index& index);
  void clear(Index& index);

 private:
  size_t bucket_of(const Index& index, const Element& element) const;
  bool before(uint32_t a, uint32_t b) const {
    return nodes_[a].extras.deadline < nodes_[b].extras.deadline;
  }
  void put(size_t place, uint32_t node);
  void sift_up(size_t place);
  void sift_down(size_t place);
  void leave_heap(uint32_t node);

  HashKey key_;
  std::vector<Node> nodes_;
  uint32_t free_ = kNone;
  size_t free_count_ = 0;
  std::vector<uint32_t> heap_;         // nodes; its capacity is that of nodes_
  std::vector<std::string> comments_;  // by node, as far as any had one
};

static_assert(sizeof(ElementPool::Node) == 64);

}  // namespace sallyport
