// Named sets: ipset.
//
// Text makes and changes sets between bursts (`restore`), packets ask and change
// them on the packet path (`match`, `add`, `remove`). A text applies as a whole or
// not at all: it runs on a copy of the store.
//
// All elements but those of list:set lie in one pool (pool.h); a bitmap:port is
// kept like a hash of ports, which saves a second kind of storage and its
// 65536 slots. Networks are looked up by prefix length, longest first, over the
// lengths that the set has.
//
// Behaviour follows ipset 7.17 and Linux 6.18, asked by experiment (kernel-facts
// 11, 26, 48 to 51, and the notes beside the code). It differs on purpose where the
// kernel's ways are memory management: which hashsize is printed after growing,
// the order of elements in `save` (ours is sorted), and an initval that nobody gave.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/diagnostic.h"
#include "packet/packet.h"
#include "sets/element.h"
#include "sets/pool.h"
#include "sets/query.h"
#include "sets/set_type.h"

namespace sallyport {

// What `ipset add` says beside the element.
struct AddOptions {
  bool exist = false;
  std::optional<uint32_t> timeout;
  std::optional<uint64_t> packets;
  std::optional<uint64_t> bytes;
  std::optional<std::string_view> comment;
  bool nomatch = false;
};

// One set that was consulted, in words, for `explain`.
struct SetLookup {
  std::string set;
  std::string looked_up;  // "192.168.1.7,udp:1900"; empty: the packet has no such thing
  std::string element;    // that decided; empty: none
  bool matched = false;
  bool nomatch = false;                  // the element says so
  std::optional<uint64_t> seconds_left;  // of an element that will expire
  std::string why;                       // not matched: because
};

class SetStore {
 public:
  static constexpr size_t kMostSets = 65534;  // the kernel's limit
  static constexpr size_t kRoom = 4096;       // packets' adds between two reserve()
  static constexpr size_t kExpired = 4096;    // the last elements that expired, for explain()

  struct Limits {
    uint64_t elements = 1u << 24;  // in all sets together: 1 GiB
    uint64_t expanded = 1u << 26;  // that the ranges of one text stand for
  };

  explicit SetStore(const HashKey& key) : SetStore(key, Limits{}) {}
  SetStore(const HashKey& key, const Limits& limits) : pool_(key), limits_(limits) {}

  // Text. `restore` reads what `ipset restore` reads; false, and nothing has
  // changed, where `diagnostics` has any error.
  bool restore(std::string_view text, Tick now, Diagnostics& diagnostics);
  std::string save(Tick now) const;

  // For whoever keeps sets over a restart, bit by bit. Elements lie in places, numbers below
  // places(), for as long as they live; each belongs to an owner, which is how outlines() numbers
  // the sets.
  struct Outline {
    uint32_t owner = 0;
    std::string name;
    std::string create;                // behind the name
    std::vector<std::string> members;  // of a list:set: behind its name
  };
  uint64_t edits() const { return edits_; }  // texts that were applied: outlines may have changed
  std::vector<Outline> outlines(Tick now) const;
  uint32_t places() const { return pool_.places(); }
  const ElementPool::Node* at(uint32_t place) const;  // null: free
  // What stands behind the set's name in the line that adds it, but for its timeout.
  std::string element_words(uint32_t place) const;

  // Whether that element is in the set, as `ipset test` asks: an address is in a network that
  // holds it, a set in a list. The error is about `element`, or says that there is no such set.
  Result<bool> test(std::string_view set, std::string_view element, Tick now) const;

  // Names and descriptions.
  std::vector<std::string> names() const;  // in the order of save()
  std::optional<SetRef> find(std::string_view name) const;
  const SetOptions* options(SetRef ref) const;  // null: destroyed
  const std::string& name(SetRef ref) const;    // empty: destroyed
  uint32_t elements(SetRef ref) const;          // the expired ones not yet removed included

  // The packet path. A dimension too few, another family, a port that the packet
  // does not have: no match, nothing added.
  SetAnswer match(SetRef ref, const Packet& packet, const SetQuery& query, SetMoment moment);
  SetAnswer add(SetRef ref, const Packet& packet, const SetQuery& query, SetMoment moment);
  SetAnswer remove(SetRef ref, const Packet& packet, const SetQuery& query, SetMoment moment);
  // Adds that failed because more than kRoom came between two reserve().
  uint64_t adds_without_room() const { return adds_without_room_; }

  // Between bursts: drops what has expired, makes room for kRoom adds, rehashes.
  void reserve(Tick now);

  // The sets that `match` would consult, in order; changes nothing.
  std::vector<SetLookup> explain(SetRef ref, const Packet& packet, const SetQuery& query, Tick now);

 private:
  friend class SetReader;
  static constexpr uint32_t kNone = ElementPool::kNone;
  using Status = std::expected<void, std::string>;

  // The prefix lengths that a set has, so that a lookup tries only these.
  class PrefixLengths {
   public:
    void add(int length);
    void remove(int length);
    int longest() const { return below(129); }
    int below(int length) const;  // the next shorter one; 0: none

   private:
    std::array<uint32_t, 129> counts_{};
    std::array<uint64_t, 2> present_{};  // bit length - 1
  };
  struct Member {
    uint32_t set = 0;
    Extras extras;
    std::string comment;
  };
  struct Set {
    std::string name;  // empty: the slot is free
    uint32_t generation = 0;
    uint32_t uses = 0;   // by lists
    uint32_t owner = 0;  // by which the pool knows its elements; `swap` exchanges them
    SetOptions options;
    ElementPool::Index index;
    PrefixLengths lengths;
    std::vector<Member> members;  // list:set
  };
  enum class Added : uint8_t { kAdded, kRefreshed, kExists, kFull, kNoRoom };
  // An element that is no more. They lie in a ring that is written where one is erased, which
  // packets seldom do, and read by explain() alone.
  struct Expired {
    uint32_t owner = kNone;
    Element element;
    Tick deadline = 0;
  };
  // What a refresh or an insert writes.
  struct Values {
    Tick deadline = 0;
    std::optional<uint64_t> packets;
    std::optional<uint64_t> bytes;
    bool nomatch = false;
    bool exist = false;
  };

  // Edits by text (set_store.cc).
  Status create(std::string_view name, const SetOptions& options, bool exist);
  Status destroy(uint32_t set);
  void destroy_all();
  void flush(uint32_t set);
  Status rename(uint32_t set, std::string_view name);
  Status swap(uint32_t a, uint32_t b);
  Status add_range(uint32_t set, const ElementRange& range, const AddOptions& options, Tick now);
  Status remove_range(uint32_t set, const ElementRange& range, bool exist, Tick now);
  struct Place {  // beside another member of the list
    uint32_t beside = 0;
    bool before = true;
  };
  Status add_member(uint32_t list, uint32_t member, std::optional<Place> place,
                    const AddOptions& options, Tick now);
  Status remove_member(uint32_t list, uint32_t member, std::optional<Place> place, bool exist,
                       Tick now);
  void drop_expired_members(Set& list, Tick now);
  uint32_t index_of(std::string_view name) const;  // kNone: no such set

  // Text (save.cc).
  std::string_view comment_of(uint32_t node) const;  // empty: none
  std::string member_words(const Set& list, const Member& member, Tick now) const;

  // False: the text has stood for too many elements.
  bool spend(uint64_t elements) { return (expanded_ += elements) <= limits_.expanded; }

  // Elements (lookup.cc).
  const Set* get(SetRef ref) const;
  bool count_and_test(Extras& extras, const Set& set, const Packet& packet, const SetQuery& query,
                      bool update, SetMoment moment) const;
  SetAnswer match_in(uint32_t set, const Packet& packet, const SetQuery& query, SetMoment moment,
                     bool as_member);
  SetAnswer match_list(uint32_t list, const Packet& packet, const SetQuery& query,
                       SetMoment moment);
  SetAnswer add_in(uint32_t set, const Packet& packet, const SetQuery& query, SetMoment moment);
  SetAnswer remove_in(uint32_t set, const Packet& packet, const SetQuery& query, SetMoment moment);
  Added add_element(uint32_t set, const Element& element, const Values& values, Tick now,
                    uint32_t& node);
  void erase(uint32_t node);
  void expire(uint32_t node);
  std::optional<Tick> expired_at(const Set& set, Element element) const;
  uint32_t find_alive(const Set& set, const Element& element, Tick now) const;

  SetLookup lookup_text(uint32_t set, const Packet& packet, const SetQuery& query,
                        const SetAnswer& answer, Tick now) const;

  ElementPool pool_;
  Limits limits_;
  std::vector<Set> sets_;
  std::vector<uint32_t> slot_of_;  // by owner: the set's index
  std::set<uint32_t> free_slots_;
  std::unordered_map<std::string, uint32_t> names_;
  std::vector<uint32_t> crowded_;  // sets to rehash; its capacity is kRoom
  std::vector<Expired> expired_ = std::vector<Expired>(kExpired);
  size_t next_expired_ = 0;  // where the oldest of them lies
  uint64_t adds_without_room_ = 0;
  uint64_t edits_ = 0;
  uint64_t expanded_ = 0;  // elements that the text at hand has stood for
};

}  // namespace sallyport
