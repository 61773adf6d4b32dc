#include "conntrack/discovery/discovery.h"

#include <algorithm>

#include "packet/headers.h"

namespace sallyport {
namespace {

using Window = Discovery::Window;
using Answer = Discovery::Answer;

constexpr uint32_t kNone = ~0u;

// The socket that answers go to.
struct Socket {
  Family family;
  Address address;
  uint16_t port;
};

uint64_t hash_of(Family family, const Address& address, uint16_t port, const HashKey& key) {
  const auto& words = address.words;
  return keyed_hash<4>({uint64_t{words[0]} << 32 | words[1], uint64_t{words[2]} << 32 | words[3],
                        uint64_t{port} << 8 | static_cast<uint64_t>(family), 0},
                       key);
}

Payload udp_payload(const Packet& packet) {
  uint32_t start = packet.transport + uint32_t{sizeof(UdpHeader)};
  uint32_t end = packet.length;
  if (const UdpHeader* udp = packet.header<UdpHeader>(packet.transport)) {
    end = std::min(end, uint32_t{packet.transport} + udp->length);
  }
  end = std::max(start, end);
  uint32_t held = std::clamp(packet.captured, start, end);
  return {{packet.data + start, held - start}, end - start};
}

uint16_t source_port(const Packet& packet) {
  return static_cast<uint16_t>(packet.fields[Field::kSourcePort]);
}
uint16_t destination_port(const Packet& packet) {
  return static_cast<uint16_t>(packet.fields[Field::kDestinationPort]);
}

bool asks(const Descriptor::Question& question, const Packet& packet, bool broadcast) {
  uint16_t from = source_port(packet), to = destination_port(packet);
  if (question.from_other_port && from == to) return false;
  if (!question.from_ports.empty() && !contains(question.from_ports, from)) return false;
  Address address = packet.destination();
  return std::ranges::any_of(question.targets, [&](const Descriptor::Target& target) {
    bool there = target.is_broadcast() ? broadcast : target.is_group(packet.family, address);
    return there && target.has_port(to);
  });
}

// A question, as far as the bytes tell, and how long its answers may take.
struct Asked {
  Holds holds = Holds::kNo;
  Tick window = 0;
};

Asked read_question(const Descriptor& descriptor, const Payload& payload) {
  const Descriptor::Answer& answer = descriptor.answer;
  Asked asked{all_hold(descriptor.question.tests, payload), 0};
  uint32_t milliseconds = answer.milliseconds;
  if (asked.holds != Holds::kNo && !answer.header.empty()) {
    // A capture that cut the header off gets the longest window there could have been.
    uint32_t seconds = answer.most;
    if (auto value = header_number(payload.text(), answer.header)) {
      seconds = std::clamp(*value, answer.least, answer.most);
    } else {
      asked.holds = std::min(asked.holds, payload.is_whole() ? Holds::kNo : Holds::kUnknown);
    }
    milliseconds += seconds * 1000;
  }
  asked.window = uint64_t{milliseconds} * kTicksPerSecond / 1000;
  return asked;
}

bool port_allowed(const Window& window, uint16_t port) {
  const Descriptor::Answer& answer = window.descriptor->answer;
  switch (answer.from) {
    case Descriptor::Answer::From::kAskedPort: return port == window.asked_port;
    case Descriptor::Answer::From::kAnyPort: return true;
    case Descriptor::Answer::From::kPorts: return contains(answer.from_ports, port);
  }
  return false;
}

// How far an answer came before it was refused: of several windows of a socket, the
// one that it came furthest with is the one to name.
int progress(Reason refused) {
  switch (refused) {
    case Reason::kDiscoverySelf: return 1;
    case Reason::kDiscoveryOffLink: return 2;
    case Reason::kDiscoveryPort: return 3;
    case Reason::kDiscoveryLate: return 4;
    case Reason::kDiscoveryTooMany: return 5;
    default: return 0;
  }
}

}  // namespace

struct Discovery::State {
  struct Slot {
    Window window;
    uint32_t next = kNone;  // in the bucket
    uint32_t bucket = 0;
  };
  static_assert((kMostWindows & (kMostWindows - 1)) == 0);

  State(std::span<const Descriptor> all, const Host& the_host, const HashKey& the_key,
        Announcements let_in)
      : descriptors(all), host(the_host), key(the_key), announcements(let_in) {}

  std::span<const Descriptor> descriptors;
  const Host& host;
  const HashKey key;
  const Announcements announcements;

  std::vector<Slot> slots = std::vector<Slot>(kMostWindows);
  std::vector<uint32_t> buckets = std::vector<uint32_t>(kMostWindows, kNone);
  // Of each slot, side by side for the walk in take_slot().
  std::vector<Tick> expires = std::vector<Tick>(kMostWindows, 0);         // 0: never used
  std::vector<uint32_t> askers = std::vector<uint32_t>(kMostWindows, 0);  // address, hashed

  std::array<uint64_t, static_cast<size_t>(Reason::kCount)> refused{};
  uint64_t windows_refused = 0;
  std::vector<uint64_t> related = std::vector<uint64_t>(descriptors.size());
  Tick known_until = 0;  // no window is remembered from then on

  uint32_t bucket_of(const Socket& socket) const {
    return static_cast<uint32_t>(hash_of(socket.family, socket.address, socket.port, key)) &
           (kMostWindows - 1);
  }

  template <typename Visit>  // bool(Window&), true to go on
  void each_window_of(const Socket& socket, const Visit& visit) {
    for (uint32_t i = buckets[bucket_of(socket)]; i != kNone; i = slots[i].next) {
      Window& window = slots[i].window;
      bool same = window.family == socket.family && window.asker == socket.address &&
                  window.asker_port == socket.port;
      if (same && !visit(window, i)) return;
    }
  }

  bool open(const Descriptor& descriptor, const Packet& packet, FlowId flow, const Asked& asked,
            Tick now);
  bool put(const Window& window, Tick now);
  void set_end(uint32_t slot, Tick end) {
    expires[slot] = end;
    known_until = std::max(known_until, end + kRemembered);
  }
  uint32_t take_slot(uint32_t asker, Tick now);
  void unlink(uint32_t slot);
  Reason judge(const Window& window, const Packet& packet, Tick now) const;
  Reason judge_source(const Packet& packet, const InterfaceName* interface) const;
  Answer announced(const Packet& packet);
  Answer answered(const Packet& packet, Tick now);
  Answer refuse(const Descriptor* descriptor, Reason reason);
};

// A place for a new window of `asker`: one never used, or the one that has been over
// for longest. kNone if all are open, or too many are this asker's.
uint32_t Discovery::State::take_slot(uint32_t asker, Tick now) {
  uint32_t oldest = 0;
  Tick oldest_end = ~Tick{0};
  size_t own = 0;
  for (uint32_t i = 0; i < kMostWindows; i++) {  // without branches: it is walked in a flood
    oldest = expires[i] < oldest_end ? i : oldest;
    oldest_end = std::min(oldest_end, expires[i]);
    own += static_cast<size_t>(askers[i] == asker) & static_cast<size_t>(expires[i] > now);
  }
  if (own >= kMostWindowsPerAddress || oldest_end > now) return kNone;
  if (oldest_end != 0) unlink(oldest);
  return oldest;
}

void Discovery::State::unlink(uint32_t slot) {
  uint32_t* link = &buckets[slots[slot].bucket];
  while (*link != slot) link = &slots[*link].next;
  *link = slots[slot].next;
}

// A window that is not there yet.
bool Discovery::State::put(const Window& window, Tick now) {
  const auto asker = static_cast<uint32_t>(hash_of(window.family, window.asker, 0, key));
  const uint32_t slot = take_slot(asker, now);
  if (slot == kNone) {
    windows_refused++;
    return false;
  }
  const uint32_t bucket = bucket_of({window.family, window.asker, window.asker_port});
  slots[slot] = {.window = window, .next = buckets[bucket], .bucket = bucket};
  buckets[bucket] = slot;
  askers[slot] = asker;
  set_end(slot, window.expires);
  return true;
}

bool Discovery::State::open(const Descriptor& descriptor, const Packet& packet, FlowId flow,
                            const Asked& asked, Tick now) {
  uint16_t fixed = descriptor.answer.to_port;
  Socket socket{packet.family, packet.source(), fixed != 0 ? fixed : source_port(packet)};
  Address group = packet.destination();
  uint16_t port = destination_port(packet);
  uint32_t slot = kNone;
  each_window_of(socket, [&](const Window& window, uint32_t i) {
    bool same =
        window.descriptor == &descriptor && window.asked == group && window.asked_port == port;
    if (same) slot = i;
    return !same;
  });
  // The answers to the question before may still come: a window opened anew never
  // ends earlier than it would have.
  const Tick end = std::max(now + asked.window, slot != kNone ? expires[slot] : 0);
  const Window window = {.descriptor = &descriptor,
                         .family = packet.family,
                         .asker = socket.address,
                         .asker_port = socket.port,
                         .asked = group,
                         .asked_port = port,
                         .interface = packet.out ? *packet.out : InterfaceName(),
                         .master = flow,
                         .expires = end,
                         .answers = 0,
                         .assumed = asked.holds == Holds::kUnknown};
  if (slot == kNone) return put(window, now);
  slots[slot].window = window;
  set_end(slot, end);
  return true;
}

// What is asked of every source, whatever the protocol. `interface` is the one that
// the packet must have come in by; null for any.
Reason Discovery::State::judge_source(const Packet& packet, const InterfaceName* interface) const {
  Address source = packet.source();
  bool is_no_host = source.is_zero() || source.is_multicast(packet.family) ||
                    (packet.family == Family::kIpv4 && host.is_broadcast(source));
  if (is_no_host || host.is_local(packet.family, source)) return Reason::kDiscoverySelf;
  bool other_link = interface && packet.in && *packet.in != *interface;
  if (other_link || !host.is_on_link(packet.family, source, packet.in)) {
    return Reason::kDiscoveryOffLink;
  }
  return Reason::kNone;
}

Reason Discovery::State::judge(const Window& window, const Packet& packet, Tick now) const {
  bool known = window.interface != InterfaceName();
  Reason source = judge_source(packet, known ? &window.interface : nullptr);
  if (source != Reason::kNone) return source;
  if (!port_allowed(window, source_port(packet))) return Reason::kDiscoveryPort;
  if (now >= window.expires) return Reason::kDiscoveryLate;
  if (window.answers >= kMostAnswers) return Reason::kDiscoveryTooMany;
  return Reason::kNone;
}

Answer Discovery::State::refuse(const Descriptor* descriptor, Reason reason) {
  refused[static_cast<size_t>(reason)]++;
  return {.descriptor = descriptor, .master = {}, .refused = reason};
}

Answer Discovery::State::answered(const Packet& packet, Tick now) {
  Socket socket{packet.family, packet.destination(), destination_port(packet)};
  Window* found = nullptr;
  const Window* nearest = nullptr;
  Reason reason = Reason::kNone;
  each_window_of(socket, [&](Window& window, uint32_t) {
    if (now >= window.expires + kRemembered) return true;
    Reason judged = judge(window, packet, now);
    if (judged == Reason::kNone) {
      found = &window;
      return false;
    }
    if (progress(judged) > progress(reason)) {
      reason = judged;
      nearest = &window;
    }
    return true;
  });
  if (found) {
    found->answers++;
    return {.related = true,
            .assumed = found->assumed,
            .descriptor = found->descriptor,
            .master = found->master,
            .until = found->expires};
  }
  return nearest ? refuse(nearest->descriptor, reason) : Answer{};
}

Answer Discovery::State::announced(const Packet& packet) {
  Address group = packet.destination();
  if (!host.has_joined(packet.family, group)) return {};
  for (const Descriptor& descriptor : descriptors) {
    const Descriptor::Announcement& announcement = descriptor.announcement;
    auto is_group = [&](const Descriptor::Target& target) {
      return target.is_group(packet.family, group);
    };
    if (!contains(announcement.ports, destination_port(packet))) continue;
    if (std::ranges::none_of(descriptor.question.targets, is_group)) continue;
    Holds holds = all_hold(announcement.tests, udp_payload(packet));
    if (holds == Holds::kNo) continue;
    Reason judged = judge_source(packet, nullptr);
    bool any_port = announcement.from_ports.empty();
    if (judged == Reason::kNone && !any_port &&
        !contains(announcement.from_ports, source_port(packet))) {
      judged = Reason::kDiscoveryPort;
    }
    if (judged != Reason::kNone) return refuse(&descriptor, judged);
    return {.related = true,
            .announcement = true,
            .assumed = holds == Holds::kUnknown,
            .descriptor = &descriptor,
            .master = {}};
  }
  return {};
}

Discovery::Discovery(std::span<const Descriptor> descriptors, const Host& host, const HashKey& key,
                     Announcements announcements)
    : state_(std::make_unique<State>(descriptors, host, key, announcements)) {}

Discovery::~Discovery() = default;

bool Discovery::sent(const Packet& packet, FlowId flow, Tick now) {
  if (packet.protocol() != protocol::kUdp) return false;
  Address destination = packet.destination();
  bool broadcast = packet.family == Family::kIpv4 && state_->host.is_broadcast(destination);
  if (!broadcast && !destination.is_multicast(packet.family)) return false;
  bool opened = false;
  for (const Descriptor& descriptor : state_->descriptors) {
    if (!asks(descriptor.question, packet, broadcast)) continue;
    Asked asked = read_question(descriptor, udp_payload(packet));
    if (asked.holds == Holds::kNo) continue;
    opened |= state_->open(descriptor, packet, flow, asked, now);
  }
  return opened;
}

bool Discovery::may_know(const Packet& packet, Tick now) const {
  return packet.protocol() == protocol::kUdp &&
         (now < state_->known_until || packet.destination().is_multicast(packet.family));
}

Answer Discovery::received(const Packet& packet, Tick now) {
  if (!may_know(packet, now)) return {};
  State& state = *state_;
  Answer answer;
  if (!packet.destination().is_multicast(packet.family)) {
    answer = state.answered(packet, now);
  } else if (state.announcements == Announcements::kLetIn) {
    answer = state.announced(packet);
  }
  if (answer.related) state.related[answer.descriptor - state.descriptors.data()]++;
  return answer;
}

void Discovery::change(std::span<const Descriptor> descriptors) {
  State& state = *state_;
  for (uint32_t i = 0; i < kMostWindows; i++) {
    if (state.expires[i] == 0) continue;
    const Descriptor*& descriptor = state.slots[i].window.descriptor;
    const auto same = std::ranges::find(descriptors, descriptor->name, &Descriptor::name);
    if (same != descriptors.end()) {
      descriptor = &*same;
    } else {
      state.unlink(i);
      state.expires[i] = 0;
      state.askers[i] = 0;
    }
  }
  std::vector<uint64_t> counts(descriptors.size());
  for (size_t i = 0; i < counts.size(); i++) {
    for (const auto& [protocol, count] : related()) {
      if (protocol == descriptors[i].name) counts[i] = count;
    }
  }
  state.descriptors = descriptors;
  state.related = std::move(counts);
}

void Discovery::restore(Window window, std::string_view protocol, Tick now) {
  State& state = *state_;
  const auto found = std::ranges::find(state.descriptors, protocol, &Descriptor::name);
  if (found == state.descriptors.end() || window.expires <= now) return;
  window.descriptor = &*found;
  // No window is open for longer than its protocol says, whatever has become of the clock.
  const Tick longest = uint64_t{found->answer.longest()} * kTicksPerSecond / 1000;
  window.expires = std::min(window.expires, now + longest);
  state.put(window, now);
}

std::vector<std::pair<std::string_view, uint64_t>> Discovery::related() const {
  std::vector<std::pair<std::string_view, uint64_t>> counts;
  counts.reserve(state_->related.size());
  for (size_t i = 0; i < state_->related.size(); i++) {
    counts.emplace_back(state_->descriptors[i].name, state_->related[i]);
  }
  return counts;
}

uint64_t Discovery::refused(Reason reason) const {
  return state_->refused[static_cast<size_t>(reason)];
}

uint64_t Discovery::windows_refused() const {
  return state_->windows_refused;
}

std::vector<Window> Discovery::windows() const {
  std::vector<Window> out;
  for (size_t i = 0; i < kMostWindows; i++) {
    if (state_->expires[i] != 0) out.push_back(state_->slots[i].window);
  }
  return out;
}

}  // namespace sallyport
