// The packet path of the sets: no allocation, no clock, no text.
#include <algorithm>
#include <bit>

#include "sets/packet_element.h"
#include "sets/set_store.h"

namespace sallyport {

void SetStore::PrefixLengths::add(int length) {
  counts_[length]++;
  present_[(length - 1) / 64] |= uint64_t{1} << ((length - 1) % 64);
}

void SetStore::PrefixLengths::remove(int length) {
  if (--counts_[length] == 0) present_[(length - 1) / 64] &= ~(uint64_t{1} << ((length - 1) % 64));
}

int SetStore::PrefixLengths::below(int length) const {
  int limit = length - 1;  // bits below this one stand for shorter prefixes
  for (int word = 1; word >= 0; word--) {
    int bits = std::min(limit - 64 * word, 64);
    if (bits <= 0) continue;
    uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    if (uint64_t found = present_[word] & mask; found != 0) {
      return 64 * word + static_cast<int>(std::bit_width(found));
    }
  }
  return 0;
}

const SetStore::Set* SetStore::get(SetRef ref) const {
  if (ref.index >= sets_.size()) return nullptr;
  const Set& set = sets_[ref.index];
  return set.generation == ref.generation && !set.name.empty() ? &set : nullptr;
}

uint32_t SetStore::find_alive(const Set& set, const Element& element, Tick now) const {
  uint32_t node = pool_.find(set.index, element);
  return node != kNone && pool_[node].extras.alive(now) ? node : kNone;
}

Result<bool> SetStore::test(std::string_view name, std::string_view text, Tick now) const {
  const uint32_t index = index_of(name);
  if (index == kNone) {
    return std::unexpected(Diag{{}, "The set with the given name does not exist", ""});
  }
  const Set& set = sets_[index];
  if (set.options.type == SetType::kListSet) {
    const uint32_t member = index_of(text);
    if (member == kNone) {
      return std::unexpected(Diag{{}, "The set to be added/deleted/tested does not exist.", ""});
    }
    return std::ranges::any_of(
        set.members, [&](const Member& one) { return one.set == member && one.extras.alive(now); });
  }
  Result<ElementRange> range = parse_element(set.options, text);
  if (!range) return std::unexpected(std::move(range.error()));
  if (range->first != range->last) {
    return std::unexpected(Diag{{}, "a range cannot be tested, only one element", ""});
  }
  // An address is in the narrowest network that holds it; a network is itself.
  Element element = range->first;
  const bool narrows =
      set.options.info().has_prefix && element.length == bits_of(set.options.family);
  for (int length = element.length; length > 0; length = narrows ? set.lengths.below(length) : 0) {
    element.length = static_cast<uint8_t>(length);
    element.address = range->first.address & mask_of(set.options.family, length);
    if (uint32_t node = find_alive(set, element, now); node != kNone) {
      return !pool_[node].extras.nomatch;
    }
    if (!narrows) break;
  }
  return false;
}

std::vector<std::string> SetStore::names() const {
  std::vector<std::string> names;
  for (const bool lists : {false, true}) {
    for (const Set& set : sets_) {
      const bool is_list = set.options.type == SetType::kListSet;
      if (!set.name.empty() && is_list == lists) names.push_back(set.name);
    }
  }
  return names;
}

void SetStore::erase(uint32_t node) {
  Set& set = sets_[slot_of_[pool_[node].owner]];
  if (set.options.info().has_prefix) set.lengths.remove(pool_[node].element.length);
  pool_.erase(set.index, node);
}

void SetStore::expire(uint32_t node) {
  const ElementPool::Node& dead = pool_[node];
  expired_[next_expired_] = {dead.owner, dead.element, dead.extras.deadline};
  next_expired_ = (next_expired_ + 1) % kExpired;
  erase(node);
}

SetStore::Added SetStore::add_element(uint32_t index, const Element& element, const Values& values,
                                      Tick now, uint32_t& node) {
  Set& set = sets_[index];
  node = pool_.find(set.index, element);
  if (node != kNone && !pool_[node].extras.alive(now)) {
    expire(node);
    node = kNone;
  }
  if (node != kNone) {
    if (!values.exist) return Added::kExists;
    Extras& extras = pool_[node].extras;
    extras.packets = values.packets.value_or(extras.packets);
    extras.bytes = values.bytes.value_or(extras.bytes);
    extras.nomatch = values.nomatch;
    pool_.set_deadline(node, values.deadline);
    return Added::kRefreshed;
  }
  if (set.options.info().has_address) {
    while (set.index.count >= set.options.maxelem) {
      uint32_t dead = pool_.expired(now);
      if (dead == kNone) return Added::kFull;
      expire(dead);
    }
  }
  Extras extras{values.deadline, values.packets.value_or(0), values.bytes.value_or(0),
                values.nomatch, false};
  node = pool_.insert(set.index, set.owner, element, extras);
  if (node == kNone) return Added::kNoRoom;
  if (set.options.info().has_prefix) set.lengths.add(element.length);
  return Added::kAdded;
}

bool SetStore::count_and_test(Extras& extras, const Set& set, const Packet& packet,
                              const SetQuery& query, bool update, SetMoment moment) const {
  if (!set.options.counters) return true;
  uint64_t packets = extras.packets + update;
  uint64_t bytes = extras.bytes + (update ? packet.length : 0);
  if (!moment.what_if) {
    extras.packets = packets;
    extras.bytes = bytes;
  }
  return query.packets.holds(packets) && query.bytes.holds(bytes);
}

// As a member of a list the element is counted unless either kind of updating is
// off, and its counters are not tested: the list's own are.
SetAnswer SetStore::match_in(uint32_t index, const Packet& packet, const SetQuery& query,
                             SetMoment moment, bool as_member) {
  SetAnswer answer;
  Set& set = sets_[index];
  const SetTypeInfo& info = set.options.info();
  std::optional<Element> element = element_of(packet, set.options, query, answer.not_captured);
  if (!element) return answer;
  bool update = query.update_counters && (!as_member || query.update_subcounters);
  int length = info.has_prefix ? set.lengths.longest() : element->length;
  Address address = element->address;
  do {
    if (info.has_prefix) {
      if (length == 0) return answer;
      element->length = static_cast<uint8_t>(length);
      element->address = address & mask_of(set.options.family, length);
      length = set.lengths.below(length);
    }
    uint32_t node = find_alive(set, *element, moment.now);
    if (node == kNone) continue;
    Extras& extras = pool_[node].extras;
    // An element whose counters do not pass does not decide: a shorter prefix may.
    bool passed = count_and_test(extras, set, packet, query, update, moment);
    answer.set = index;
    answer.node = node;
    if (!passed && !as_member) continue;
    // Only a type that has `nomatch` tells its elements apart.
    answer.matched = !info.has_prefix || extras.nomatch == query.return_nomatch;
    return answer;
  } while (info.has_prefix);
  return answer;
}

SetAnswer SetStore::match_list(uint32_t index, const Packet& packet, const SetQuery& query,
                               SetMoment moment) {
  Set& list = sets_[index];
  SetAnswer last;
  for (Member& member : list.members) {
    if (!member.extras.alive(moment.now)) continue;
    SetAnswer answer = match_in(member.set, packet, query, moment, true);
    last.not_captured |= answer.not_captured;
    if (!answer.matched) continue;
    if (count_and_test(member.extras, list, packet, query, query.update_counters, moment))
      return answer;
  }
  return last;
}

SetAnswer SetStore::match(SetRef ref, const Packet& packet, const SetQuery& query,
                          SetMoment moment) {
  const Set* set = get(ref);
  if (set == nullptr) return {};
  if (set->options.type == SetType::kListSet) return match_list(ref.index, packet, query, moment);
  return match_in(ref.index, packet, query, moment, false);
}

namespace {

// Packets add to and delete from a set of networks with the longest prefix that the
// set has, a single address if it is empty: a packet from 10.0.0.1 adds 10.0.0.0/24
// to a set that holds 11.0.0.0/24 (seen on Linux 6.18).
void mask_element(Element& element, Family family, int longest) {
  element.length = static_cast<uint8_t>(longest == 0 ? bits_of(family) : longest);
  element.address = element.address & mask_of(family, element.length);
}

}  // namespace

SetAnswer SetStore::add_in(uint32_t index, const Packet& packet, const SetQuery& query,
                           SetMoment moment) {
  SetAnswer answer;
  Set& set = sets_[index];
  const SetTypeInfo& info = set.options.info();
  std::optional<Element> element = element_of(packet, set.options, query, answer.not_captured);
  if (!element || moment.what_if) return answer;
  // The address of zeroes cannot be stored but as a network's (seen with a source of 0.0.0.0).
  if (info.has_address && !info.has_prefix && element->address.is_zero()) return answer;
  if (info.has_prefix) mask_element(*element, set.options.family, set.lengths.longest());
  Values values;
  values.exist = query.exist;
  if (set.options.timeout) {
    uint32_t seconds = std::min(query.timeout.value_or(*set.options.timeout), kMostTimeout);
    values.deadline = seconds == 0 ? 0 : moment.now + ticks(seconds);
  }
  // The adding packet is the first that is counted, and a refresh starts anew.
  if (set.options.counters) {
    values.packets = 1;
    values.bytes = packet.length;
  }
  Added added = add_element(index, *element, values, moment.now, answer.node);
  if (added == Added::kNoRoom) adds_without_room_++;
  answer.matched = added == Added::kAdded || added == Added::kRefreshed;
  answer.set = index;
  // bitmap:port forgets the comment, hash types keep it (seen).
  if (added == Added::kRefreshed && !info.has_address)
    pool_[answer.node].extras.has_comment = false;
  if (set.index.crowded() && crowded_.size() < crowded_.capacity() &&
      (crowded_.empty() || crowded_.back() != index)) {
    crowded_.push_back(index);
  }
  return answer;
}

SetAnswer SetStore::remove_in(uint32_t index, const Packet& packet, const SetQuery& query,
                              SetMoment moment) {
  SetAnswer answer;
  Set& set = sets_[index];
  std::optional<Element> element = element_of(packet, set.options, query, answer.not_captured);
  if (!element || moment.what_if) return answer;
  if (set.options.info().has_prefix)
    mask_element(*element, set.options.family, set.lengths.longest());
  uint32_t node = find_alive(set, *element, moment.now);
  if (node == kNone) return answer;
  erase(node);
  answer.matched = true;
  answer.set = index;
  return answer;
}

// To and from a list: the first member, in order, where it succeeds.
SetAnswer SetStore::add(SetRef ref, const Packet& packet, const SetQuery& query, SetMoment moment) {
  const Set* set = get(ref);
  if (set == nullptr) return {};
  if (set->options.type != SetType::kListSet) return add_in(ref.index, packet, query, moment);
  SetAnswer answer;
  for (const Member& member : set->members) {
    if (!member.extras.alive(moment.now)) continue;
    answer = add_in(member.set, packet, query, moment);
    if (answer.matched) break;
  }
  return answer;
}

SetAnswer SetStore::remove(SetRef ref, const Packet& packet, const SetQuery& query,
                           SetMoment moment) {
  const Set* set = get(ref);
  if (set == nullptr) return {};
  if (set->options.type != SetType::kListSet) return remove_in(ref.index, packet, query, moment);
  SetAnswer answer;
  for (const Member& member : set->members) {
    if (!member.extras.alive(moment.now)) continue;
    answer = remove_in(member.set, packet, query, moment);
    if (answer.matched) break;
  }
  return answer;
}

void SetStore::reserve(Tick now) {
  for (uint32_t dead = pool_.expired(now); dead != kNone; dead = pool_.expired(now)) expire(dead);
  pool_.grow(kRoom);
  for (uint32_t index : crowded_) pool_.rehash(sets_[index].index);
  crowded_.clear();
  crowded_.reserve(kRoom);
}

}  // namespace sallyport
