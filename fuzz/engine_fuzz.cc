// The whole engine under any sequence of packets, in two runs that must agree: one packet at
// a time, asking beside each what the engine would do with it in another state, and eight at
// a time without a question. So a burst changes no answer, and a question changes nothing; what
// REJECT sends back is a sound packet, and the same. And
// the flows that are counted are those that are there, the flow of an accepted packet among them.
//
// Trusted: rules and sets. Not trusted: every packet, its time and its way.
//
// Input: commands of 8 bytes, each a packet, and the bytes that belong to it:
//   0  bits 0-1 way; 2 the bytes are the packet, else its payload; 3 IPv6; 4 wrong checksum;
//      5 a fragment; 6 more fragments; 7 the capture kept only the half of it
//   1  time since the packet before, in 1/32 s
//   2  source and destination, 3 ports: indices into the tables below
//   4  protocol, 5 TCP's flags or ICMP's type, 6 sequence (low half) and acknowledgement
//   7  how many bytes; of an ICMP error they are the packet before
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <source_location>
#include <vector>

#include "engine/engine.h"
#include "packet/build.h"
#include "packet/parse.h"
#include "rules/lower.h"
#include "rules/parse.h"
#include "sets/set_store.h"

using namespace sallyport;

namespace {

constexpr std::string_view kSets =
    "create asked hash:ip,port timeout 3 counters\n"
    "create asked6 hash:ip,port family inet6 timeout 3\n";

constexpr std::string_view kRules = R"(*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 7 -j CT --notrack
-A PREROUTING -p udp -m udp --dport 137 -j CT --zone 3
-A PREROUTING -p udp -m udp --dport 69 -j CT --helper tftp
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
-A OUTPUT -p udp -m udp --sport 7 -j CT --notrack
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x5/0xf
-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf
-A FORWARD -m mark --mark 0x5 -m limit --limit 2/sec --limit-burst 3 -j MARK --set-xmark 0x6/0xffffffff
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:states - [0:0]
-A INPUT -g states
-A FORWARD -m mark --mark 0x6 -j DROP
-A FORWARD -m helper --helper ftp -j ACCEPT
-A FORWARD -j states
-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT
-A OUTPUT -p udp -m multiport --dports 1900,5353 -j SET --add-set ASKED src,src --exist
-A OUTPUT -p tcp -m tcp --dport 53 -j REJECT
-A states -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A states -m conntrack --ctstate INVALID -j DROP
-A states -p udp -m set --match-set ASKED dst,dst -j ACCEPT
-A states -p tcp -m tcp --dport 80 --tcp-flags SYN,ACK SYN -m limit --limit 1/sec -j ACCEPT
-A states -p udp -m udp --dport 53 -m length --length 0:100 -j ACCEPT
-A states -m conntrack --ctstate UNTRACKED -j ACCEPT
-A states -p tcp -j REJECT --reject-with tcp-reset
-A states -m length --length 40:1500 -j REJECT
-A states -m pkttype --pkt-type multicast -j ACCEPT
-A states -m physdev --physdev-in eth0 ! --physdev-out eth0 --physdev-is-bridged -j ACCEPT
COMMIT
)";

constexpr const char* kAddresses[] = {"192.168.1.2",     "192.168.1.7",     "192.168.1.8",
                                      "203.0.113.9",     "239.255.255.250", "192.168.1.255",
                                      "255.255.255.255", "127.0.0.1"};
constexpr const char* kAddresses6[] = {"fe80::2", "fe80::7", "fe80::8", "2001:db8::9",
                                       "ff02::c", "ff02::1", "fd00::2", "::1"};
constexpr uint16_t kPorts[] = {1900, 40000, 53, 80, 7, 137, 5353, 0};
constexpr uint8_t kProtocols[] = {protocol::kUdp, protocol::kTcp,  protocol::kIcmp, protocol::kIgmp,
                                  protocol::kGre, protocol::kSctp, protocol::kTcp,  protocol::kUdp};

const InterfaceName kEth0("eth0"), kEth1("eth1"), kLo("lo");
constexpr size_t kBurst = 8;

void require(bool held, std::source_location where = std::source_location::current()) {
  if (held) return;
  std::fprintf(stderr, "engine_fuzz.cc:%u: does not hold\n", where.line());
  std::abort();
}

Ruleset rules_for(Family family, const SetStore& sets) {
  std::string text(kRules);
  std::string name = family == Family::kIpv4 ? "asked" : "asked6";
  for (size_t at; (at = text.find("ASKED")) != std::string::npos;) text.replace(at, 5, name);
  auto rules = parse_rules(text, family, &sets);
  require(rules.has_value());
  return std::move(*rules);
}

std::unique_ptr<Engine> make_engine() {
  Engine::Config config{.descriptors = builtin_descriptors(), .hash_key = make_hash_key(1)};
  // A small room for fragments: it is filled sooner, and costs a run nothing to make.
  config.knobs.ipfrag_high_thresh = config.knobs.frag6_high_thresh = 8192;
  config.history_unknown = true;
  config.host.add(kEth0, *Prefix::parse("192.168.1.2/24"));
  config.host.add(kEth0, *Prefix::parse("fe80::2/64"));
  config.host.join(Family::kIpv4, *Address::parse(Family::kIpv4, "239.255.255.250"));
  auto sets = std::make_unique<SetStore>(make_hash_key(2));
  Diagnostics none;
  sets->restore(kSets, 0, none);
  require(none.empty());
  static const Ruleset rules = rules_for(Family::kIpv4, *sets);
  static const Ruleset rules6 = rules_for(Family::kIpv6, *sets);
  auto engine = std::make_unique<Engine>(std::move(config), std::move(sets));
  // Compiled for each: the credit of `limit` lives in the program.
  engine->set_program(Family::kIpv4, compile(rules));
  engine->set_program(Family::kIpv6, compile(rules6));
  return engine;
}

struct Item {
  std::vector<uint8_t> bytes;  // as captured
  uint32_t wire_length = 0;
  Instant time{};
  Way way;
};

std::vector<uint8_t> built(const uint8_t* command, std::vector<uint8_t> payload,
                           const std::vector<uint8_t>& before) {
  PacketSpec spec;
  spec.family = command[0] & 8 ? Family::kIpv6 : Family::kIpv4;
  auto address = [&](int index) {
    const char* text = (spec.family == Family::kIpv6 ? kAddresses6 : kAddresses)[index & 7];
    return *Address::parse(spec.family, text);
  };
  spec.source = address(command[2]);
  spec.destination = address(command[2] >> 4);
  spec.source_port = kPorts[command[3] & 7];
  spec.destination_port = kPorts[command[3] >> 4 & 7];
  spec.protocol = kProtocols[command[4] & 7];
  spec.ttl = command[4] & 0x80 ? 1 : 64;
  if (spec.protocol == protocol::kIcmp && spec.family == Family::kIpv6) {
    spec.protocol = protocol::kIcmpv6;
  }
  if (command[0] & 16) spec.checksum = PacketSpec::Checksum::kBad;
  spec.tcp.flags = command[5];
  spec.tcp.seq = (command[6] & 15) * 500u;
  spec.tcp.ack = (command[6] >> 4) * 500u;
  spec.icmp.type = command[5];
  spec.icmp.id = command[6] & 3;
  bool icmp = spec.protocol == protocol::kIcmp || spec.protocol == protocol::kIcmpv6;
  spec.payload = icmp && !before.empty() ? before : std::move(payload);
  if (command[0] & 32) {
    spec.fragment = {.offset = command[6] * 8u, .length = 16, .more = (command[0] & 64) != 0};
  }
  return build(spec);
}

Way way_of(int number, bool bridged) {
  static const InterfaceName kBridge("br0");
  static const BridgePorts kPorts{kEth0, kEth1};
  switch (number & 3) {
    case 0: return {.path = Way::Path::kInput, .in = &kEth0};
    case 1: return {.path = Way::Path::kOutput, .out = &kEth0};
    case 2:
      if (!bridged) return {.path = Way::Path::kForward, .in = &kEth0, .out = &kEth1};
      return {.path = Way::Path::kBridged, .in = &kBridge, .out = &kBridge, .ports = &kPorts};
    default: return {.path = Way::Path::kLoopback, .in = &kLo, .out = &kLo};
  }
}

std::vector<Item> read_items(const uint8_t* data, size_t size) {
  std::vector<Item> items;
  Instant now{std::chrono::seconds(1000)};
  while (size >= 8) {
    const uint8_t* command = data;
    size_t length = std::min<size_t>(command[7], size - 8);
    std::vector<uint8_t> own(data + 8, data + 8 + length);
    Item item;
    item.way = way_of(command[0], (command[4] & 0x40) != 0);
    now += std::chrono::milliseconds(command[1] * 1000 / 32);
    item.time = now;
    const std::vector<uint8_t> none;
    item.bytes =
        command[0] & 4 ? own : built(command, own, items.empty() ? none : items.back().bytes);
    item.wire_length = static_cast<uint32_t>(item.bytes.size());
    if (command[0] & 128) item.bytes.resize(item.bytes.size() / 2);
    item.bytes.shrink_to_fit();  // so that a read beyond what was captured is seen
    items.push_back(std::move(item));
    data += 8 + length;
    size -= 8 + length;
  }
  return items;
}

// A packet as an attachment hands it in: one that is malformed goes no way.
Packet packet_of(Item& item, Way& way) {
  Packet packet;
  packet.data = item.bytes.data();
  packet.captured = static_cast<uint32_t>(item.bytes.size());
  packet.wire_length = item.wire_length;
  packet.time = item.time;
  packet.cookie = &item;
  parse(packet);
  way = item.way;
  if (packet.malformed != Reason::kNone) {
    way = {.path = Way::Path::kNone, .reason = packet.malformed};
  }
  return packet;
}

void check_flows(Engine& engine, const Outcome& outcome) {
  size_t flows = 0;
  engine.conntrack().each(engine.now(), [&](FlowId, const Flow&) { flows++; });
  require(flows == engine.conntrack().count());
  bool accepted_new = outcome.fate == Outcome::Fate::kAccept && outcome.info == CtInfo::kNew;
  if (accepted_new && outcome.flow) require(engine.conntrack().find(outcome.flow) != nullptr);
}

struct Judgement {
  Outcome outcome;
  Answer answer;  // of length 0: none
};

Judgement result_of(const Outcome& outcome, const Answer& answer) {
  Judgement result{outcome, {}};
  if (outcome.reject_with && !outcome.unanswered) {
    result.answer = answer;
    Packet packet;
    packet.data = result.answer.bytes.data();
    packet.captured = packet.wire_length = static_cast<uint32_t>(answer.length);
    parse(packet);
    require(packet.malformed == Reason::kNone && packet.length == answer.length);
    require(verify_checksum(packet) == ChecksumState::kGood);
  }
  return result;
}

std::vector<Judgement> run_alone(Engine& engine, std::vector<Item>& items) {
  std::vector<Judgement> results;
  for (Item& item : items) {
    Way way;
    Packet packet = packet_of(item, way);
    if (way.path != Way::Path::kNone) {
      for (CtInfo info : {CtInfo::kNew, CtInfo::kEstablished, CtInfo::kRelated}) {
        engine.would_accept(packet, way, info);
      }
    }
    Outcome outcome;
    Answer answer;
    engine.process({&packet, 1}, {&way, 1}, {&outcome, 1}, {&answer, 1});
    check_flows(engine, outcome);
    results.push_back(result_of(outcome, answer));
  }
  return results;
}

std::vector<Judgement> run_together(Engine& engine, std::vector<Item>& items) {
  std::vector<Judgement> results;
  for (size_t i = 0; i < items.size(); i += kBurst) {
    size_t count = std::min(kBurst, items.size() - i);
    std::vector<Packet> packets;
    std::vector<Way> ways(count);
    for (size_t k = 0; k < count; k++) packets.push_back(packet_of(items[i + k], ways[k]));
    std::vector<Outcome> outcomes(count);
    std::vector<Answer> answers(count);
    engine.process(packets, ways, outcomes, answers);
    for (size_t k = 0; k < count; k++) results.push_back(result_of(outcomes[k], answers[k]));
  }
  return results;
}

void require_same(const Judgement& one, const Judgement& other) {
  const Outcome &a = one.outcome, &b = other.outcome;
  require(std::ranges::equal(one.answer.packet(), other.answer.packet()));
  require(a.unanswered == b.unanswered);
  require(a.fate == b.fate && a.hook == b.hook && a.rule == b.rule);
  require(a.reason == b.reason);
  require(a.info == b.info && a.direction == b.direction);
  require(a.status == b.status);
  require(a.certain == b.certain && a.tracking == b.tracking);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<Item> items = read_items(data, size);
  std::unique_ptr<Engine> alone = make_engine(), together = make_engine();
  std::vector<Judgement> one = run_alone(*alone, items);
  std::vector<Judgement> many = run_together(*together, items);
  for (size_t i = 0; i < items.size(); i++) require_same(one[i], many[i]);
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    auto a = alone->counters(family), b = together->counters(family);
    for (size_t i = 0; i < a.size(); i++) {
      require(a[i].packets == b[i].packets && a[i].bytes == b[i].bytes);
    }
  }
  return 0;
}
