// A packet is built inside out: the transport's header and payload, its
// checksum, the IPv6 extension headers before it, then the IP header. A fragment
// is cut from the finished IP payload, so its bytes are those of the whole.
#include "packet/build.h"

#include <algorithm>
#include <cstring>

#include "packet/checksum.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kMostBytes = 65535;

template <typename Header>
void append(Bytes& bytes, const Header& header) {
  const auto* first = reinterpret_cast<const uint8_t*>(&header);
  bytes.insert(bytes.end(), first, first + sizeof header);
}

void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

be16 be(size_t value) {
  return static_cast<uint16_t>(value);
}

// The pseudo-header of RFC 9293, 3.1 and RFC 8200, 8.1.
Sum pseudo_header(const PacketSpec& spec, uint8_t protocol, size_t length) {
  std::array<uint8_t, 40> bytes{};
  size_t address = spec.family == Family::kIpv4 ? 4 : 16;
  spec.source.to_wire(spec.family, bytes.data());
  spec.destination.to_wire(spec.family, bytes.data() + address);
  be32 count = static_cast<uint32_t>(length);
  be32 next = protocol;
  std::memcpy(bytes.data() + 2 * address, &count, 4);
  std::memcpy(bytes.data() + 2 * address + 4, &next, 4);
  return sum_bytes(bytes);
}

// Stores the checksum of `segment` at `offset`, where the bytes are zero so far.
void store_checksum(const PacketSpec& spec, Bytes& segment, size_t offset, Sum pseudo) {
  if (spec.checksum == PacketSpec::Checksum::kNone) return;
  uint16_t sum = static_cast<uint16_t>(~fold(pseudo + sum_bytes(segment)));
  if (spec.checksum == PacketSpec::Checksum::kBad) sum ^= 0x5555;
  if (sum == 0 && spec.protocol == protocol::kUdp) sum = 0xffff;  // 0 says that there is none
  std::memcpy(segment.data() + offset, &sum, sizeof sum);
}

Bytes tcp_options(const PacketSpec::Tcp& tcp) {
  Bytes options;
  if (tcp.mss) append(options, Bytes{2, 4, uint8_t(*tcp.mss >> 8), uint8_t(*tcp.mss)});
  if (tcp.sack_permitted) append(options, Bytes{4, 2});
  if (tcp.timestamps) {
    if (options.empty()) append(options, Bytes{1, 1});  // as hosts do: RFC 7323, appendix A
    append(options, Bytes{8, 10, 0, 0, 0, 1, 0, 0, 0, 0});
  }
  if (tcp.window_scale) append(options, Bytes{3, 3, *tcp.window_scale});
  if (!tcp.sacks.empty()) {  // RFC 2018, 3
    append(options, Bytes{5, static_cast<uint8_t>(2 + 8 * tcp.sacks.size())});
  }
  for (const auto& [from, to] : tcp.sacks) {
    append(options, be32(from));
    append(options, be32(to));
  }
  while (options.size() % 4 != 0) options.push_back(1);  // no-operation
  return options;
}

Bytes tcp_segment(const PacketSpec& spec) {
  Bytes options = tcp_options(spec.tcp);
  TcpHeader header{};
  header.source_port = spec.source_port;
  header.destination_port = spec.destination_port;
  header.seq = spec.tcp.seq;
  header.ack = spec.tcp.ack;
  size_t words = spec.tcp.data_offset.value_or((sizeof header + options.size()) / 4);
  header.data_offset = static_cast<uint8_t>(words << 4);
  header.flags = spec.tcp.flags;
  header.window = spec.tcp.window;
  Bytes bytes;
  append(bytes, header);
  append(bytes, options);
  append(bytes, spec.payload);
  store_checksum(spec, bytes, 16, pseudo_header(spec, spec.protocol, bytes.size()));
  return bytes;
}

// UDP-Lite has the coverage in the length's place: 0 is all of it.
Bytes udp_datagram(const PacketSpec& spec) {
  UdpHeader header{};
  header.source_port = spec.source_port;
  header.destination_port = spec.destination_port;
  size_t length = sizeof header + spec.payload.size();
  if (spec.protocol == protocol::kUdp) header.length = spec.udp_length.value_or(be(length));
  Bytes bytes;
  append(bytes, header);
  append(bytes, spec.payload);
  // The sum goes over the whole payload even where the length field lies: that is what
  // Linux verifies, so the lie is all that is wrong (parse.cc).
  store_checksum(spec, bytes, 6, pseudo_header(spec, spec.protocol, bytes.size()));
  return bytes;
}

Bytes icmp_message(const PacketSpec& spec) {
  IcmpHeader header{};
  header.type = spec.icmp.type;
  header.code = spec.icmp.code;
  header.id = spec.icmp.id;
  header.sequence = spec.icmp.sequence;
  Bytes bytes;
  append(bytes, header);
  append(bytes, spec.payload);
  bool v6 = spec.protocol == protocol::kIcmpv6;
  store_checksum(spec, bytes, 2, v6 ? pseudo_header(spec, spec.protocol, bytes.size()) : 0);
  return bytes;
}

Bytes igmp_message(const PacketSpec& spec) {
  Bytes bytes{spec.icmp.type, spec.icmp.code, 0, 0, 0, 0, 0, 0};
  spec.icmp.group.value_or(spec.destination).to_wire(Family::kIpv4, bytes.data() + 4);
  append(bytes, spec.payload);
  store_checksum(spec, bytes, 2, 0);
  return bytes;
}

// RFC 9260, 3.3: the chunk's own fixed part, zeroes where nothing is said.
Bytes chunk_value(const PacketSpec::Chunk& chunk) {
  constexpr uint8_t kData = 0, kInit = 1, kInitAck = 2, kSack = 3, kHeartbeat = 4,
                    kHeartbeatAck = 5, kShutdown = 7;
  switch (chunk.type) {
    case kData:
    case kSack: return Bytes(12);
    case kInit:
    case kInitAck: {
      Bytes value;
      append(value, be32(chunk.initiate_tag));
      value.resize(16);
      value[7] = 1;  // the window, two counts of streams: none may be 0
      value[9] = value[11] = 1;
      return value;
    }
    case kHeartbeat:
    case kHeartbeatAck: return {0, 1, 0, 4};
    case kShutdown: return Bytes(4);
    default: return {};
  }
}

void append_chunk(Bytes& bytes, const PacketSpec::Chunk& chunk, const Bytes& payload) {
  constexpr uint8_t kData = 0, kWholeMessage = 3;  // the B and E bits
  Bytes value = chunk_value(chunk);
  append(value, payload);
  uint16_t length = chunk.length_field.value_or(static_cast<uint16_t>(4 + value.size()));
  uint8_t flags = chunk.flags.value_or(chunk.type == kData ? kWholeMessage : 0);
  append(bytes,
         Bytes{chunk.type, flags, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)});
  append(bytes, value);
  while (bytes.size() % 4 != 0) bytes.push_back(0);
}

Bytes sctp_packet(const PacketSpec& spec) {
  SctpHeader header{};
  header.source_port = spec.source_port;
  header.destination_port = spec.destination_port;
  header.verification_tag = spec.sctp.tag;
  Bytes bytes;
  append(bytes, header);
  std::vector<PacketSpec::Chunk> chunks = spec.sctp.chunks;
  if (chunks.empty()) chunks.emplace_back();
  for (const PacketSpec::Chunk& chunk : chunks) {
    append_chunk(bytes, chunk, &chunk == &chunks.back() ? spec.payload : Bytes{});
  }
  if (spec.checksum == PacketSpec::Checksum::kNone) return bytes;
  uint32_t crc = crc32c(bytes);
  if (spec.checksum == PacketSpec::Checksum::kBad) crc ^= 0x55555555;
  for (size_t i = 0; i < 4; i++) bytes[8 + i] = static_cast<uint8_t>(crc >> 8 * i);
  return bytes;
}

// A DCCP-Request, RFC 4340, 5.1: the long header and a service code.
Bytes dccp_packet(const PacketSpec& spec) {
  DccpHeader header{};
  header.source_port = spec.source_port;
  header.destination_port = spec.destination_port;
  header.data_offset = 5;
  header.type_x = 1;  // type 0, X set
  Bytes bytes;
  append(bytes, header);
  bytes.resize(20);
  append(bytes, spec.payload);
  store_checksum(spec, bytes, 6, pseudo_header(spec, spec.protocol, bytes.size()));
  return bytes;
}

// RFC 2784 and 2890; version 1: RFC 2637, 4.1, with the key (length and call id).
Bytes gre_packet(const PacketSpec& spec) {
  Bytes bytes;
  if (spec.gre.call_id) {
    append(bytes, GreV1Header{.flags_version = 0x2001,
                              .protocol = 0x880b,
                              .payload_length = be(spec.payload.size()),
                              .call_id = *spec.gre.call_id});
  } else {
    append(bytes, GreHeader{.flags_version = spec.gre.key ? uint16_t{0x2000} : uint16_t{0},
                            .protocol = 0x0800});
    if (spec.gre.key) append(bytes, be32(*spec.gre.key));
  }
  append(bytes, spec.payload);
  return bytes;
}

// RFC 4303: SPI and sequence number, then what looks like noise.
Bytes esp_packet(const PacketSpec& spec) {
  Bytes bytes;
  append(bytes, be32(spec.spi));
  append(bytes, be32(1));
  append(bytes, spec.payload);
  return bytes;
}

// RFC 4302 with a check value of 12 bytes.
Bytes ah_header(uint32_t spi, uint8_t next) {
  Bytes bytes{next, 4, 0, 0};
  append(bytes, be32(spi));
  append(bytes, be32(1));
  bytes.resize(24);
  return bytes;
}

Bytes transport(const PacketSpec& spec) {
  switch (spec.protocol) {
    case protocol::kTcp: return tcp_segment(spec);
    case protocol::kUdp:
    case protocol::kUdpLite: return udp_datagram(spec);
    case protocol::kIcmp:
    case protocol::kIcmpv6: return icmp_message(spec);
    case protocol::kIgmp: return igmp_message(spec);
    case protocol::kSctp: return sctp_packet(spec);
    case protocol::kDccp: return dccp_packet(spec);
    case protocol::kGre: return gre_packet(spec);
    case protocol::kEsp: return esp_packet(spec);
    case protocol::kAh: {
      Bytes bytes = ah_header(spec.spi, protocol::kNoNextHeader);
      append(bytes, spec.payload);
      return bytes;
    }
    default: return spec.payload;
  }
}

// The extension headers and what follows them; `first` becomes the first header's number.
Bytes with_extensions(const PacketSpec& spec, uint8_t& first) {
  first = spec.protocol;
  Bytes bytes;
  if (!spec.extensions.empty() && spec.extensions.back() == protocol::kNoNextHeader) {
    first = protocol::kNoNextHeader;
    bytes = spec.payload;
  } else {
    bytes = transport(spec);
  }
  for (size_t i = spec.extensions.size(); i-- > 0;) {
    uint8_t number = spec.extensions[i];
    if (number == protocol::kNoNextHeader) continue;
    Bytes header;
    if (number == protocol::kAh) {
      header = ah_header(spec.spi, first);
    } else if (number == protocol::kIpv6Routing) {
      header = {first, 0, 253, 0, 0, 0, 0, 0};  // an experimental type (RFC 4727), none left
    } else {
      header = {first, 0, 1, 4, 0, 0, 0, 0};  // PadN of 4 bytes
    }
    append(header, bytes);
    bytes = std::move(header);
    first = number;
  }
  return bytes;
}

// The piece that the fragment asks for, at most what there is.
Bytes piece_of(const Bytes& payload, const PacketSpec::Fragment& fragment) {
  size_t begin = std::min<size_t>(fragment.offset, payload.size());
  size_t end = std::min<size_t>(begin + fragment.length, payload.size());
  return {payload.begin() + static_cast<ptrdiff_t>(begin),
          payload.begin() + static_cast<ptrdiff_t>(end)};
}

Bytes ipv4_packet(const PacketSpec& spec) {
  Bytes payload = transport(spec);
  if (spec.trim) payload.resize(std::min<size_t>(payload.size(), *spec.trim));
  uint16_t fragment = 0;
  if (spec.fragment) {
    payload = piece_of(payload, *spec.fragment);
    fragment = static_cast<uint16_t>(spec.fragment->offset / 8);
    if (spec.fragment->more) fragment |= Ipv4Header::kMoreFragments;
  }
  Ipv4Header header{};
  size_t words = spec.ihl.value_or((sizeof header + spec.ip_options.size()) / 4);
  header.version_ihl = static_cast<uint8_t>(0x40 | (words & 0xf));
  header.tos = spec.tos;
  header.total_length =
      spec.length_field.value_or(be(sizeof header + spec.ip_options.size() + payload.size()));
  header.id = static_cast<uint16_t>(spec.id);
  header.fragment = fragment;
  header.ttl = spec.ttl;
  header.protocol = spec.protocol;
  spec.source.to_wire(Family::kIpv4, &header.source);
  spec.destination.to_wire(Family::kIpv4, &header.destination);
  Bytes bytes;
  append(bytes, header);
  append(bytes, spec.ip_options);
  uint16_t sum = static_cast<uint16_t>(~fold(sum_bytes(bytes)));
  if (spec.bad_header_checksum) sum ^= 0x5555;
  std::memcpy(bytes.data() + 10, &sum, sizeof sum);
  append(bytes, payload);
  return bytes;
}

Bytes ipv6_packet(const PacketSpec& spec) {
  uint8_t first = 0;
  Bytes payload = with_extensions(spec, first);
  if (spec.trim) payload.resize(std::min<size_t>(payload.size(), *spec.trim));
  if (spec.fragment) {
    uint32_t offset = (spec.fragment->offset & ~7u) | (spec.fragment->more ? 1 : 0);
    Bytes piece;
    append(piece, Ipv6FragmentHeader{.next_header = first,
                                     .reserved = 0,
                                     .offset = static_cast<uint16_t>(offset),
                                     .id = spec.id});
    append(piece, piece_of(payload, *spec.fragment));
    payload = std::move(piece);
    first = protocol::kIpv6Fragment;
  }
  Ipv6Header header{};
  header.version_class_flow = 6u << 28 | uint32_t{spec.tos} << 20;
  header.payload_length = spec.length_field.value_or(be(payload.size()));
  header.next_header = first;
  header.hop_limit = spec.ttl;
  spec.source.to_wire(Family::kIpv6, header.source.data());
  spec.destination.to_wire(Family::kIpv6, header.destination.data());
  Bytes bytes;
  append(bytes, header);
  append(bytes, payload);
  return bytes;
}

}  // namespace

std::vector<uint8_t> build(const PacketSpec& spec) {
  Bytes bytes = spec.family == Family::kIpv4 ? ipv4_packet(spec) : ipv6_packet(spec);
  if (bytes.size() > kMostBytes) return {};
  if (spec.cut) bytes.resize(std::min<size_t>(bytes.size(), *spec.cut));
  return bytes;
}

}  // namespace sallyport
