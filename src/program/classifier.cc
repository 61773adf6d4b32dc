// Building the trees: the fullest region is parted first, until all are small or no more copies
// are allowed. See classifier.h for the idea.
//
// A region is parted in the dimension after which its children, taken together, are least work,
// at up to fifteen of the places where boxes begin or end: quantiles of these places, so that
// children have about equally many. A box that covers a region and decides hides whatever comes
// after it there, which is what keeps rules for everybody from being copied everywhere.
#include "program/classifier.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/byte_order.h"

namespace sallyport {
namespace {

constexpr Interval kAnyWord{0, ~0u};

bool covers(const Box& box, const Box& region) {
  return std::equal(box.begin(), box.end(), region.begin(),
                    [](const Interval& side, const Interval& of) { return side.contains(of); });
}

}  // namespace

class ClassifierBuilder {
 public:
  ClassifierBuilder(Classifier& classifier, const std::vector<BoxedRule>& rules, Pc end)
      : classifier_(classifier), rules_(rules), end_(end), dimensions_(classifier.dimensions_) {
    for (uint32_t d = 0; d < dimension::kCount; d++) {
      bool asked = std::ranges::any_of(
          rules_, [&](const BoxedRule& rule) { return !rule.box[d].contains(kAnyWord); });
      if (asked) dimensions_.push_back(static_cast<uint8_t>(d));
    }
    classifier_.asks_interface_ = !dimensions_.empty() && dimensions_.back() >= dimension::kIn;
  }

  void build() {
    write_rows();
    Members all(rules_.size());
    std::iota(all.begin(), all.end(), 0u);
    if (!grow({all})) grow(divided());
    classifier_.lines_.shrink_to_fit();
    classifier_.lists_.shrink_to_fit();
  }

 private:
  using Line = Classifier::Line;
  using Members = std::vector<uint32_t>;  // indices into rules_, ascending

  static constexpr size_t kSmallLeaf = 4;
  static constexpr size_t kCopiesPerRule = 24;
  static constexpr size_t kLinesPerRule = 8;
  static constexpr size_t kAllowance = 1024;  // for chains of few rules

  struct Leaf {
    uint32_t line;
    uint32_t depth;
    Members members;
    Box region;
    // The fullest is the largest; the same on every machine.
    friend bool operator<(const Leaf& a, const Leaf& b) {
      return std::pair(a.members.size(), b.line) < std::pair(b.members.size(), a.line);
    }
  };

  struct Split {
    uint32_t kind = 0, dimension = 0;
    std::vector<uint32_t> lasts;  // of all children but the last one
    size_t members = 0;           // of all children
    double work = 0;
  };

  // A tree for each group. False: some leaves are longer than they should be.
  bool grow(const std::vector<Members>& groups) {
    classifier_.lines_.assign(groups.size(), {});
    classifier_.lists_.clear();
    classifier_.trees_ = static_cast<uint32_t>(groups.size());
    classifier_.depth_ = 0;
    Box everywhere;
    everywhere.fill(kAnyWord);
    std::vector<Leaf> heap;
    for (uint32_t i = 0; i < groups.size(); i++) {
      heap.push_back({i, 0, visible(groups[i], everywhere), everywhere});
    }
    std::make_heap(heap.begin(), heap.end());
    size_t copies = rules_.size();
    bool fits = true;
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end());
      Leaf leaf = std::move(heap.back());
      heap.pop_back();
      std::optional<Split> split;
      if (leaf.members.size() > kSmallLeaf) split = best_split(leaf);
      if (split && !has_room(copies += split->members - leaf.members.size(), *split)) {
        fits = false;
        split.reset();
      }
      if (split) {
        part(leaf, *split, heap);
      } else {
        finish(leaf);
      }
    }
    return fits;
  }

  bool has_room(size_t copies, const Split& split) const {
    size_t lines = classifier_.lines_.size() + split.lasts.size() + 1;
    return copies <= kAllowance + kCopiesPerRule * rules_.size() &&
           lines <= kAllowance + kLinesPerRule * rules_.size();
  }

  // Those of `members` that a packet of the region can come to.
  Members visible(const Members& members, const Box& region) const {
    Members result;
    for (uint32_t i : members) {
      const BoxedRule& rule = rules_[i];
      bool meets = std::ranges::all_of(dimensions_,
                                       [&](uint32_t d) { return rule.box[d].meets(region[d]); });
      if (!meets) continue;
      result.push_back(i);
      if (rule.decides && covers(rule.box, region)) break;
    }
    return result;
  }

  std::optional<Split> best_split(const Leaf& leaf) const {
    std::optional<Split> best;
    for (uint32_t i = 0; i < dimensions_.size(); i++) {
      std::optional<Split> split = split_at(leaf, i);
      if (split && (!best || split->work < best->work)) best = std::move(split);
    }
    return best;
  }

  std::optional<Split> split_at(const Leaf& leaf, uint32_t index) const {
    uint32_t d = dimensions_[index];
    Interval range = leaf.region[d];
    std::vector<uint32_t> lasts;
    for (uint32_t i : leaf.members) {
      Interval side = rules_[i].box[d];
      if (side.low > range.low) lasts.push_back(side.low - 1);
      if (side.high < range.high) lasts.push_back(side.high);
    }
    if (lasts.empty()) return std::nullopt;
    Split split{.kind = index, .dimension = d, .lasts = quantiles(lasts)};
    return weigh(leaf, split) ? std::optional(std::move(split)) : std::nullopt;
  }

  static std::vector<uint32_t> quantiles(std::vector<uint32_t>& values) {
    constexpr size_t kMost = std::tuple_size_v<decltype(Line::words)>;
    std::ranges::sort(values);
    std::vector<uint32_t> distinct = values;
    distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
    if (distinct.size() <= kMost) return distinct;
    std::vector<uint32_t> result;
    for (size_t i = 1; i <= kMost; i++) {
      uint32_t value = values[values.size() * i / (kMost + 1)];
      if (result.empty() || result.back() != value) result.push_back(value);
    }
    return result;
  }

  // How many members the children get. False: one of them gets all.
  bool weigh(const Leaf& leaf, Split& split) const {
    std::vector<size_t> begin(split.lasts.size() + 2);
    std::vector<size_t> end(begin.size());
    auto child_of = [&](uint32_t value) {
      return static_cast<size_t>(std::ranges::lower_bound(split.lasts, value) -
                                 split.lasts.begin());
    };
    for (uint32_t i : leaf.members) {
      Interval side = rules_[i].box[split.dimension];
      begin[child_of(std::max(side.low, leaf.region[split.dimension].low))]++;
      end[child_of(std::min(side.high, leaf.region[split.dimension].high)) + 1]++;
    }
    size_t inside = 0, most = 0;
    for (size_t child = 0; child <= split.lasts.size(); child++) {
      inside += begin[child] - end[child];
      split.members += inside;
      split.work += static_cast<double>(inside) * static_cast<double>(inside);
      most = std::max(most, inside);
    }
    return most < leaf.members.size();
  }

  void part(const Leaf& leaf, const Split& split, std::vector<Leaf>& heap) {
    uint32_t first = static_cast<uint32_t>(classifier_.lines_.size());
    Line& line = classifier_.lines_[leaf.line];
    line.head = first * Line::kKinds + split.kind;
    line.words.fill(~0u);
    std::ranges::copy(split.lasts, line.words.begin());
    classifier_.lines_.resize(first + split.lasts.size() + 1);
    Box region = leaf.region;
    Interval& side = region[split.dimension];
    for (uint32_t child = 0; child <= split.lasts.size(); child++) {
      bool last = child == split.lasts.size();
      side.high = last ? leaf.region[split.dimension].high : split.lasts[child];
      heap.push_back({first + child, leaf.depth + 1, visible(leaf.members, region), region});
      std::push_heap(heap.begin(), heap.end());
      side.low = side.high + 1;
    }
  }

  void finish(const Leaf& leaf) {
    std::vector<uint32_t> list;
    for (uint32_t i : leaf.members) list.push_back(row_of(i));
    list.push_back(row_of(static_cast<uint32_t>(rules_.size())));
    classifier_.depth_ = std::max(classifier_.depth_, leaf.depth);
    Line& line = classifier_.lines_[leaf.line];
    bool is_short = list.size() <= line.words.size();
    line.head = leaf.line * Line::kKinds + (is_short ? Line::kLeaf : Line::kLongLeaf);
    if (is_short) {
      std::ranges::copy(list, line.words.begin());
      return;
    }
    line.words[0] = static_cast<uint32_t>(classifier_.lists_.size());
    classifier_.lists_.insert(classifier_.lists_.end(), list.begin(), list.end());
  }

  uint32_t row_of(uint32_t i) const {
    return i * (1 + 2 * static_cast<uint32_t>(dimensions_.size()));
  }

  void write_rows() {
    std::vector<uint32_t>& rows = classifier_.rows_;
    rows.reserve(row_of(static_cast<uint32_t>(rules_.size()) + 1));
    for (const BoxedRule& rule : rules_) {
      rows.push_back(rule.rule);
      for (uint32_t d : dimensions_) rows.push_back(rule.box[d].low);
      for (uint32_t d : dimensions_) rows.push_back(rule.box[d].high - rule.box[d].low);
    }
    rows.push_back(end_);
    rows.insert(rows.end(), dimensions_.size(), 0);
    rows.insert(rows.end(), dimensions_.size(), ~0u);
  }

  // By what they are narrow in: source, destination, both, neither.
  std::vector<Members> divided() const {
    std::vector<bool> source = narrow(dimension::kSource), to = narrow(dimension::kDestination);
    std::array<Members, Classifier::kMaxTrees> groups;
    for (uint32_t i = 0; i < rules_.size(); i++) groups[source[i] * 2 + to[i]].push_back(i);
    std::vector<Members> result;
    for (Members& group : groups) {
      if (!group.empty()) result.push_back(std::move(group));
    }
    return result;
  }

  // Those that span few of the places where an address' boxes begin and end.
  std::vector<bool> narrow(uint32_t address) const {
    constexpr size_t kFew = 16;  // one in as many
    std::vector<bool> result(rules_.size());
    for (uint32_t d = address; d < address + 4; d++) {
      std::vector<uint32_t> places;
      for (const BoxedRule& rule : rules_) {
        if (rule.box[d].low > 0) places.push_back(rule.box[d].low - 1);
        if (rule.box[d].high < ~0u) places.push_back(rule.box[d].high);
      }
      std::ranges::sort(places);
      places.erase(std::ranges::unique(places).begin(), places.end());
      for (uint32_t i = 0; i < rules_.size(); i++) {
        Interval side = rules_[i].box[d];
        auto spanned = std::ranges::lower_bound(places, side.high) -
                       std::ranges::lower_bound(places, side.low);
        if (static_cast<size_t>(spanned) * kFew < places.size()) result[i] = true;
      }
    }
    return result;
  }

  Classifier& classifier_;
  const std::vector<BoxedRule>& rules_;
  Pc end_;
  std::vector<uint8_t>& dimensions_;  // of the classifier
};

Classifier::Classifier(const std::vector<BoxedRule>& rules, const Headers& headers, Pc end)
    : headers_(headers) {
  ClassifierBuilder(*this, rules, end).build();
}

void Classifier::read_point(const Packet& packet, Location& location) const {
  auto& point = location.point;
  point[Line::kLeaf] = point[Line::kLongLeaf] = 0;
  if (!asks_interface_) {
    for (size_t i = 0; i < dimensions_.size(); i++) point[i] = packet.fields.words[dimensions_[i]];
    return;
  }
  static constexpr InterfaceName kNone{};
  std::array<uint32_t, dimension::kCount> words;
  std::copy_n(packet.fields.words.begin(), dimension::kFields, words.begin());
  uint32_t* word = &words[dimension::kIn];
  for (const InterfaceName* name : {packet.in, packet.out}) {
    if (!name) name = &kNone;
    for (size_t i = 0; i < name->bytes.size(); i += 4) {
      *word++ = reinterpret_cast<const be32*>(&name->bytes[i])->value();
    }
  }
  for (size_t i = 0; i < dimensions_.size(); i++) point[i] = words[dimensions_[i]];
}

// How many words are less than the value; the head is compared with them and left out.
[[gnu::always_inline]] inline uint32_t Classifier::Line::child_of(uint32_t value) const {
#ifdef __SSE4_1__
  const auto* quarters = reinterpret_cast<const __m128i*>(this);
  const __m128i values = _mm_set1_epi32(static_cast<int>(value));
  auto not_less = [&](size_t quarter) {  // all bits of a word, or none
    const __m128i words4 = _mm_load_si128(quarters + quarter);
    return _mm_cmpeq_epi32(_mm_max_epu32(words4, values), words4);
  };
  const __m128i halves = _mm_packs_epi16(_mm_packs_epi32(not_less(0), not_less(1)),
                                         _mm_packs_epi32(not_less(2), not_less(3)));
  const auto bits = static_cast<unsigned>(_mm_movemask_epi8(halves)) >> 1;
  return static_cast<uint32_t>(std::countr_zero(bits | 1u << words.size()));
#else
  uint32_t less = 0;
  for (uint32_t word : words) less += word < value;
  return less;
#endif
}

// Its first row is on its way to the cache.
inline const uint32_t* Classifier::list_of(const Line& leaf) const {
  const uint32_t* list = leaf.kind() == Line::kLeaf ? leaf.words.data() : &lists_[leaf.words[0]];
  __builtin_prefetch(&rows_[*list]);
  return list;
}

// From the roots to the leaves. A step in each tree for each packet: none waits for another one.
void Classifier::go_down(std::span<Location* const> locations, Lines& at) const {
  for (uint32_t level = 0; level < depth_; level++) {
    for (size_t i = 0; i < locations.size(); i++) {
      for (uint32_t tree = 0; tree < trees_; tree++) {
        const Line& line = lines_[at[i][tree]];
        at[i][tree] = line.first() + line.child_of(locations[i]->point[line.kind()]);
      }
    }
  }
}

#ifdef __x86_64__
// The same where a whole line is compared at once. One loop cannot be inlined into both: they are
// of different instructions.
[[gnu::target("avx512f,popcnt")]] void Classifier::go_down_wide(
    std::span<Location* const> locations, Lines& at) const {
  for (uint32_t level = 0; level < depth_; level++) {
    for (size_t i = 0; i < locations.size(); i++) {
      for (uint32_t tree = 0; tree < trees_; tree++) {
        const Line& line = lines_[at[i][tree]];
        const __m512i value = _mm512_set1_epi32(static_cast<int>(locations[i]->point[line.kind()]));
        const uint32_t less = _mm512_cmplt_epu32_mask(_mm512_load_si512(&line), value);
        at[i][tree] = line.first() + static_cast<uint32_t>(std::popcount(less >> 1));
      }
    }
  }
}

bool Classifier::wide = (__builtin_cpu_init(), __builtin_cpu_supports("avx512f"));
#else
void Classifier::go_down_wide(std::span<Location* const> locations, Lines& at) const {
  go_down(locations, at);
}

bool Classifier::wide = false;
#endif

// Whether the point is in the box; four dimensions at a time, of the last four some once more.
inline bool Classifier::contains(const uint32_t* row, const Location& location) const {
  using Four = uint32_t __attribute__((vector_size(16)));
  auto four = [](const uint32_t* at) {
    Four words;
    std::memcpy(&words, at, sizeof words);
    return words;
  };
  const size_t size = dimensions_.size();
  const uint32_t *point = location.point.data(), *low = row + 1, *length = low + size;
  if (size < 4) {
    bool outside = false;
    for (size_t i = 0; i < size; i++) outside |= point[i] - low[i] > length[i];
    return !outside;
  }
  auto outside = [&](size_t i) { return four(point + i) - four(low + i) > four(length + i); };
  auto any = outside(size - 4);
  for (size_t i = 0; i + 4 < size; i += 4) any |= outside(i);
  const auto halves = std::bit_cast<std::array<uint64_t, 2>>(any);
  return (halves[0] | halves[1]) == 0;
}

// The first rule behind `here` whose box has the point in it.
Pc Classifier::next(Location& location, Pc here) const {
  auto& lists = location.lists;
  for (;;) {
    uint32_t next = ~0u;
    for (uint32_t tree = 0; tree < trees_; tree++) next = std::min(next, *lists[tree]);
    for (uint32_t tree = 0; tree < trees_; tree++) lists[tree] += *lists[tree] == next;
    const uint32_t* row = &rows_[next];
    // What is before `here` was asked: other parts of a rule, or lists begun again.
    if (row[0] > here && contains(row, location)) return row[0];
  }
}

void Classifier::look_up(std::span<const Packet* const> packets,
                         std::span<Location* const> locations) const {
  std::array<Location*, kAtOnce> found;
  size_t count = 0;
  for (size_t i = 0; i < packets.size(); i++) {
    locations[i]->of = nullptr;
    if (walks(*packets[i])) continue;
    locations[i]->of = this;
    read_point(*packets[i], *locations[i]);
    found[count++] = locations[i];
  }
  const std::span<Location* const> all = std::span(found).first(count);
  Lines at;
  at.fill({0, 1, 2, 3});
  wide ? go_down_wide(all, at) : go_down(all, at);
  for (size_t i = 0; i < count; i++) {
    for (uint32_t tree = 0; tree < trees_; tree++)
      all[i]->lists[tree] = list_of(lines_[at[i][tree]]);
  }
  for (Location* location : all) location->first = next(*location, 0);
}

std::string Classifier::text() const {
  static constexpr std::string_view kNames[] = {"in",  "in1",  "in2",  "in3",
                                                "out", "out1", "out2", "out3"};
  std::string text;
  for (uint32_t d : dimensions_) {
    text += d < dimension::kFields ? field_name(static_cast<Field>(d)) : kNames[d - dimension::kIn];
    text += ' ';
  }
  return fmt::format("by {}boxes {} trees {} depth {} lines {} words {}", text,
                     rows_.size() / (1 + 2 * dimensions_.size()) - 1, trees_, depth_, lines_.size(),
                     lists_.size());
}

size_t Classifier::memory() const {
  return sizeof *this + lines_.capacity() * sizeof(Line) +
         (lists_.capacity() + rows_.capacity()) * sizeof(uint32_t);
}

void RuleFinder::look_up(const Classifier& classifier, const Packet& packet) {
  of_ = &classifier;
  if (ahead_ && ahead_->of == of_) {
    at_ = std::exchange(ahead_, nullptr);
    return;
  }
  at_ = &own_;
  const Packet* const one = &packet;
  classifier.look_up({&one, 1}, {&at_, 1});
}

Pc RuleFinder::first(const Classifier& classifier, const Packet& packet, Pc here) {
  look_up(classifier, packet);
  return at_->of ? at_->first : here + 1;
}

Pc RuleFinder::next(const Classifier& classifier, const Packet& packet, Pc here) {
  // A chain called from this one had lists of its own.
  if (of_ != &classifier) {
    look_up(classifier, packet);
    if (at_->of && at_->first > here) return at_->first;
  }
  return at_->of ? of_->next(*at_, here) : here + 1;
}

}  // namespace sallyport
