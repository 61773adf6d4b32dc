// The grammar is a table: each option has a name, the protocols that it is for,
// and a function that reads its value into the spec. An option of another
// protocol is an error that names the right ones' use, so that a slip in a test
// does not pass as an ordinary packet.
#include "attach/packet_text.h"

#include <algorithm>
#include <fmt/format.h>

#include "packet/headers.h"

namespace sallyport {
namespace {

constexpr int kMostNested = 4;  // an error about an error about ...

struct ProtocolName {
  std::string_view name;
  uint8_t number;
};

constexpr ProtocolName kProtocols[] = {
    {"udp", protocol::kUdp},      {"tcp", protocol::kTcp},         {"icmp", protocol::kIcmp},
    {"icmp6", protocol::kIcmpv6}, {"icmpv6", protocol::kIcmpv6},   {"sctp", protocol::kSctp},
    {"dccp", protocol::kDccp},    {"udplite", protocol::kUdpLite}, {"gre", protocol::kGre},
    {"esp", protocol::kEsp},      {"ah", protocol::kAh},           {"igmp", protocol::kIgmp},
};

// The names that iptables(8) and ip6tables(8) give in -p icmp -h; numbers by IANA.
struct IcmpName {
  std::string_view name;
  uint8_t protocol;
  uint8_t type;
  uint8_t code;
};

constexpr uint8_t k4 = protocol::kIcmp, k6 = protocol::kIcmpv6;
constexpr IcmpName kIcmpNames[] = {
    {"echo-reply", k4, 0, 0},
    {"destination-unreachable", k4, 3, 0},
    {"network-unreachable", k4, 3, 0},
    {"host-unreachable", k4, 3, 1},
    {"protocol-unreachable", k4, 3, 2},
    {"port-unreachable", k4, 3, 3},
    {"fragmentation-needed", k4, 3, 4},
    {"communication-prohibited", k4, 3, 13},
    {"source-quench", k4, 4, 0},
    {"redirect", k4, 5, 1},
    {"echo-request", k4, 8, 0},
    {"router-advertisement", k4, 9, 0},
    {"router-solicitation", k4, 10, 0},
    {"time-exceeded", k4, 11, 0},
    {"parameter-problem", k4, 12, 0},
    {"timestamp-request", k4, 13, 0},
    {"timestamp-reply", k4, 14, 0},
    {"address-mask-request", k4, 17, 0},
    {"address-mask-reply", k4, 18, 0},
    {"destination-unreachable", k6, 1, 0},
    {"no-route", k6, 1, 0},
    {"address-unreachable", k6, 1, 3},
    {"port-unreachable", k6, 1, 4},
    {"packet-too-big", k6, 2, 0},
    {"time-exceeded", k6, 3, 0},
    {"parameter-problem", k6, 4, 0},
    {"echo-request", k6, 128, 0},
    {"echo-reply", k6, 129, 0},
    {"router-solicitation", k6, 133, 0},
    {"router-advertisement", k6, 134, 0},
    {"neighbour-solicitation", k6, 135, 0},
    {"neighbour-advertisement", k6, 136, 0},
    {"redirect", k6, 137, 0},
};

struct Reading {
  LineReader& reader;
  PacketText& packet;
  std::optional<uint32_t> quote;
  size_t quoted_header = 20;  // the length of the quoted packet's IP header
  int depth;
};

// Which protocols an option is for.
enum For : uint32_t {
  kAny = 1,
  kIpv6Only = 2,
  kTcp = 4,
  kUdp = 8,
  kIcmpBoth = 16,
  kIgmp = 32,
  kSctp = 64,
  kGre = 128,
  kIpsec = 256,
  kSummed = 512,  // has a transport checksum
  kIpv4Only = 1024,
};

uint32_t kinds_of(const PacketSpec& spec) {
  uint32_t kinds = kAny | (spec.family == Family::kIpv6 ? kIpv6Only : kIpv4Only);
  switch (spec.protocol) {
    case protocol::kTcp: return kinds | kTcp | kSummed;
    case protocol::kUdp: return kinds | kUdp | kSummed;
    case protocol::kUdpLite:
    case protocol::kDccp: return kinds | kSummed;
    case protocol::kIcmp:
    case protocol::kIcmpv6: return kinds | kIcmpBoth | kSummed;
    case protocol::kIgmp: return kinds | kIgmp | kSummed;
    case protocol::kSctp: return kinds | kSctp | kSummed;
    case protocol::kGre: return kinds | kGre;
    case protocol::kEsp:
    case protocol::kAh: return kinds | kIpsec;
    default: return kinds;
  }
}

constexpr uint32_t kMost32 = 0xffffffff;

PacketText read_at_depth(LineReader& reader, int depth);
size_t ip_header_length(const PacketSpec& spec);

void read_data(Reading& r) {
  std::string text = r.reader.string("the payload");
  r.packet.spec.payload.assign(text.begin(), text.end());
}

void read_hex(Reading& r) {
  std::string_view digits = r.reader.word("the payload in hexadecimal");
  if (auto bytes = parse_hex(digits)) {
    r.packet.spec.payload = std::move(*bytes);
  } else {
    r.reader.fail(r.reader.last(), "not an even count of hexadecimal digits");
  }
}

void read_mac(Reading& r) {
  std::string_view text = r.reader.word("a MAC address");
  std::array<uint8_t, 6> mac{};
  bool good = text.size() == 17;
  for (size_t i = 0; good && i < 6; i++) {
    auto byte = parse_hex(text.substr(3 * i, 2));
    good = byte && (i == 5 || text[3 * i + 2] == ':');
    if (good) mac[i] = byte->front();
  }
  if (!good) r.reader.fail(r.reader.last(), "not a MAC address", "like 02:00:00:00:00:07");
  r.packet.mac_source = mac;
}

void read_flags(Reading& r) {
  std::string_view letters = r.reader.word("TCP flags");
  r.packet.spec.tcp.flags = 0;
  if (letters == "-") return;
  constexpr std::string_view kLetters = "FSRPAUEC";  // bit 0 first
  for (char c : letters) {
    size_t bit = kLetters.find(c);
    if (bit == std::string_view::npos) {
      r.reader.fail(r.reader.last(), "unknown TCP flag", "letters of SAFRPUEC, or - for none");
      return;
    }
    r.packet.spec.tcp.flags |= static_cast<uint8_t>(1u << bit);
  }
}

void read_type(Reading& r) {
  PacketSpec& spec = r.packet.spec;
  std::string_view text = r.reader.word("the type");
  for (const IcmpName& known : kIcmpNames) {
    if (known.name == text && known.protocol == spec.protocol) {
      spec.icmp.type = known.type;
      spec.icmp.code = known.code;
      return;
    }
  }
  std::optional<uint64_t> number = parse_number(text);
  if (!number || *number > 255) {
    r.reader.fail(r.reader.last(), "not a type: a number up to 255, or a name that iptables knows");
    return;
  }
  spec.icmp.type = static_cast<uint8_t>(*number);
}

void read_about(Reading& r) {
  r.reader.expect("(");
  if (r.reader.failed()) return;
  if (r.depth >= kMostNested) {
    r.reader.fail("packets quoted in packets too deeply");
    return;
  }
  PacketText quoted = read_at_depth(r.reader, r.depth + 1);
  r.quoted_header = ip_header_length(quoted.spec);
  r.packet.spec.payload = std::move(quoted.bytes);
  r.reader.expect(")");
}

void read_fragment(Reading& r) {
  PacketSpec::Fragment fragment;
  fragment.offset = r.reader.number("the fragment's offset in bytes", 0, 65528);
  if (fragment.offset % 8 != 0) r.reader.fail(r.reader.last(), "an offset is a multiple of 8");
  fragment.length = r.reader.number("the fragment's length in bytes", 0, 65535);
  fragment.more = r.reader.take("more");
  r.packet.spec.fragment = fragment;
}

void read_extensions(Reading& r) {
  constexpr ProtocolName kNames[] = {{"hop", protocol::kHopByHop},
                                     {"dst", protocol::kIpv6Destination},
                                     {"route", protocol::kIpv6Routing},
                                     {"ah", protocol::kAh},
                                     {"none", protocol::kNoNextHeader}};
  std::string_view list = r.reader.word("extension headers");
  while (!r.reader.failed()) {
    size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    auto known = std::ranges::find(kNames, name, &ProtocolName::name);
    bool last = comma == std::string_view::npos;
    if (known == std::end(kNames)) {
      r.reader.fail(r.reader.last(), fmt::format("unknown extension header '{}'", name),
                    "hop, dst, route, ah, none");
    } else if (known->number == protocol::kNoNextHeader && !last) {
      r.reader.fail(r.reader.last(), "nothing comes after 'none'");
    } else {
      r.packet.spec.extensions.push_back(known->number);
    }
    if (last) return;
    list.remove_prefix(comma + 1);
  }
}

void read_chunk(Reading& r) {
  constexpr ProtocolName kChunks[] = {// RFC 9260, 3.2
                                      {"data", 0},
                                      {"init", 1},
                                      {"init-ack", 2},
                                      {"sack", 3},
                                      {"heartbeat", 4},
                                      {"heartbeat-ack", 5},
                                      {"abort", 6},
                                      {"shutdown", 7},
                                      {"shutdown-ack", 8},
                                      {"error", 9},
                                      {"cookie-echo", 10},
                                      {"cookie-ack", 11},
                                      {"shutdown-complete", 14}};
  std::string_view name = r.reader.word("a chunk");
  auto known = std::ranges::find(kChunks, name, &ProtocolName::name);
  std::optional<uint64_t> number = parse_number(name);
  if (known == std::end(kChunks) && (!number || *number > 255)) {
    r.reader.fail(r.reader.last(), fmt::format("unknown chunk '{}'", name));
    return;
  }
  uint8_t type = known == std::end(kChunks) ? static_cast<uint8_t>(*number) : known->number;
  r.packet.spec.sctp.chunks.push_back({.type = type});
}

// The chunk that is being described.
PacketSpec::Chunk& chunk(Reading& r) {
  std::vector<PacketSpec::Chunk>& chunks = r.packet.spec.sctp.chunks;
  if (chunks.empty()) chunks.emplace_back();
  return chunks.back();
}

void read_group(Reading& r) {
  std::string_view text = r.reader.word("a group");
  auto group = Address::parse(Family::kIpv4, text);
  if (!group) r.reader.fail(r.reader.last(), "not an IPv4 address");
  r.packet.spec.icmp.group = group;
}

// "100-200,400-500": what a receiver has got beyond its acknowledgement.
void read_sack(Reading& r) {
  constexpr size_t kMostRanges = 3;
  std::string_view list = r.reader.word("ranges of sequence numbers");
  while (!r.reader.failed()) {
    size_t comma = list.find(','), dash = list.find('-');
    std::optional<uint64_t> from = parse_number(list.substr(0, dash)), to;
    if (dash != std::string_view::npos) to = parse_number(list.substr(dash + 1, comma - dash - 1));
    if (!from || !to || *from > kMost32 || *to > kMost32) {
      r.reader.fail(r.reader.last(), "not ranges of sequence numbers", "like 100-200,400-500");
      return;
    }
    if (r.packet.spec.tcp.sacks.size() == kMostRanges) {
      r.reader.fail(r.reader.last(), "at most three ranges have room in a header");
      return;
    }
    r.packet.spec.tcp.sacks.emplace_back(*from, *to);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

void read_ip_options(Reading& r) {
  constexpr size_t kMost = 40;  // of a header's 60 bytes
  std::optional<std::vector<uint8_t>> bytes = parse_hex(r.reader.word("options in hexadecimal"));
  if (!bytes || bytes->empty() || bytes->size() > kMost || bytes->size() % 4 != 0) {
    r.reader.fail(r.reader.last(), "IP options are 4 to 40 bytes in hexadecimal, a multiple of 4");
    return;
  }
  r.packet.spec.ip_options = std::move(*bytes);
}

struct Option {
  std::string_view name;
  uint32_t kinds;  // any of For
  void (*read)(Reading&);
};

uint8_t u8(Reading& r, std::string_view what) {
  return static_cast<uint8_t>(r.reader.number(what, 0, 255));
}
uint16_t u16(Reading& r, std::string_view what) {
  return static_cast<uint16_t>(r.reader.number(what, 0, 65535));
}
uint32_t u32(Reading& r, std::string_view what) {
  return r.reader.number(what, 0, kMost32);
}

constexpr Option kOptions[] = {
    {"len", kAny,
     [](Reading& r) { r.packet.spec.payload.assign(u16(r, "the payload's length"), 0); }},
    {"data", kAny, read_data},
    {"hex", kAny, read_hex},
    {"ttl", kAny, [](Reading& r) { r.packet.spec.ttl = u8(r, "the TTL"); }},
    {"tos", kAny, [](Reading& r) { r.packet.spec.tos = u8(r, "the TOS"); }},
    {"id", kAny, [](Reading& r) { r.packet.spec.id = u32(r, "the id"); }},
    {"mac", kAny, read_mac},
    {"mark", kAny, [](Reading& r) { r.packet.mark = u32(r, "the mark"); }},
    {"cut", kAny,
     [](Reading& r) { r.packet.spec.cut = r.reader.number("the packet's length", 1, 65535); }},
    {"trim", kAny, [](Reading& r) { r.packet.spec.trim = u16(r, "the IP payload's length"); }},
    {"iplen", kAny,
     [](Reading& r) { r.packet.spec.length_field = u16(r, "the IP header's length field"); }},
    {"ihl", kIpv4Only,
     [](Reading& r) {
       r.packet.spec.ihl = static_cast<uint8_t>(r.reader.number("the header's length", 0, 15));
     }},
    {"bad-header-checksum", kIpv4Only,
     [](Reading& r) { r.packet.spec.bad_header_checksum = true; }},
    {"ip-options", kIpv4Only, read_ip_options},
    {"frag", kAny, read_fragment},
    {"ext", kIpv6Only, read_extensions},
    {"bad-checksum", kSummed,
     [](Reading& r) { r.packet.spec.checksum = PacketSpec::Checksum::kBad; }},
    {"no-checksum", kSummed,
     [](Reading& r) { r.packet.spec.checksum = PacketSpec::Checksum::kNone; }},
    {"udplen", kUdp, [](Reading& r) { r.packet.spec.udp_length = u16(r, "the length field"); }},
    {"flags", kTcp, read_flags},
    {"seq", kTcp, [](Reading& r) { r.packet.spec.tcp.seq = u32(r, "the sequence number"); }},
    {"ack", kTcp, [](Reading& r) { r.packet.spec.tcp.ack = u32(r, "the acknowledgement"); }},
    {"win", kTcp, [](Reading& r) { r.packet.spec.tcp.window = u16(r, "the window"); }},
    {"wscale", kTcp,
     [](Reading& r) { r.packet.spec.tcp.window_scale = u8(r, "the window scale"); }},
    {"mss", kTcp, [](Reading& r) { r.packet.spec.tcp.mss = u16(r, "the MSS"); }},
    {"sack-ok", kTcp, [](Reading& r) { r.packet.spec.tcp.sack_permitted = true; }},
    {"timestamps", kTcp, [](Reading& r) { r.packet.spec.tcp.timestamps = true; }},
    {"sack", kTcp, read_sack},
    {"doff", kTcp,
     [](Reading& r) {
       r.packet.spec.tcp.data_offset =
           static_cast<uint8_t>(r.reader.number("the header's length", 0, 15));
     }},
    {"type", kIcmpBoth | kIgmp, read_type},
    {"code", kIcmpBoth | kIgmp, [](Reading& r) { r.packet.spec.icmp.code = u8(r, "the code"); }},
    {"icmp-id", kIcmpBoth, [](Reading& r) { r.packet.spec.icmp.id = u16(r, "the ICMP id"); }},
    {"icmp-seq", kIcmpBoth,
     [](Reading& r) { r.packet.spec.icmp.sequence = u16(r, "the ICMP sequence number"); }},
    {"about", kIcmpBoth, read_about},
    {"quote", kIcmpBoth, [](Reading& r) { r.quote = u16(r, "how much is quoted"); }},
    {"group", kIgmp, read_group},
    {"call-id", kGre, [](Reading& r) { r.packet.spec.gre.call_id = u16(r, "the call id"); }},
    {"key", kGre, [](Reading& r) { r.packet.spec.gre.key = u32(r, "the key"); }},
    {"spi", kIpsec, [](Reading& r) { r.packet.spec.spi = u32(r, "the SPI"); }},
    {"chunk", kSctp, read_chunk},
    {"vtag", kSctp, [](Reading& r) { r.packet.spec.sctp.tag = u32(r, "the verification tag"); }},
    {"itag", kSctp, [](Reading& r) { chunk(r).initiate_tag = u32(r, "the initiate tag"); }},
    {"chunk-flags", kSctp, [](Reading& r) { chunk(r).flags = u8(r, "the chunk's flags"); }},
    {"chunk-len", kSctp,
     [](Reading& r) { chunk(r).length_field = u16(r, "the chunk's length field"); }},
};

bool has_ports(uint8_t number) {
  return number == protocol::kTcp || number == protocol::kUdp || number == protocol::kUdpLite ||
         number == protocol::kSctp || number == protocol::kDccp;
}

struct Endpoint {
  Family family = Family::kIpv4;
  Address address;
  uint16_t port = 0;
};

// "ADDR", "ADDR:PORT", "[ADDR6]:PORT"; brackets are optional without a port.
Endpoint read_endpoint(LineReader& reader, std::string_view what, bool ports) {
  Endpoint end;
  std::string_view text = reader.word(what);
  if (reader.failed()) return end;
  std::string_view address = text, port;
  if (text.starts_with('[')) {
    size_t close = text.find(']');
    if (close == std::string_view::npos) {
      reader.fail(reader.last(), "an address in brackets without the closing one");
      return end;
    }
    address = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else if (std::ranges::count(text, ':') == 1) {
    address = text.substr(0, text.find(':'));
    port = text.substr(text.find(':'));
  }
  end.family = address.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  std::optional<Address> parsed = Address::parse(end.family, address);
  if (!parsed) {
    reader.fail(reader.last(), fmt::format("'{}' is not an address", address),
                "like 192.168.1.2:40000 or [fe80::1]:1900");
    return end;
  }
  end.address = *parsed;
  if (ports != port.starts_with(':')) {
    reader.fail(reader.last(),
                ports ? fmt::format("{} needs a port", what) : fmt::format("{} has no port", what),
                ports ? "like 192.168.1.2:40000 or [fe80::1]:1900" : "the address alone");
    return end;
  }
  if (ports) {
    std::optional<uint64_t> number = parse_number(port.substr(1));
    if (!number || *number > 65535) {
      reader.fail(reader.last(), "a port is a number from 0 to 65535");
      return end;
    }
    end.port = static_cast<uint16_t>(*number);
  }
  return end;
}

void read_protocol(LineReader& reader, PacketSpec& spec) {
  std::string_view name = reader.word("a protocol");
  if (reader.failed()) return;
  auto known = std::ranges::find(kProtocols, name, &ProtocolName::name);
  std::optional<uint64_t> number = parse_number(name);
  if (known != std::end(kProtocols)) {
    spec.protocol = known->number;
  } else if (number && *number <= 255) {
    spec.protocol = static_cast<uint8_t>(*number);
  } else {
    reader.fail(reader.last(), fmt::format("unknown protocol '{}'", name),
                "udp, tcp, icmp, icmp6, udplite, sctp, dccp, gre, esp, ah, igmp or a number");
  }
}

void read_option(Reading& reading) {
  LineReader& reader = reading.reader;
  std::string_view name = reader.word("an option");
  if (reader.failed()) return;
  auto option = std::ranges::find(kOptions, name, &Option::name);
  if (option == std::end(kOptions)) {
    reader.fail(reader.last(), fmt::format("unknown option '{}'", name));
  } else if ((option->kinds & kinds_of(reading.packet.spec)) == 0) {
    reader.fail(reader.last(), fmt::format("'{}' is not for this kind of packet", name));
  } else {
    option->read(reading);
  }
}

// What the defaults depend on: the protocol, and for an ICMP message the family.
void set_defaults(PacketSpec& spec) {
  if (spec.protocol == protocol::kIcmp) spec.icmp.type = icmp::kEcho;
  if (spec.protocol == protocol::kIcmpv6) spec.icmp.type = icmpv6::kEcho;
  if (spec.protocol == protocol::kIgmp) spec.icmp.type = 0x16;  // RFC 2236: a report
}

// Of a packet that was built.
size_t ip_header_length(const PacketSpec& spec) {
  return spec.family == Family::kIpv4 ? 20 + spec.ip_options.size() : 40;
}

// MSS, SACK permitted, timestamps, window scale, SACK (RFC 9293, 3.1; RFC 7323; RFC 2018).
bool tcp_options_fit(const PacketSpec::Tcp& tcp) {
  constexpr size_t kMost = 40;
  size_t sacks = tcp.sacks.empty() ? 0 : 2 + 8 * tcp.sacks.size();
  return (tcp.mss ? 4 : 0) + (tcp.sack_permitted ? 2 : 0) + (tcp.timestamps ? 10 : 0) +
             (tcp.window_scale ? 3 : 0) + sacks <=
         kMost;
}

PacketText read_at_depth(LineReader& reader, int depth) {
  PacketText packet;
  PacketSpec& spec = packet.spec;
  read_protocol(reader, spec);
  Endpoint source = read_endpoint(reader, "the source", has_ports(spec.protocol));
  reader.expect(">");
  Endpoint destination = read_endpoint(reader, "the destination", has_ports(spec.protocol));
  if (!reader.failed() && source.family != destination.family) {
    reader.fail(reader.last(), "source and destination are of different families");
  }
  spec.family = source.family;
  spec.source = source.address;
  spec.destination = destination.address;
  spec.source_port = source.port;
  spec.destination_port = destination.port;
  set_defaults(spec);
  Reading reading{.reader = reader, .packet = packet, .depth = depth};
  while (!reader.at_end() && !reader.at("=>") && !reader.at(")")) read_option(reading);
  if (reading.quote) {
    size_t most = reading.quoted_header + *reading.quote;
    spec.payload.resize(std::min(spec.payload.size(), most));
  }
  if (!tcp_options_fit(spec.tcp)) {
    reader.fail(reader.last(), "these options do not fit into a TCP header");
  }
  if (reader.failed()) return packet;
  packet.bytes = build(spec);
  if (packet.bytes.empty()) reader.fail(reader.last(), "this packet is longer than 65535 bytes");
  return packet;
}

}  // namespace

bool names_protocol(std::string_view word) {
  std::optional<uint64_t> number = parse_number(word);
  return (number && *number <= 255) ||
         std::ranges::find(kProtocols, word, &ProtocolName::name) != std::end(kProtocols);
}

std::vector<std::string_view> packet_protocols() {
  std::vector<std::string_view> names;
  for (const ProtocolName& protocol : kProtocols) names.push_back(protocol.name);
  return names;
}

std::vector<std::string_view> packet_options() {
  std::vector<std::string_view> names;
  for (const Option& option : kOptions) names.push_back(option.name);
  return names;
}

PacketText read_packet(LineReader& reader) {
  return read_at_depth(reader, 0);
}

}  // namespace sallyport
