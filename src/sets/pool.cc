#include "sets/pool.h"

#include <algorithm>
#include <bit>

namespace sallyport {

size_t ElementPool::bucket_of(const Index& index, const Element& element) const {
  const std::array<uint32_t, 4>& words = element.address.words;
  std::array<uint64_t, 4> key = {
      words[0] | uint64_t{words[1]} << 32, words[2] | uint64_t{words[3]} << 32,
      element.port | uint64_t{element.protocol} << 16 | uint64_t{element.length} << 24, 0};
  return keyed_hash(key, key_) & (index.buckets.size() - 1);
}

uint32_t ElementPool::find(const Index& index, const Element& element) const {
  uint32_t node = index.buckets[bucket_of(index, element)];
  while (node != kNone && nodes_[node].element != element) node = nodes_[node].next;
  return node;
}

uint32_t ElementPool::insert(Index& index, uint32_t owner, const Element& element,
                             const Extras& extras) {
  if (free_ == kNone) return kNone;
  uint32_t node = free_;
  free_ = nodes_[node].next;
  free_count_--;
  uint32_t& head = index.buckets[bucket_of(index, element)];
  nodes_[node] = {element, owner, head, kNone, extras};
  head = node;
  index.count++;
  nodes_[node].extras.deadline = 0;
  set_deadline(node, extras.deadline);
  return node;
}

void ElementPool::erase(Index& index, uint32_t node) {
  uint32_t* link = &index.buckets[bucket_of(index, nodes_[node].element)];
  while (*link != node) link = &nodes_[*link].next;
  *link = nodes_[node].next;
  index.count--;
  leave_heap(node);
  nodes_[node].owner = kNone;
  nodes_[node].next = free_;
  free_ = node;
  free_count_++;
}

void ElementPool::set_deadline(uint32_t node, Tick deadline) {
  nodes_[node].extras.deadline = deadline;
  if (deadline == 0) {
    leave_heap(node);
    return;
  }
  if (nodes_[node].place == kNone) {
    heap_.push_back(node);
    put(heap_.size() - 1, node);
  }
  sift_up(nodes_[node].place);
  sift_down(nodes_[node].place);
}

uint32_t ElementPool::expired(Tick now) const {
  return heap_.empty() || nodes_[heap_[0]].extras.alive(now) ? kNone : heap_[0];
}

void ElementPool::put(size_t place, uint32_t node) {
  heap_[place] = node;
  nodes_[node].place = static_cast<uint32_t>(place);
}

void ElementPool::sift_up(size_t place) {
  uint32_t node = heap_[place];
  while (place > 0 && before(node, heap_[(place - 1) / 2])) {
    put(place, heap_[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  put(place, node);
}

void ElementPool::sift_down(size_t place) {
  uint32_t node = heap_[place];
  while (true) {
    size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) child++;
    if (!before(heap_[child], node)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, node);
}

void ElementPool::leave_heap(uint32_t node) {
  uint32_t place = nodes_[node].place;
  if (place == kNone) return;
  nodes_[node].place = kNone;
  uint32_t last = heap_.back();
  heap_.pop_back();
  if (last == node) return;
  put(place, last);
  sift_up(place);
  sift_down(nodes_[last].place);
}

void ElementPool::set_comment(uint32_t node, std::string_view comment) {
  nodes_[node].extras.has_comment = true;
  if (comments_.size() <= node) comments_.resize(node + 1);
  comments_[node] = comment;
}

void ElementPool::grow(size_t room) {
  if (free_count_ >= room) return;
  size_t old_size = nodes_.size();
  // Doubling, so that growing costs a constant for each element ever added.
  size_t new_size = std::max(old_size * 2, old_size + room - free_count_);
  nodes_.resize(new_size);
  heap_.reserve(new_size);
  for (size_t node = new_size; node-- > old_size;) {
    nodes_[node].next = free_;
    free_ = static_cast<uint32_t>(node);
  }
  free_count_ += new_size - old_size;
}

void ElementPool::rehash(Index& index) {
  if (!index.crowded()) return;
  std::vector<uint32_t> old(std::bit_ceil(size_t{index.count} * 2), kNone);
  old.swap(index.buckets);
  for (uint32_t node : old) {
    while (node != kNone) {
      uint32_t next = nodes_[node].next;
      uint32_t& head = index.buckets[bucket_of(index, nodes_[node].element)];
      nodes_[node].next = head;
      head = node;
      node = next;
    }
  }
}

void ElementPool::clear(Index& index) {
  if (index.count == 0) return;
  for (uint32_t& head : index.buckets) {
    while (head != kNone) erase(index, head);
  }
  index = Index{};
}

}  // namespace sallyport
