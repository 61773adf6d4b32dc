// Which rules of a long chain a packet can match, without a walk over the others.
//
// A rule begins with conditions on addresses, ports, protocol and interfaces. Each allows an
// interval of one word (a prefix is one, and an interface's name is four words in reading order),
// so what they allow together is a box, and a packet is a point. A chain's boxes are put into
// decision trees; the leaf that a point comes to lists the boxes that meet the leaf's region, in
// the chain's order. The first of them that has the point in it is the next rule to run: from its
// first condition on, or from its target where the box is all that it asks. A rule that does not
// decide comes back for the next one.
//
// Why it is right:
// - A box may be too wide, never too narrow: a condition that is no interval (a negated one, a mask
//   with holes) leaves its word free, and the rule's own instructions ask it. So a rule that is
//   skipped fails at a condition of its box. What stands before that condition compares words: no
//   set, no limit is asked, because only what stands before a rule's first call is in its box.
// - No target changes a word that is indexed (marks and states are not). So after a LOG, a MARK or
//   a chain that returned, the same list goes on: no target splits a chain.
// - A header that is not there drops a packet at the first rule that asks for it. So a rule is
//   skipped at a condition behind such a question only for packets that have the header; all
//   others (fragments, packets cut short, IPv6 ones without a transport header) walk.
// - What is indexed is the same for all packets of a flow in one direction, so a decision that a
//   flow remembers (engine/decisions.h) may rest on it.
//
// The trees. A node is a cache line: fifteen values that part one word's range, taken from where
// the boxes of its region begin and end. A leaf with a short list is a cache line as well. For ten
// thousand rules a path is some four lines. A box that spans several children is copied to each,
// which is what such trees die of: rules that only ask for a source and others that only ask for
// a destination need a leaf for every pair. So the copies are bounded, one tree is tried first,
// and where that does not do the boxes are divided into up to four trees: narrow in source and
// destination, in one of them, or in neither. Their lists are merged as they are read. When four
// trees do not do either, leaves stay as long as they are: memory and the time to build are
// bounded by the number of rules, whatever the rules say, and the worst lookup is a walk.
//
// A lookup takes as many steps in each tree as the deepest has levels, and in all trees at once: a
// leaf is its own child. Nothing is left to guess for the processor, and misses overlap. So do
// those of several packets that are looked up together, which the engine does before it judges
// them.
//
// It leaves out: conditions behind a set, a limit or another call; marks, states, ICMP types.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "packet/packet.h"

namespace sallyport {

using Pc = uint32_t;
struct Program;

// The words that are indexed: the first of the packet's row, then the interfaces' names.
namespace dimension {
constexpr uint32_t kProtocol = static_cast<uint32_t>(Field::kProtocol);
constexpr uint32_t kSource = static_cast<uint32_t>(Field::kSource0);
constexpr uint32_t kDestination = static_cast<uint32_t>(Field::kDestination0);
constexpr uint32_t kSourcePort = static_cast<uint32_t>(Field::kSourcePort);
constexpr uint32_t kDestinationPort = static_cast<uint32_t>(Field::kDestinationPort);
constexpr uint32_t kFields = kDestinationPort + 1;
constexpr uint32_t kIn = kFields, kOut = kIn + 4, kCount = kOut + 4;
}  // namespace dimension

struct Interval {
  uint32_t low, high;
  bool contains(const Interval& other) const { return low <= other.low && other.high <= high; }
  bool meets(const Interval& other) const { return low <= other.high && other.low <= high; }
};
using Box = std::array<Interval, dimension::kCount>;

// A rule, or a part of one: a list of ports is a box each.
struct BoxedRule {
  Pc rule;       // what to run of it
  bool decides;  // the box is all that it asks, and then no later rule of the chain matters
  Box box;
};

class Classifier;

// Where a packet is in the trees of a chain: what Classifier::look_up() finds, and RuleFinder goes
// on from.
struct Location {
  static constexpr size_t kMaxTrees = 4;
  const Classifier* of = nullptr;  // null: nowhere
  // The packet's words, by the kind of the lines that ask for them.
  std::array<uint32_t, 32> point;
  // For each tree: in the list of the point's leaf, the next box.
  std::array<const uint32_t*, kMaxTrees> lists;
  Pc first;  // what to run of the first rule that the packet can match
};

class Classifier {
 public:
  // By protocol: packets walk that do not have so many bytes of a transport header.
  using Headers = std::array<uint32_t, 256>;

  // Rules in the chain's order, parts of one beside each other; `end` is behind them all.
  Classifier(const std::vector<BoxedRule>& rules, const Headers& headers, Pc end);

  // Looks up packets, at most kAtOnce, each into its own location. One that has to walk is nowhere.
  static constexpr size_t kAtOnce = 8;
  void look_up(std::span<const Packet* const> packets, std::span<Location* const> locations) const;
  // Lines are compared whole: where the machine can; tests turn it off.
  static bool wide;

  // "by src dst dport boxes 1000 trees 3 depth 4 lines 421 words 17"
  std::string text() const;
  size_t memory() const;

 private:
  friend class ClassifierBuilder;
  friend class RuleFinder;

  // Of a tree: its kind, a node's dimension (an index into dimensions_), and the first of its
  // children, which stand together. A node's words are the last values of all its children but
  // the last one, padded with ~0. A leaf's are its list, or where that begins in lists_; it is
  // parted in a dimension in which every point is 0, and its only child is itself.
  struct alignas(64) Line {
    static constexpr uint32_t kKindBits = 5, kKinds = 1u << kKindBits;
    static constexpr uint32_t kLeaf = 31, kLongLeaf = 30;
    uint32_t head;
    std::array<uint32_t, 15> words;
    uint32_t kind() const { return head % kKinds; }
    uint32_t first() const { return head / kKinds; }
    uint32_t child_of(uint32_t value) const;
  };
  static_assert(dimension::kCount <= Line::kLongLeaf);
  static_assert(Line::kKinds == std::tuple_size_v<decltype(Location::point)>);
  static constexpr uint32_t kMaxTrees = Location::kMaxTrees;

  bool walks(const Packet& packet) const {
    uint32_t bytes = headers_[packet.protocol()];
    bool has = packet.fragment_offset == 0 &&
               packet.presence(packet.transport, bytes) == Presence::kPresent;
    return packet.no_transport || (bytes > 0 && !has);
  }
  void read_point(const Packet& packet, Location& location) const;
  // For each packet, and in each tree, the line that it is at.
  using Lines = std::array<std::array<uint32_t, kMaxTrees>, kAtOnce>;
  void go_down(std::span<Location* const> locations, Lines& at) const;
  void go_down_wide(std::span<Location* const> locations, Lines& at) const;
  const uint32_t* list_of(const Line& leaf) const;
  bool contains(const uint32_t* row, const Location& location) const;
  Pc next(Location& location, Pc here) const;

  std::vector<uint8_t> dimensions_;  // that any rule asks for
  bool asks_interface_ = false;
  uint32_t trees_ = 0;
  uint32_t depth_ = 0;       // of the deepest leaf; a root has 0
  std::vector<Line> lines_;  // the trees' roots are the first
  // Of longer leaves, as lists are: where their boxes begin in rows_, the last one's at the end.
  std::vector<uint32_t> lists_;
  // Of each box: the rule, the first value of each dimension's interval, and of each its length
  // less one. The last one is everything, and its rule is what is behind the chain.
  std::vector<uint32_t> rows_;
  Headers headers_;
};

// The next rule to run of the chain at hand.
class RuleFinder {
 public:
  // `ahead`: where the packet has been looked up already, in whatever chain; it is used up. May be
  // null.
  explicit RuleFinder(Location* ahead) : ahead_(ahead) {}

  // What to run first.
  Pc first(const Classifier& classifier, const Packet& packet, Pc here);
  // What to run after a rule that failed or goes on; `here` is behind it.
  Pc next(const Classifier& classifier, const Packet& packet, Pc here);

 private:
  void look_up(const Classifier& classifier, const Packet& packet);

  const Classifier* of_ = nullptr;
  Location* at_ = nullptr;
  Location* ahead_;
  Location own_;
};

// Gives every chain of at least `smallest` rules a classifier. Over fewer than kIndexedFrom a walk
// is as fast.
constexpr uint32_t kIndexedFrom = 12, kNotIndexed = ~0u;
void index_chains(Program& program, uint32_t smallest);

}  // namespace sallyport
