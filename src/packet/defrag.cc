// How it is kept. A queue holds the fragments of one datagram as they came; which
// bytes are there is a bitmap of 8-byte units, so that looking for an overlap costs
// a few words whatever the order of arrival, and assembling is a copy of each
// fragment to its place, without sorting. Bytes lie in chains of chunks from a pool
// that is reserved at the start and touched only as far as it is used.
//
// What Linux 6.18 does was seen packet by packet through a TAP, and is not what the
// RFCs say: a fragment that lies within what is there is a duplicate even if its
// bytes differ, but only within one *run*: a run grows by the fragment that follows
// the highest one; any other fragment begins its own. IPv4 and IPv6 differ in what a
// misfit costs: IPv4 throws the queue away, IPv6 mostly the fragment alone, and some
// go on to the chains as they came, where conntrack finds them INVALID.
//
// Left out: the kernel's exact memory account (it depends on the driver; ours is that of
// a TAP).
#include "packet/defrag.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint32_t kUnit = 8;
constexpr uint32_t kMostPayload = 65535;
constexpr uint32_t kUnits = (kMostPayload + 1) / kUnit;
constexpr uint32_t kHeadroom = 64;
constexpr uint32_t kLeastIpv6Mtu = 1280;  // RFC 8200, 5

// What /proc/net/sockstat counts for fragments of 8, 512 and 1480 bytes through a TAP:
// 1032, 1480 and 2504.
constexpr size_t kQueueCharge = 200;
size_t charge_of(const Packet& packet) {
  return 768 + (packet.length - sizeof(Ipv4Header) + 63) / 64 * 64;
}

// net.ipv4.ipfrag_max_dist: a queue for which so many fragments of the same source
// came in between belongs to an id that has been used again.
constexpr uint32_t kMaxDistance = 64;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// Things of one size by number. They are aggregates, so malloc() has begun their lives
// (P0593), and memory that was never handed out was never touched.
template <typename T>
class Pool {
 public:
  explicit Pool(size_t size)
      : items_(static_cast<T*>(std::malloc(size * sizeof(T)))),
        size_(items_ ? static_cast<uint32_t>(size) : 0) {}

  uint32_t take() {
    if (free_ != kNone) {
      uint32_t index = free_;
      free_ = items_[index].next;
      return index;
    }
    return fresh_ < size_ ? fresh_++ : kNone;
  }
  void give(uint32_t index) {
    items_[index].next = free_;
    free_ = index;
  }
  T& operator[](uint32_t index) { return items_[index]; }

 private:
  std::unique_ptr<T[], Free> items_;
  uint32_t size_;
  uint32_t fresh_ = 0;
  uint32_t free_ = kNone;
};

struct Chunk {
  uint32_t next;
  uint8_t bytes[252];
};

struct Fragment {
  uint32_t next;  // in order of arrival
  uint32_t chunk;
  uint32_t offset;  // of its payload in the datagram's
  uint32_t length;  // of its payload on the wire
  uint32_t prefix;  // the first fragment: bytes of the headers before the payload
  uint32_t stored;  // prefix and payload as far as captured
  void* cookie;
};

struct Key {
  Address source;
  Address destination;
  uint32_t id;
  uint8_t protocol;  // IPv4 only
  Defragmenter::Point point;
  InterfaceName in;  // where it matters, else empty; no part of the hash
  friend bool operator==(const Key&, const Key&) = default;
};

// Sets of units: which are there, and at which a run begins.
class Units {
 public:
  void clear() { words_.fill(0); }
  void set(uint32_t from, uint32_t to) {
    for (uint32_t word = from / 64; word <= (to - 1) / 64; word++) {
      words_[word] |= mask(word, from, to);
    }
  }
  bool any(uint32_t from, uint32_t to) const {
    if (from >= to) return false;
    for (uint32_t word = from / 64; word <= (to - 1) / 64; word++) {
      if (words_[word] & mask(word, from, to)) return true;
    }
    return false;
  }
  bool all(uint32_t from, uint32_t to) const {
    for (uint32_t word = from / 64; word <= (to - 1) / 64; word++) {
      uint64_t wanted = mask(word, from, to);
      if ((words_[word] & wanted) != wanted) return false;
    }
    return true;
  }

 private:
  // The bits of [from, to) that are in `word`.
  static uint64_t mask(uint32_t word, uint32_t from, uint32_t to) {
    uint32_t base = word * 64;
    uint64_t above = from > base ? ~uint64_t{0} << (from - base) : ~uint64_t{0};
    uint64_t below = to < base + 64 ? ~(~uint64_t{0} << (to - base)) : ~uint64_t{0};
    return above & below;
  }
  std::array<uint64_t, kUnits / 64> words_;
};

// What the first fragment came in, besides its bytes.
struct Frame {
  std::array<uint8_t, 6> mac_source;
  bool has_mac;
  bool at_port;
  BridgePorts ports;
  uint32_t packet_type;
  uint32_t mark;

  Frame() = default;
  Frame(const Packet& packet, const Defragmenter::Place& place)
      : mac_source(packet.mac_source),
        has_mac(packet.has_mac),
        at_port(place.ports != nullptr),
        ports(place.ports ? *place.ports : BridgePorts{}),
        packet_type(packet.fields[Field::kPacketType]),
        mark(packet.fields[Field::kMark]) {}

  void put_on(Packet& datagram) const {
    datagram.mac_source = mac_source;
    datagram.has_mac = has_mac;
    datagram.fields[Field::kPacketType] = packet_type;
    datagram.fields[Field::kMark] = mark;
  }
};

struct Queue {
  uint32_t next;  // of its bucket
  uint32_t older, younger;
  uint64_t hash;
  Key key;
  Instant deadline;
  uint32_t first_fragment, last_fragment;
  uint32_t source_count;  // of the source's fragments, when the last one came
  uint32_t length;        // of the payload, as far as known
  uint32_t top;           // end of the highest fragment held
  uint32_t held;          // bytes of payload
  uint32_t largest;       // packet
  uint8_t next_header;    // IPv6: after the fragment header, in the first fragment
  uint8_t ecns;           // one bit for each codepoint seen
  bool has_first, has_last;
  Frame frame;  // if it has the first
  size_t charge;
  Units present, run_starts;
};

// The queues of one family.
struct Store {
  static constexpr size_t kBuckets = 4096;

  Pool<Queue> queues;
  Pool<Fragment> fragments;
  Pool<Chunk> chunks;
  std::vector<uint32_t> buckets = std::vector<uint32_t>(kBuckets, kNone);
  uint32_t oldest = kNone, youngest = kNone;
  uint32_t lost = kNone;  // out of the table, not yet told to the engine
  size_t charge = 0;
  size_t held = 0;  // fragments
  size_t limit;
  Duration timeout;

  // A queue that exists may grow past the limit; the pools end at twice that.
  Store(size_t bytes, uint64_t seconds)
      : queues(bytes / (kQueueCharge + 768) + 2),
        fragments(2 * bytes / 768 + 2),
        chunks(2 * bytes / sizeof(Chunk) + 2 * (kMostPayload / sizeof(Chunk) + 2)),
        limit(bytes),
        timeout(std::chrono::seconds(seconds)) {}

  uint32_t find(const Key& key, uint64_t hash) {
    for (uint32_t i = buckets[hash % kBuckets]; i != kNone; i = queues[i].next) {
      if (queues[i].hash == hash && queues[i].key == key) return i;
    }
    return kNone;
  }

  uint32_t create(const Key& key, uint64_t hash, Instant now) {
    if (charge > limit) return kNone;
    uint32_t index = queues.take();
    if (index == kNone) return kNone;
    Queue& queue = queues[index];
    queue.hash = hash;
    queue.key = key;
    queue.deadline = now + timeout;
    queue.first_fragment = queue.last_fragment = kNone;
    queue.source_count = queue.length = queue.top = queue.held = queue.largest = 0;
    queue.next_header = queue.ecns = 0;
    queue.has_first = queue.has_last = false;
    queue.charge = kQueueCharge;
    queue.present.clear();
    queue.run_starts.clear();
    charge += kQueueCharge;
    queue.next = buckets[hash % kBuckets];
    buckets[hash % kBuckets] = index;
    queue.older = youngest;
    queue.younger = kNone;
    (youngest == kNone ? oldest : queues[youngest].younger) = index;
    youngest = index;
    return index;
  }

  // Out of the table and the order of age; its fragments stay.
  void unlink(uint32_t index) {
    Queue& queue = queues[index];
    uint32_t* link = &buckets[queue.hash % kBuckets];
    while (*link != index) link = &queues[*link].next;
    *link = queue.next;
    (queue.older == kNone ? oldest : queues[queue.older].younger) = queue.younger;
    (queue.younger == kNone ? youngest : queues[queue.younger].older) = queue.older;
  }

  void lose(uint32_t index) {
    unlink(index);
    queues[index].next = lost;
    lost = index;
  }

  void free_chunks(uint32_t chunk) {
    while (chunk != kNone) {
      uint32_t next = chunks[chunk].next;
      chunks.give(chunk);
      chunk = next;
    }
  }

  // An unlinked queue and all it holds; the cookies are kept in `cookies`.
  void release(uint32_t index, std::vector<void*>& cookies) {
    Queue& queue = queues[index];
    cookies.clear();
    for (uint32_t i = queue.first_fragment; i != kNone;) {
      cookies.push_back(fragments[i].cookie);
      free_chunks(fragments[i].chunk);
      uint32_t next = fragments[i].next;
      fragments.give(i);
      held--;
      i = next;
    }
    charge -= queue.charge;
    queues.give(index);
  }

  // The bytes in a chain of chunks, or kNone where the pool is empty.
  uint32_t store(std::span<const uint8_t> first, std::span<const uint8_t> second) {
    uint32_t head = kNone;
    uint32_t* link = &head;
    size_t room = 0;
    uint8_t* to = nullptr;
    for (std::span<const uint8_t> from : {first, second}) {
      while (!from.empty()) {
        if (room == 0) {
          uint32_t chunk = chunks.take();
          if (chunk == kNone) {
            free_chunks(head);
            return kNone;
          }
          *link = chunk;
          link = &chunks[chunk].next;
          *link = kNone;
          to = chunks[chunk].bytes;
          room = sizeof(Chunk::bytes);
        }
        size_t size = std::min(room, from.size());
        std::memcpy(to, from.data(), size);
        to += size;
        room -= size;
        from = from.subspan(size);
      }
    }
    return head;
  }

  bool keep(Queue& queue, const Packet& packet, const Fragment& fragment,
            std::span<const uint8_t> prefix, std::span<const uint8_t> payload) {
    uint32_t index = fragments.take();
    if (index == kNone) return false;
    uint32_t chunk = store(prefix, payload);
    if (chunk == kNone && !(prefix.empty() && payload.empty())) {
      fragments.give(index);
      return false;
    }
    Fragment& kept = fragments[index];
    kept = fragment;
    kept.next = kNone;
    kept.chunk = chunk;
    kept.stored = static_cast<uint32_t>(prefix.size() + payload.size());
    kept.cookie = packet.cookie;
    (queue.last_fragment == kNone ? queue.first_fragment : fragments[queue.last_fragment].next) =
        index;
    queue.last_fragment = index;
    held++;
    queue.charge += charge_of(packet);
    charge += charge_of(packet);
    return true;
  }
};

// RFC 3168, 5.3: not-ECT (0) with anything else is a lie; else CE (3) if there is any.
bool ecn_contradicts(uint8_t ecns) {
  return (ecns & 1) && ecns != 1;
}
bool ecn_is_ce(uint8_t ecns) {
  return ecns & 8;
}

// RFC 7112: the first fragment has all headers, up to these bytes of the transport's.
// Linux asks a little less: an extension header that is not there, or not whole, is not missed.
bool has_all_headers(const Packet& packet) {
  uint32_t needed = 1;
  switch (packet.protocol()) {
    case protocol::kTcp: needed = sizeof(TcpHeader); break;
    case protocol::kUdp: needed = sizeof(UdpHeader); break;
    case protocol::kIcmpv6: needed = sizeof(IcmpHeader); break;
    case protocol::kHopByHop:
    case protocol::kIpv6Routing:
    case protocol::kIpv6Fragment:
    case protocol::kAh:
    case protocol::kIpv6Destination: return true;
    default: break;
  }
  return packet.presence(packet.transport, needed) != Presence::kShort;
}

}  // namespace

struct Defragmenter::State {
  HashKey hash_key;
  Store ipv4, ipv6;
  std::array<uint32_t, 4096> source_counts{};  // fragments seen, by the source's hash
  std::vector<void*> cookies;
  std::vector<uint8_t> buffer;
  Packet datagram;
  Frame frame;  // the datagram's
  uint32_t largest = 0;

  State(const Limits& limits, const HashKey& key)
      : hash_key(key),
        ipv4(limits.bytes_ipv4, limits.seconds_ipv4),
        ipv6(limits.bytes_ipv6, limits.seconds_ipv6),
        buffer(kHeadroom + sizeof(Ipv6Header) + kMostPayload) {
    cookies.reserve(kUnits + 1);
  }

  Pushed push(const Packet& packet, const Place& place);
  bool is_reused(Queue& queue);
  Reason admit(Queue& queue, const Packet& packet, uint32_t end);
  Pushed add(Store& store, uint32_t index, const Packet& packet, const Place& place, uint32_t start,
             uint32_t end);
  Pushed assemble(Store& store, uint32_t index, const Packet& last);

  Pushed throw_away(Store& store, uint32_t index, Outcome outcome, Reason reason) {
    store.unlink(index);
    store.release(index, cookies);
    return {outcome, reason, cookies};
  }
};

namespace {

Key key_of(const Packet& packet, const Defragmenter::Place& place) {
  const bool v4 = packet.family == Family::kIpv4;
  const Address destination = packet.destination();
  const bool of_one_link =
      !v4 && (destination.is_link_local(packet.family) || destination.is_multicast(packet.family));
  return {
      .source = packet.source(),
      .destination = destination,
      .id = packet.fragment_id,
      .protocol = v4 ? packet.protocol() : uint8_t{0},
      .point = place.point,
      .in = of_one_link && place.point != Defragmenter::Point::kOut ? place.in : InterfaceName()};
}

uint64_t pair(uint32_t high, uint32_t low) {
  return uint64_t{high} << 32 | low;
}

uint64_t hash_of(const Key& key, const HashKey& secret) {
  const auto& s = key.source.words;
  const auto& d = key.destination.words;
  return keyed_hash<6>({pair(s[0], s[1]), pair(s[2], s[3]), pair(d[0], d[1]), pair(d[2], d[3]),
                        pair(key.id, static_cast<uint32_t>(key.point) << 8 | key.protocol), 0},
                       secret);
}

// The first fragment's header becomes the datagram's. `size` is what is known of it.
void finish_ipv4_header(uint8_t* data, uint32_t size, uint32_t total, uint8_t ecns) {
  auto& ip = *reinterpret_cast<Ipv4Header*>(data);
  if (ecn_is_ce(ecns)) ip.tos |= 3;
  ip.total_length = static_cast<uint16_t>(total);
  ip.fragment = ip.fragment & Ipv4Header::kDontFragment;
  ip.checksum = 0;
  uint16_t sum = static_cast<uint16_t>(~fold(sum_words(data, size / 4)));
  std::memcpy(data + offsetof(Ipv4Header, checksum), &sum, sizeof sum);
}

// The fragment header is gone: whoever named it names `next`.
void finish_ipv6_header(uint8_t* data, uint32_t prefix, uint32_t total, uint8_t ecns,
                        uint8_t next) {
  auto& ip = *reinterpret_cast<Ipv6Header*>(data);
  if (ecn_is_ce(ecns)) ip.version_class_flow = ip.version_class_flow | 3u << 20;
  ip.payload_length = static_cast<uint16_t>(total - sizeof ip);
  uint8_t* name = &ip.next_header;
  for (uint32_t at = sizeof ip; at < prefix;) {
    const auto& extension = *reinterpret_cast<const Ipv6Extension*>(data + at);
    uint32_t size =
        *name == protocol::kAh ? 4u * (extension.length + 2u) : 8u * (extension.length + 1u);
    name = data + at;
    at += size;
  }
  *name = next;
}

uint32_t payload_start(const Packet& packet) {
  return packet.family == Family::kIpv4
             ? packet.transport
             : packet.fragment_header + static_cast<uint32_t>(sizeof(Ipv6FragmentHeader));
}

}  // namespace

// Another 64 fragments of its source came since the queue's last one.
bool Defragmenter::State::is_reused(Queue& queue) {
  uint64_t hash = keyed_hash<2>({queue.key.source.words[0], 0}, hash_key);
  uint32_t count = ++source_counts[hash % source_counts.size()];
  uint32_t before = queue.source_count;
  queue.source_count = count;
  return queue.first_fragment != kNone && count - before > kMaxDistance;
}

// Whether the fragment fits what the queue knows of the datagram's length.
// kFragmentBad if not; what it costs is the family's.
Reason Defragmenter::State::admit(Queue& queue, const Packet& packet, uint32_t end) {
  if (!packet.more_fragments) {
    if (end < queue.length || (queue.has_last && end != queue.length)) return Reason::kFragmentBad;
    queue.has_last = true;
    queue.length = end;
  } else if (end > queue.length) {
    if (queue.has_last) return Reason::kFragmentBad;
    queue.length = end;
  }
  return end == packet.fragment_offset ? Reason::kFragmentBad : Reason::kNone;
}

Defragmenter::Pushed Defragmenter::State::push(const Packet& packet, const Place& place) {
  const bool v4 = packet.family == Family::kIpv4;
  const uint32_t start = payload_start(packet);
  const uint32_t offset = packet.fragment_offset;
  uint32_t end = offset + packet.length - start;
  // An IPv6 first fragment without all its headers goes on alone, and INVALID.
  if (!v4 && offset == 0 && !has_all_headers(packet)) return {};
  if (!v4 && end > kMostPayload) return {Outcome::kDropped, Reason::kFragmentBad, {}};

  Store& store = v4 ? ipv4 : ipv6;
  const Key key = key_of(packet, place);
  const uint64_t hash = hash_of(key, hash_key);
  uint32_t index = store.find(key, hash);
  if (index != kNone && store.queues[index].deadline <= packet.time) {
    store.lose(index);
    index = kNone;
  }
  if (!v4 && packet.more_fragments && end % kUnit != 0) {  // so does one that ends askew
    if (index == kNone) return {};
    return throw_away(store, index, Outcome::kWhole, Reason::kFragmentBad);
  }
  if (v4 && packet.more_fragments) end -= end % kUnit;  // IPv4 cuts it
  if (index == kNone) index = store.create(key, hash, packet.time);
  if (index == kNone) return {Outcome::kDropped, Reason::kFragmentLimit, {}};
  if (v4 && is_reused(store.queues[index])) {
    const uint32_t count = store.queues[index].source_count;
    store.lose(index);
    index = store.create(key, hash, packet.time);
    if (index == kNone) return {Outcome::kDropped, Reason::kFragmentLimit, {}};
    store.queues[index].source_count = count;
  }

  return add(store, index, packet, place, start, end);
}

// Into its queue: bytes [start, start + end - offset) of the packet.
Defragmenter::Pushed Defragmenter::State::add(Store& store, uint32_t index, const Packet& packet,
                                              const Place& place, uint32_t start, uint32_t end) {
  const bool v4 = packet.family == Family::kIpv4;
  const uint32_t offset = packet.fragment_offset;
  Queue& queue = store.queues[index];
  auto refuse = [&](Reason reason, bool all) -> Pushed {
    if (all || queue.first_fragment == kNone) {
      return throw_away(store, index, Outcome::kDropped, reason);
    }
    return {Outcome::kDropped, reason, {}};
  };
  if (Reason bad = admit(queue, packet, end); bad != Reason::kNone) {
    // An empty one has told IPv6 all the same where the datagram ends, be it the queue's only one.
    return v4 ? refuse(bad, true) : Pushed{Outcome::kDropped, bad, {}};
  }

  const uint32_t from = offset / kUnit, to = (end + kUnit - 1) / kUnit;
  if (end > kMostPayload) return refuse(Reason::kFragmentBad, true);
  if (queue.present.any(from, to)) {
    bool duplicate = queue.present.all(from, to) && !queue.run_starts.any(from + 1, to);
    if (duplicate) return refuse(Reason::kFragmentDuplicate, false);
    return refuse(Reason::kFragmentOverlap, true);
  }
  Fragment fragment{};
  fragment.offset = offset;
  fragment.length = end - offset;
  std::span<const uint8_t> bytes = packet.bytes();
  std::span<const uint8_t> prefix, payload;
  if (offset == 0) {
    fragment.prefix = v4 ? packet.transport : packet.fragment_header;
    if (!v4) queue.next_header = bytes[packet.fragment_header];
    prefix = bytes.first(std::min<size_t>(fragment.prefix, bytes.size()));
  }
  if (bytes.size() > start) {
    payload = bytes.subspan(start, std::min<size_t>(fragment.length, bytes.size() - start));
  }
  if (!store.keep(queue, packet, fragment, prefix, payload)) {
    return refuse(Reason::kFragmentLimit, false);
  }
  queue.present.set(from, to);
  if (queue.held == 0 || offset != queue.top) queue.run_starts.set(from, from + 1);
  queue.top = std::max(queue.top, end);
  queue.held += fragment.length;
  queue.largest = std::max(queue.largest, packet.length);
  queue.ecns |= static_cast<uint8_t>(1 << (packet.fields[Field::kTos] & 3));
  if (offset == 0) {
    queue.has_first = true;
    queue.frame = Frame(packet, place);
  }
  if (queue.has_first && queue.has_last && queue.held == queue.length) {
    return assemble(store, index, packet);
  }
  return {Outcome::kHeld, Reason::kFragmentHeld, {}};
}

// Copies every fragment to its place. `last` lends what is not in the bytes.
Defragmenter::Pushed Defragmenter::State::assemble(Store& store, uint32_t index,
                                                   const Packet& last) {
  const Queue& queue = store.queues[index];
  const bool v4 = &store == &ipv4;
  auto finish = [&](Outcome outcome, Reason reason) -> Pushed {
    throw_away(store, index, outcome, reason);
    cookies.pop_back();  // the last one's own
    return {outcome, reason, cookies};
  };
  if (ecn_contradicts(queue.ecns)) return finish(Outcome::kDropped, Reason::kFragmentBad);
  uint32_t prefix = 0;
  for (uint32_t i = queue.first_fragment; i != kNone; i = store.fragments[i].next) {
    prefix = std::max(prefix, store.fragments[i].prefix);
  }
  const uint32_t total = prefix + queue.length;
  const uint32_t most = v4 ? kMostPayload : kMostPayload + uint32_t{sizeof(Ipv6Header)};
  if (total > most) return finish(Outcome::kDropped, Reason::kFragmentBad);

  // A capture may have cut any fragment: the datagram is known up to the first gap.
  uint32_t captured = total;
  uint8_t* const data = buffer.data() + kHeadroom;
  for (uint32_t i = queue.first_fragment; i != kNone; i = store.fragments[i].next) {
    const Fragment& fragment = store.fragments[i];
    uint32_t begin = fragment.prefix ? 0 : prefix + fragment.offset;
    if (fragment.stored < fragment.prefix + fragment.length) {
      captured = std::min(captured, begin + fragment.stored);
    }
    uint32_t left = fragment.stored;
    for (uint32_t c = fragment.chunk; c != kNone; c = store.chunks[c].next) {
      uint32_t size = std::min<uint32_t>(left, sizeof(Chunk::bytes));
      std::memcpy(data + begin, store.chunks[c].bytes, size);
      begin += size;
      left -= size;
    }
  }
  largest = std::max(queue.largest, v4 ? 0 : kLeastIpv6Mtu);
  frame = queue.frame;
  const uint8_t ecns = queue.ecns, next_header = queue.next_header;
  Pushed result = finish(Outcome::kComplete, Reason::kNone);

  datagram = last;
  datagram.data = data;
  datagram.captured = captured;
  datagram.wire_length = total;
  datagram.headroom = kHeadroom;
  frame.put_on(datagram);
  if (v4) {
    finish_ipv4_header(data, std::min(prefix, captured), total, ecns);
  } else {
    finish_ipv6_header(data, prefix, total, ecns, next_header);
  }
  parse(datagram);
  return result;
}

Defragmenter::Defragmenter(const Limits& limits, const HashKey& key)
    : state_(std::make_unique<State>(limits, key)) {}
Defragmenter::~Defragmenter() = default;

Defragmenter::Pushed Defragmenter::push(const Packet& packet, const Place& place) {
  if (!packet.is_fragment) return {};
  return state_->push(packet, place);
}

Packet& Defragmenter::datagram() {
  return state_->datagram;
}
const BridgePorts* Defragmenter::ports() const {
  return state_->frame.at_port ? &state_->frame.ports : nullptr;
}
size_t Defragmenter::held() const {
  return state_->ipv4.held + state_->ipv6.held;
}
uint32_t Defragmenter::largest_fragment() const {
  return state_->largest;
}

std::span<void* const> Defragmenter::expire_one(Instant now) {
  for (Store* store : {&state_->ipv4, &state_->ipv6}) {
    for (;;) {
      uint32_t oldest = store->oldest;
      if (oldest != kNone && store->queues[oldest].deadline <= now) store->lose(oldest);
      uint32_t index = store->lost;
      if (index == kNone) break;
      store->lost = store->queues[index].next;
      store->release(index, state_->cookies);
      if (!state_->cookies.empty()) return state_->cookies;  // else it held nothing but a length
    }
  }
  return {};
}

}  // namespace sallyport
