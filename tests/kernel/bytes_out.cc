#include "kernel/bytes_out.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <span>

#include "packet/checksum.h"
#include "packet/defrag.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace sallyport::testing {
namespace {

using Path = ScriptPacket::Path;

void write_header_checksum(std::span<uint8_t> bytes) {
  constexpr size_t kAt = offsetof(Ipv4Header, checksum);
  const size_t words = bytes[0] & 15;
  std::memset(&bytes[kAt], 0, sizeof(be16));
  const auto sum = static_cast<uint16_t>(~fold(sum_words(bytes.data(), words)));
  std::memcpy(&bytes[kAt], &sum, sizeof sum);
}

// What Linux's reading of options leaves behind their end (RFC 791: padding): zeroes.
void blank_behind_options(std::span<uint8_t> bytes) {
  constexpr uint8_t kEnd = 0, kNop = 1;
  const size_t end = std::min<size_t>((bytes[0] & 15) * 4, bytes.size());
  size_t at = sizeof(Ipv4Header);
  while (at < end && bytes[at] != kEnd) {
    at += bytes[at] == kNop ? 1 : at + 1 < end ? std::max<size_t>(bytes[at + 1], 2) : end;
  }
  for (; at < end; at++) bytes[at] = kEnd;
}

std::string shown(const std::vector<uint8_t>& bytes, size_t from) {
  constexpr size_t kShown = 16;
  const auto rest = std::span(bytes).subspan(std::min(from, bytes.size()));
  return fmt::format("{} bytes, {:02x} at {}", bytes.size(),
                     fmt::join(rest.first(std::min(rest.size(), kShown)), ""), from);
}

Packet parsed(std::vector<uint8_t>& bytes) {
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  parse(packet);
  return packet;
}

}  // namespace

std::vector<uint8_t> bytes_out(const ScriptPacket& text, const Packet& packet) {
  std::vector<uint8_t> bytes(packet.bytes().begin(), packet.bytes().end());
  const bool v4 = packet.family == Family::kIpv4;
  if (text.path == Path::kForward) {
    const auto ttl = static_cast<uint8_t>(packet.fields[Field::kTtl]);
    bytes[v4 ? offsetof(Ipv4Header, ttl) : offsetof(Ipv6Header, hop_limit)] = ttl;
  }
  const bool routed = text.path == Path::kIn || text.path == Path::kForward;
  if (v4 && routed) blank_behind_options(bytes);
  if (v4 && text.path != Path::kIn) write_header_checksum(bytes);
  return bytes;
}

void unchoose(const ScriptPacket& text, std::vector<uint8_t>& bytes) {
  const bool chosen = text.path == Path::kOut && text.packet.spec.family == Family::kIpv4 &&
                      text.packet.spec.id == 0;
  if (!chosen || bytes.size() < sizeof(Ipv4Header)) return;
  std::memset(&bytes[offsetof(Ipv4Header, id)], 0, sizeof(be16));
  write_header_checksum(bytes);
}

Sent put_together(std::vector<std::vector<uint8_t>> packets, std::span<const uint8_t> expected) {
  Sent sent;
  Defragmenter defragmenter({}, HashKey{});
  for (std::vector<uint8_t>& bytes : packets) {
    sent.largest = std::max(sent.largest, bytes.size());
    Defragmenter::Outcome outcome = defragmenter.push(parsed(bytes), {}).outcome;
    if (outcome != Defragmenter::Outcome::kComplete) continue;
    const auto whole = defragmenter.datagram().bytes();
    sent.bytes.assign(whole.begin(), whole.end());
  }
  std::vector<uint8_t> copy(expected.begin(), expected.end());
  bool as_it_is = packets.size() == 1 && (sent.bytes.empty() || parsed(copy).is_fragment);
  if (as_it_is) sent.bytes = packets[0];
  return sent;
}

std::pair<std::string, std::string> words_of_difference(const std::vector<uint8_t>& a,
                                                        const std::vector<uint8_t>& b) {
  if (a == b) return {};
  const auto at = static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  return {shown(a, at), shown(b, at)};
}

}  // namespace sallyport::testing
