#include "router.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "packet/checksum.h"
#include "packet/parse.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

// Of an Ethernet frame of 64 bytes, without its header and check sequence.
constexpr size_t kSmallestPacket = 46;

// Writes `value` of `size` bytes at `at` and puts it into the checksums there (null: none).
template <typename Value>
void exchange(uint8_t* at, Value value, std::initializer_list<uint8_t*> checksums) {
  uint32_t before = 0, after = 0;
  std::memcpy(&before, at, sizeof value);
  std::memcpy(&after, &value, sizeof value);
  std::memcpy(at, &value, sizeof value);
  for (uint8_t* place : checksums) {
    if (!place) continue;
    uint16_t checksum;
    std::memcpy(&checksum, place, sizeof checksum);
    checksum = replace_in_checksum(checksum, before, after);
    if (checksum == 0) checksum = 0xffff;  // in UDP 0 would say that there is none
    std::memcpy(place, &checksum, sizeof checksum);
  }
}

}  // namespace

const std::string kEstablishedRules = R"(*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT DROP
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
)";
const std::string kNewRule = "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n";

PacketSpec packet_of(Family family, uint8_t protocol, uint32_t number, bool reply,
                     uint8_t tcp_flags) {
  const Client client = client_of(number);
  PacketSpec spec;
  spec.family = family;
  spec.protocol = protocol;
  if (family == Family::kIpv4) {
    spec.source = Address::ipv4(client.address);
    spec.destination = Address::ipv4(kServer);
    if (protocol == protocol::kUdp) {
      spec.payload.resize(kSmallestPacket - sizeof(Ipv4Header) - sizeof(UdpHeader));
    }
  } else {
    spec.source = {{0xfd000000, 0, 0, client.address}};
    spec.destination = {{0x20010db8, 0, 0, 1}};
  }
  spec.source_port = client.port;
  spec.destination_port = protocol == protocol::kTcp ? 443 : 53;
  spec.tcp.flags = tcp_flags;
  spec.tcp.seq = reply ? 5000 : 1000;
  if (tcp_flags == tcp_flag::kAck) spec.tcp.seq++;
  if (tcp_flags & tcp_flag::kAck) spec.tcp.ack = reply ? 1001 : 5001;
  if (reply) {
    std::swap(spec.source, spec.destination);
    std::swap(spec.source_port, spec.destination_port);
  }
  return spec;
}

PacketWriter::PacketWriter(Family family, uint8_t protocol, bool reply, uint8_t tcp_flags)
    : bytes_(build(packet_of(family, protocol, 0, reply, tcp_flags))) {
  bool ipv4 = family == Family::kIpv4;
  size_t transport = ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  size_t source = ipv4 ? 12 : 20;  // the word that differs
  size_t destination = ipv4 ? 16 : 36;
  address_ = reply ? destination : source;
  port_ = transport + (reply ? 2 : 0);
  header_checksum_ = ipv4 ? 10 : 0;
  window_ = transport + offsetof(TcpHeader, window);
  checksum_ = transport + (protocol == protocol::kTcp ? 16 : 6);
}

void PacketWriter::write_client(const Client& client, uint8_t* to) const {
  std::memcpy(to, bytes_.data(), bytes_.size());
  uint8_t* header_checksum = header_checksum_ ? to + header_checksum_ : nullptr;
  exchange(to + address_, be32(client.address), {header_checksum, to + checksum_});
  exchange(to + port_, be16(client.port), {to + checksum_});
}

void PacketWriter::offer(uint16_t window, uint8_t* in) const {
  exchange(in + window_, be16(window), {in + checksum_});
}

Router::Router(Family family, const std::string& rules, const HashKey& key)
    : engine_(config(key), std::make_unique<SetStore>(make_hash_key(2))),
      way_from_{Way{.path = Way::Path::kForward, .in = &inside_, .out = &outside_},
                Way{.path = Way::Path::kForward, .in = &outside_, .out = &inside_}} {
  auto parsed = parse_rules(rules + "COMMIT\n", family);
  if (parsed) engine_.set_program(family, compile(*parsed));
}

Viewpoint Router::viewpoint() const {
  return Viewpoint::of_router({*Prefix::parse("10.0.0.0/8"), *Prefix::parse("fd00::/8")}, inside_,
                              outside_);
}

Engine::Config Router::config(const HashKey& key) {
  Engine::Config config;
  config.knobs.max = 0;
  config.knobs.acct = 1;
  config.descriptors = builtin_descriptors();
  config.hash_key = key;
  return config;
}

size_t Router::burst(uint8_t* bytes, const Side* sides, size_t count, uint32_t length) {
  now_ += kBurstTime;
  for (size_t i = 0; i < count; i++) {
    Packet& packet = packets_[i];
    packet.arrive(bytes + i * kSlot, length, length, now_);
    parse(packet);
    ways_[i] = way_from_[static_cast<size_t>(sides[i])];
  }
  engine_.process(std::span(packets_).first(count), std::span(ways_).first(count),
                  std::span(outcomes_).first(count));
  return static_cast<size_t>(
      std::count_if(outcomes_.begin(), outcomes_.begin() + static_cast<ptrdiff_t>(count),
                    [](const Outcome& outcome) { return outcome.fate == Outcome::Fate::kAccept; }));
}

// A packet of each flow, all at one moment.
size_t Router::send_all(const PacketWriter& writer, Side side, uint32_t flows) {
  alignas(64) uint8_t bytes[kBurst * kSlot];
  std::array<Side, kBurst> sides;
  sides.fill(side);
  size_t accepted = 0;
  const Instant moment = now_;
  for (uint32_t number = 0; number < flows;) {
    size_t count = std::min<size_t>(kBurst, flows - number);
    for (size_t i = 0; i < count; i++) writer.write(number++, &bytes[i * kSlot]);
    now_ = moment;
    accepted += burst(bytes, sides.data(), count, writer.length());
  }
  return accepted;
}

void Router::establish(Family family, uint8_t protocol, uint32_t flows) {
  send_all(PacketWriter(family, protocol, false, tcp_flag::kSyn), Side::kInside, flows);
  send_all(PacketWriter(family, protocol, true, tcp_flag::kSyn | tcp_flag::kAck), Side::kOutside,
           flows);
  if (protocol == protocol::kTcp) {
    send_all(PacketWriter(family, protocol, false, tcp_flag::kAck), Side::kInside, flows);
  }
  pass(kSettling);
  send_all(PacketWriter(family, protocol, false, tcp_flag::kAck), Side::kInside, flows);
  send_all(PacketWriter(family, protocol, true, tcp_flag::kAck), Side::kOutside, flows);
}

}  // namespace sallyport
