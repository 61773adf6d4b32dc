// Sets as text: what `ipset save` prints, and what `explain` says.
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <tuple>

#include "sets/packet_element.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

// Whole seconds, never 0, which would mean for ever: as ipset prints them.
uint64_t seconds_left(const Extras& extras, Tick now) {
  return std::max<uint64_t>((extras.deadline - now) / kTicksPerSecond, 1);
}

void append_timeout(std::string& out, const SetOptions& options, const Extras& extras, Tick now) {
  if (!options.timeout) return;
  fmt::format_to(std::back_inserter(out), " timeout {}",
                 extras.deadline == 0 ? 0 : seconds_left(extras, now));
}

void append_extras(std::string& out, const SetOptions& options, const Extras& extras,
                   std::string_view comment) {
  auto append = std::back_inserter(out);
  if (extras.nomatch) out += " nomatch";
  if (options.counters)
    fmt::format_to(append, " packets {} bytes {}", extras.packets, extras.bytes);
  if (!comment.empty()) fmt::format_to(append, " comment \"{}\"", comment);
}

// By address, the longer prefix first, as `ipset save -sorted` does; then by protocol and port.
auto order_of(const Element& element) {
  return std::tuple(element.address.words, -element.length, element.protocol, element.port);
}

}  // namespace

std::string SetStore::save(Tick now) const {
  std::string out;
  for (const Set& set : sets_) {
    if (set.name.empty() || set.options.type == SetType::kListSet) continue;
    fmt::format_to(std::back_inserter(out), "create {} {}\n", set.name, create_text(set.options));
    std::vector<uint32_t> nodes;
    for (uint32_t node : set.index.buckets) {
      for (; node != kNone; node = pool_[node].next) {
        if (pool_[node].extras.alive(now)) nodes.push_back(node);
      }
    }
    std::ranges::sort(nodes, {}, [&](uint32_t node) { return order_of(pool_[node].element); });
    for (uint32_t node : nodes) {
      const Extras& extras = pool_[node].extras;
      fmt::format_to(std::back_inserter(out), "add {} {}", set.name,
                     element_text(set.options, pool_[node].element));
      append_timeout(out, set.options, extras, now);
      append_extras(out, set.options, extras, comment_of(node));
      out += '\n';
    }
  }
  // Lists come last, so that their members exist when the text is read.
  for (const Set& set : sets_) {
    if (set.name.empty() || set.options.type != SetType::kListSet) continue;
    fmt::format_to(std::back_inserter(out), "create {} {}\n", set.name, create_text(set.options));
    for (const Member& member : set.members) {
      if (!member.extras.alive(now)) continue;
      fmt::format_to(std::back_inserter(out), "add {} {}\n", set.name,
                     member_words(set, member, now));
    }
  }
  return out;
}

std::string_view SetStore::comment_of(uint32_t node) const {
  return pool_[node].extras.has_comment ? std::string_view(pool_.comment(node)) : "";
}

std::string SetStore::member_words(const Set& list, const Member& member, Tick now) const {
  std::string words = sets_[member.set].name;
  append_timeout(words, list.options, member.extras, now);
  append_extras(words, list.options, member.extras, member.comment);
  return words;
}

std::vector<SetStore::Outline> SetStore::outlines(Tick now) const {
  std::vector<Outline> outlines;
  for (const Set& set : sets_) {
    if (set.name.empty()) continue;
    Outline& outline = outlines.emplace_back(set.owner, set.name, create_text(set.options));
    for (const Member& member : set.members) {
      if (member.extras.alive(now)) outline.members.push_back(member_words(set, member, now));
    }
  }
  return outlines;
}

const ElementPool::Node* SetStore::at(uint32_t place) const {
  return pool_[place].owner == kNone ? nullptr : &pool_[place];
}

std::string SetStore::element_words(uint32_t place) const {
  const SetOptions& options = sets_[slot_of_[pool_[place].owner]].options;
  std::string words = element_text(options, pool_[place].element);
  append_extras(words, options, pool_[place].extras, comment_of(place));
  return words;
}

// When the element, or a network with it, last expired, as far as that is remembered.
std::optional<Tick> SetStore::expired_at(const Set& set, Element element) const {
  // Whoever asks may come before reserve() removes what has expired.
  if (uint32_t node = pool_.find(set.index, element); node != kNone) {
    return pool_[node].extras.deadline;
  }
  for (size_t i = kExpired; i-- > 0;) {
    const Expired& expired = expired_[(next_expired_ + i) % kExpired];
    if (expired.owner != set.owner) continue;
    element.length = expired.element.length;
    Address address = element.address;
    if (set.options.info().has_prefix) {
      element.address = address & mask_of(set.options.family, element.length);
    }
    if (expired.element == element) return expired.deadline;
    element.address = address;
  }
  return std::nullopt;
}

SetLookup SetStore::lookup_text(uint32_t index, const Packet& packet, const SetQuery& query,
                                const SetAnswer& answer, Tick now) const {
  const Set& set = sets_[index];
  SetLookup lookup;
  lookup.set = set.name;
  bool not_captured = false;
  std::optional<Element> element = element_of(packet, set.options, query, not_captured);
  if (element) lookup.looked_up = element_text(set.options, *element);
  lookup.matched = answer.matched;
  if (answer.node != kNone) {
    const ElementPool::Node& node = pool_[answer.node];
    lookup.element = element_text(set.options, node.element);
    lookup.nomatch = node.extras.nomatch;
    if (node.extras.deadline != 0) lookup.seconds_left = seconds_left(node.extras, now);
  }
  const SetTypeInfo& info = set.options.info();
  if (lookup.matched) return lookup;
  if (not_captured) {
    lookup.why = "the capture does not have the port";
  } else if (query.dimensions < info.dimensions) {
    lookup.why = fmt::format("{} needs {} directions, the rule gives {}", info.name,
                             info.dimensions, query.dimensions);
  } else if (info.has_address && packet.family != set.options.family) {
    lookup.why = "the set is of the other family";
  } else if (!element) {
    lookup.why = "the packet has no port that the set could hold";
  } else if (answer.node == kNone) {
    std::optional<Tick> expired = expired_at(set, *element);
    lookup.why = expired ? fmt::format("it expired {} ago", seconds_text(now - *expired))
                         : std::string("not in the set");
  } else if (info.has_prefix && lookup.nomatch != query.return_nomatch) {
    lookup.why = lookup.nomatch ? "the element says nomatch" : "the element does not say nomatch";
  } else {
    lookup.why = "the element's counters do not pass";
  }
  return lookup;
}

std::vector<SetLookup> SetStore::explain(SetRef ref, const Packet& packet, const SetQuery& query,
                                         Tick now) {
  std::vector<SetLookup> lookups;
  const Set* set = get(ref);
  if (set == nullptr) return lookups;
  SetMoment moment{now, true};
  if (set->options.type != SetType::kListSet) {
    SetAnswer answer = match_in(ref.index, packet, query, moment, false);
    lookups.push_back(lookup_text(ref.index, packet, query, answer, now));
    return lookups;
  }
  SetAnswer decided = match_list(ref.index, packet, query, moment);
  for (const Member& member : set->members) {
    if (!member.extras.alive(now)) continue;
    SetAnswer answer = match_in(member.set, packet, query, moment, true);
    lookups.push_back(lookup_text(member.set, packet, query, answer, now));
    if (decided.matched && decided.set == member.set) break;
    if (answer.matched) {
      lookups.back().matched = false;
      lookups.back().why = "the counters of the list's entry do not pass";
    }
  }
  return lookups;
}

}  // namespace sallyport
