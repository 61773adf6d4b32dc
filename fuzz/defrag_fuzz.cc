// Reassembly under any sequence of fragments.
//
// Input: commands of 5 bytes, each a fragment whose payload is a function of its
// offset, so that whatever comes out must be that function from end to end. And no
// fragment is lost: each that was held comes back once, with the datagram, with the
// queue that was thrown away, or by time.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <vector>

#include "packet/checksum.h"
#include "packet/defrag.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace {

using namespace sallyport;

void require(bool holds) {
  if (!holds) std::abort();
}

uint8_t byte_at(uint32_t offset) {
  return static_cast<uint8_t>(offset * 7 + (offset >> 8));
}

struct Command {
  uint8_t flags;   // 1 IPv6, 2 more fragments, 4 cut in the capture; upper bits: id
  uint8_t offset;  // in units of 8 bytes, or of 8 times 257
  uint8_t length;
  uint8_t seconds;  // since the one before
  uint8_t tos;
};

std::vector<uint8_t> build(const Command& command) {
  const bool v6 = command.flags & 1, more = command.flags & 2;
  const uint8_t id = command.flags >> 4;
  const uint32_t step = command.tos & 0x80 ? 8 * 257 : 8;
  const uint32_t offset = command.offset * step & 0xfff8;
  const uint32_t size = command.length * (command.tos & 0x40 ? 16u : 1u);
  std::vector<uint8_t> bytes;
  if (v6) {
    bytes.resize(48);
    bytes[0] = 0x60;
    bytes[1] = static_cast<uint8_t>((command.tos & 3) << 4);
    *reinterpret_cast<be16*>(&bytes[4]) = static_cast<uint16_t>(size + 8);
    bytes[6] = protocol::kIpv6Fragment;
    bytes[8] = bytes[24] = 0xfd;
    bytes[40] = 253;
    *reinterpret_cast<be16*>(&bytes[42]) = static_cast<uint16_t>(offset | (more ? 1 : 0));
    bytes[47] = id;
  } else {
    bytes.resize(20);
    auto& ip = *reinterpret_cast<Ipv4Header*>(bytes.data());
    ip.version_ihl = 0x45;
    ip.tos = command.tos & 3;
    ip.total_length = static_cast<uint16_t>(20 + size);
    ip.id = id;
    ip.fragment = static_cast<uint16_t>(offset / 8 | (more ? Ipv4Header::kMoreFragments : 0));
    ip.protocol = 253;
    uint16_t sum = static_cast<uint16_t>(~fold(sum_words(bytes.data(), 5)));
    std::copy_n(reinterpret_cast<uint8_t*>(&sum), 2, &bytes[10]);
  }
  for (uint32_t i = 0; i < size; i++) bytes.push_back(byte_at(offset + i));
  return bytes;
}

void check_datagram(Defragmenter& defragmenter) {
  const Packet& datagram = defragmenter.datagram();
  require(datagram.malformed == Reason::kNone && datagram.captured <= datagram.length);
  require(defragmenter.largest_fragment() > 0);
  const uint32_t start = datagram.family == Family::kIpv4 ? 20 : 40;
  for (uint32_t i = start; i < datagram.captured; i++) {
    require(datagram.data[i] == byte_at(i - start));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Defragmenter::Limits limits;
  limits.bytes_ipv4 = limits.bytes_ipv6 = 64 * 1024;
  Defragmenter defragmenter(limits, make_hash_key(1));
  std::set<uintptr_t> held;
  auto give_back = [&](void* cookie) {
    require(held.erase(reinterpret_cast<uintptr_t>(cookie)) == 1);
  };
  Instant now{};
  uintptr_t cookie = 0;
  for (; size >= sizeof(Command); data += sizeof(Command), size -= sizeof(Command)) {
    const Command command{data[0], data[1], data[2], data[3], data[4]};
    now += std::chrono::seconds(command.seconds & 0x1f);
    std::vector<uint8_t> bytes = build(command);
    Packet packet;
    packet.data = bytes.data();
    packet.wire_length = static_cast<uint32_t>(bytes.size());
    packet.captured = command.flags & 4 ? packet.wire_length / 2 : packet.wire_length;
    packet.time = now;
    packet.cookie = reinterpret_cast<void*>(++cookie);
    parse(packet);
    if (packet.malformed != Reason::kNone) continue;
    const Defragmenter::Pushed pushed = defragmenter.push(packet, {});
    if (pushed.outcome == Defragmenter::Outcome::kComplete) check_datagram(defragmenter);
    for (void* back : pushed.held) give_back(back);
    if (pushed.outcome == Defragmenter::Outcome::kHeld) held.insert(cookie);
    require(pushed.outcome != Defragmenter::Outcome::kDropped || pushed.reason != Reason::kNone);
    if (command.seconds & 0x80) defragmenter.expire(now, give_back);
  }
  defragmenter.expire(now + std::chrono::seconds(60), give_back);
  require(held.empty());
  return 0;
}
