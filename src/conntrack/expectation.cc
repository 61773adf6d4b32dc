#include "conntrack/expectation.h"

namespace sallyport {
namespace {

// A packet that fits both would be the first's or the second's.
bool clash(const Expected& a, const Expected& b) {
  Address mask = a.source_mask & b.source_mask;
  auto port_mask = static_cast<uint16_t>(a.source_port_mask & b.source_port_mask);
  return (a.tuple.source & mask) == (b.tuple.source & mask) &&
         ((a.tuple.source_port ^ b.tuple.source_port) & port_mask) == 0;
}

bool same_masks(const Expected& a, const Expected& b) {
  return a.source_mask == b.source_mask && a.source_port_mask == b.source_port_mask;
}

bool same_destination(const Tuple& a, const Tuple& b) {
  return a.destination_port == b.destination_port && a.destination == b.destination &&
         a.protocol == b.protocol && a.family == b.family;
}

}  // namespace

uint32_t& Expectations::head_of(const Tuple& tuple) {
  const auto& words = tuple.destination.words;
  uint64_t hash =
      keyed_hash<4>({uint64_t{words[0]} << 32 | words[1], uint64_t{words[2]} << 32 | words[3],
                     uint64_t{tuple.destination_port} << 16 | uint64_t{tuple.protocol} << 8 |
                         static_cast<uint64_t>(tuple.family),
                     0},
                    key_);
  return buckets_[hash % kBuckets];
}

void Expectations::reserve(size_t more, size_t most, Tick now) {
  if (first_deadline_ < now) {
    first_deadline_ = ~Tick{0};
    for (uint32_t i = 0; i < slots_.size(); i++) {
      if (slots_[i].number == 0) continue;
      if (slots_[i].value.expires < now) {
        remove(i, slots_[i].value.expires);
      } else {
        first_deadline_ = std::min(first_deadline_, slots_[i].value.expires);
      }
    }
  }
  most_ = most;
  while (slots_.size() < most && slots_.size() < count_ + more) {
    slots_.push_back({.next = free_});
    free_ = static_cast<uint32_t>(slots_.size() - 1);
  }
}

bool Expectations::add(const Expectation& expectation, Tick now) {
  for (uint32_t i = head_of(expectation.expected.tuple); i != kNone;) {
    const Expectation& other = slots_[i].value;
    uint32_t next = slots_[i].next;
    bool meets = same_destination(other.expected.tuple, expectation.expected.tuple) &&
                 other.zone.id == expectation.zone.id &&
                 clash(other.expected, expectation.expected);
    if (meets) {
      bool again =
          other.master == expectation.master && same_masks(other.expected, expectation.expected);
      if (!again && !is_over(other, now)) return false;
      remove(i, now);
    }
    i = next;
  }
  uint32_t oldest = kNone;
  uint32_t own = 0;
  for (uint32_t i = head_of(expectation.master); i != kNone; i = slots_[i].next_of_master) {
    if (slots_[i].value.master != expectation.master) continue;
    oldest = i;  // the newest is the first
    own++;
  }
  if (own >= expectation.helper->most_expected) remove(oldest, now);
  if (count_ >= most_ || free_ == kNone) return false;
  uint32_t index = free_;
  free_ = slots_[index].next;
  uint32_t& bucket = head_of(expectation.expected.tuple);
  uint32_t& of_master = head_of(expectation.master);
  slots_[index] = {expectation, ++last_, bucket, of_master};
  bucket = of_master = index;
  count_++;
  first_deadline_ = std::min(first_deadline_, expectation.expires);
  tell(ExpectationEvent::Kind::kNew, expectation, now);
  return true;
}

std::optional<Expectation> Expectations::take(const Tuple& tuple, const Zone& zone, Tick now) {
  for (uint32_t i = head_of(tuple); i != kNone; i = slots_[i].next) {
    const Expectation& found = slots_[i].value;
    const Expected& expected = found.expected;
    bool fits =
        same_destination(expected.tuple, tuple) && found.zone.id == zone.id &&
        !is_over(found, now) &&
        (expected.tuple.source & expected.source_mask) == (tuple.source & expected.source_mask) &&
        ((expected.tuple.source_port ^ tuple.source_port) & expected.source_port_mask) == 0;
    if (!fits) continue;
    Expectation taken = found;
    if (!taken.helper->permanent) remove(i, now);
    return taken;
  }
  return std::nullopt;
}

void Expectations::forget(FlowId master, Tick now) {
  for (uint32_t i = head_of(master); i != kNone;) {
    uint32_t next = slots_[i].next_of_master;
    if (slots_[i].value.master == master) remove(i, now);
    i = next;
  }
}

void Expectations::remove(uint32_t index, Tick when) {
  Slot& slot = slots_[index];
  tell(ExpectationEvent::Kind::kDestroy, slot.value, when);
  uint32_t* link = &head_of(slot.value.expected.tuple);
  while (*link != index) link = &slots_[*link].next;
  *link = slot.next;
  link = &head_of(slot.value.master);
  while (*link != index) link = &slots_[*link].next_of_master;
  *link = slot.next_of_master;
  slot = {.next = free_};
  free_ = index;
  count_--;
}

}  // namespace sallyport
