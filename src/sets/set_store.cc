// The store's edits by text: what each command of ipset does to the sets.
#include "sets/set_store.h"

#include <algorithm>
#include <fmt/format.h>

namespace sallyport {
namespace {

constexpr const char* kTooMuch = "this text stands for too many elements: its ranges are too large";

std::unexpected<std::string> error(std::string what) {
  return std::unexpected(std::move(what));
}

Tick deadline_of(const SetOptions& set, std::optional<uint32_t> timeout, Tick now) {
  if (!set.timeout) return 0;
  uint32_t seconds = timeout.value_or(*set.timeout);
  return seconds == 0 ? 0 : now + ticks(seconds);
}

}  // namespace

uint32_t SetStore::index_of(std::string_view name) const {
  auto found = names_.find(std::string(name));
  return found == names_.end() ? kNone : found->second;
}

std::optional<SetRef> SetStore::find(std::string_view name) const {
  uint32_t index = index_of(name);
  if (index == kNone) return std::nullopt;
  return SetRef{index, sets_[index].generation};
}

const SetOptions* SetStore::options(SetRef ref) const {
  const Set* set = get(ref);
  return set == nullptr ? nullptr : &set->options;
}

const std::string& SetStore::name(SetRef ref) const {
  static const std::string kDestroyed;
  const Set* set = get(ref);
  return set == nullptr ? kDestroyed : set->name;
}

uint32_t SetStore::elements(SetRef ref) const {
  const Set* set = get(ref);
  if (set == nullptr) return 0;
  return static_cast<uint32_t>(set->index.count + set->members.size());
}

SetStore::Status SetStore::create(std::string_view name, const SetOptions& options, bool exist) {
  if (uint32_t old = index_of(name); old != kNone) {
    if (exist && sets_[old].options == options) return {};
    return error(fmt::format("a set named '{}' exists already", name));
  }
  if (names_.size() >= kMostSets) return error(fmt::format("more than {} sets", kMostSets));
  // The first free slot, as the kernel does it: slots are the order of `save`.
  uint32_t index = static_cast<uint32_t>(sets_.size());
  if (free_slots_.empty()) {
    sets_.emplace_back().owner = index;
    slot_of_.push_back(index);
  } else {
    index = *free_slots_.begin();
    free_slots_.erase(free_slots_.begin());
  }
  Set& set = sets_[index];
  set.name = name;
  set.generation++;
  set.options = options;
  names_.emplace(name, index);
  return {};
}

void SetStore::flush(uint32_t index) {
  Set& set = sets_[index];
  for (Expired& expired : expired_) {
    if (expired.owner == set.owner) expired.owner = kNone;
  }
  pool_.clear(set.index);
  set.lengths = {};
  for (const Member& member : set.members) sets_[member.set].uses--;
  set.members.clear();
}

SetStore::Status SetStore::destroy(uint32_t index) {
  Set& set = sets_[index];
  if (set.uses != 0) return error(fmt::format("'{}' is an element of a list:set", set.name));
  flush(index);
  names_.erase(set.name);
  set.name.clear();
  free_slots_.insert(index);
  return {};
}

void SetStore::destroy_all() {
  for (uint32_t index = 0; index < sets_.size(); index++) {
    flush(index);
    sets_[index].name.clear();
    free_slots_.insert(index);
  }
  names_.clear();
}

SetStore::Status SetStore::rename(uint32_t index, std::string_view name) {
  Set& set = sets_[index];
  if (set.uses != 0) return error(fmt::format("'{}' is an element of a list:set", set.name));
  if (index_of(name) != kNone) return error(fmt::format("a set named '{}' exists already", name));
  names_.erase(set.name);
  set.name = name;
  names_.emplace(name, index);
  return {};
}

// The names stay where they are and the contents change places, so that rules and
// lists that refer to a name see the other's contents.
SetStore::Status SetStore::swap(uint32_t a, uint32_t b) {
  Set& one = sets_[a];
  Set& other = sets_[b];
  if (one.options.type != other.options.type || one.options.family != other.options.family) {
    return error(fmt::format("'{}' and '{}' are not of the same type", one.name, other.name));
  }
  if (a == b) return {};
  std::swap(one.owner, other.owner);
  slot_of_[one.owner] = a;
  slot_of_[other.owner] = b;
  std::swap(one.options, other.options);
  std::swap(one.index, other.index);
  std::swap(one.lengths, other.lengths);
  std::swap(one.members, other.members);
  return {};
}

SetStore::Status SetStore::add_range(uint32_t index, const ElementRange& range,
                                     const AddOptions& options, Tick now) {
  Values values{deadline_of(sets_[index].options, options.timeout, now), options.packets,
                options.bytes, options.nomatch, options.exist};
  Status status;
  range.for_each([&](const Element& element) {
    const SetOptions& set = sets_[index].options;
    if (!spend(1)) {
      status = error(kTooMuch);
      return false;
    }
    if (pool_.size() >= limits_.elements) {
      status = error(fmt::format("more than {} elements in all sets", limits_.elements));
      return false;
    }
    pool_.grow(1);
    uint32_t node = kNone;
    Added added = add_element(index, element, values, now, node);
    if (added == Added::kExists) {
      status = error(fmt::format("'{}' is in the set already", element_text(set, element)));
    } else if (added == Added::kFull) {
      status = error(fmt::format("the set is full: maxelem is {}", set.maxelem));
    }
    if (!status) return false;
    pool_[node].extras.has_comment = false;
    if (options.comment && !options.comment->empty()) pool_.set_comment(node, *options.comment);
    pool_.rehash(sets_[index].index);
    return true;
  });
  return status;
}

SetStore::Status SetStore::remove_range(uint32_t index, const ElementRange& range, bool exist,
                                        Tick now) {
  Status status;
  range.for_each([&](const Element& element) {
    uint32_t node = find_alive(sets_[index], element, now);
    if (!spend(1)) {
      status = error(kTooMuch);
    } else if (node != kNone) {
      erase(node);
    } else if (!exist) {
      status =
          error(fmt::format("'{}' is not in the set", element_text(sets_[index].options, element)));
    }
    return status.has_value();
  });
  return status;
}

void SetStore::drop_expired_members(Set& list, Tick now) {
  std::erase_if(list.members, [&](const Member& member) {
    if (member.extras.alive(now)) return false;
    sets_[member.set].uses--;
    return true;
  });
}

SetStore::Status SetStore::add_member(uint32_t index, uint32_t member, std::optional<Place> place,
                                      const AddOptions& options, Tick now) {
  Set& list = sets_[index];
  const std::string& name = sets_[member].name;
  if (sets_[member].options.type == SetType::kListSet) {
    return error("a list:set cannot be an element of a list:set");
  }
  if (!spend(list.members.size() / 64)) return error(kTooMuch);
  drop_expired_members(list, now);
  auto found = std::ranges::find(list.members, member, &Member::set);
  if (found == list.members.end()) {
    auto where = list.members.end();
    if (place) {
      where = std::ranges::find(list.members, place->beside, &Member::set);
      if (where == list.members.end()) {
        return error(fmt::format("'{}' is not in the list", sets_[place->beside].name));
      }
      if (!place->before) where++;
    }
    if (list.members.size() >= kMostSets) return error("the list is full");
    found = list.members.insert(where, Member{member, {}, {}});
    sets_[member].uses++;
  } else if (!options.exist) {
    return error(fmt::format("'{}' is in the list already", name));
  }
  // In place also where `before` says otherwise: -exist moves nothing (seen).
  found->extras.deadline = deadline_of(list.options, options.timeout, now);
  found->extras.packets = options.packets.value_or(found->extras.packets);
  found->extras.bytes = options.bytes.value_or(found->extras.bytes);
  found->comment = options.comment.value_or("");
  return {};
}

SetStore::Status SetStore::remove_member(uint32_t index, uint32_t member,
                                         std::optional<Place> place, bool exist, Tick now) {
  Set& list = sets_[index];
  if (!spend(list.members.size() / 64)) return error(kTooMuch);
  drop_expired_members(list, now);
  auto found = std::ranges::find(list.members, member, &Member::set);
  if (found == list.members.end()) {
    if (exist) return {};
    return error(fmt::format("'{}' is not in the list", sets_[member].name));
  }
  if (place) {
    size_t at = found - list.members.begin();
    size_t beside = place->before ? at + 1 : at - 1;  // at - 1 of the first is beyond the end, too
    if (beside >= list.members.size() || list.members[beside].set != place->beside) {
      return error(fmt::format("'{}' does not stand {} '{}'", sets_[member].name,
                               place->before ? "before" : "after", sets_[place->beside].name));
    }
  }
  sets_[member].uses--;
  list.members.erase(found);
  return {};
}

}  // namespace sallyport
