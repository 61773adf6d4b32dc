// Whatever is said on a connection that a helper reads, it opens nothing for anybody but the two
// who talk: what is expected is between their addresses, or, of netbios-ns, from the subnet that
// was asked to who asked; and a port that was named.
//
// Trusted: that the flow is the helper's, as a rule says so. Not trusted: every byte, from both
// sides, and where segments begin and end.
//
// Input: byte 0: which helper, by its last two bits; bit 2: IPv6. Then records: a byte (bit 0: the
// reply direction; bit 1: an answer has been seen; bit 2: the capture has half of it; bits 3 to 7:
// how far the sequence number jumps, 0 for the next byte), a length, and so many bytes.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <string_view>

#include "conntrack/helpers/helper.h"

using namespace sallyport;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

struct Run {
  const Helper& helper;
  Host host;
  InterfaceName eth0{"eth0"};
  Packet packet;
  Tuple tuple;
  HelperMemory memory;
  uint32_t next[2] = {0xffffff00, 0};

  Run(const Helper& the_helper, bool ipv6) : helper(the_helper) {
    tuple.family = ipv6 ? Family::kIpv6 : Family::kIpv4;
    tuple.source = *Address::parse(tuple.family, ipv6 ? "fd00::1" : "192.168.1.2");
    tuple.destination = *Address::parse(tuple.family, ipv6 ? "fd01::1" : "192.168.1.255");
    tuple.source_port = 40000;
    tuple.destination_port = 21;
    tuple.protocol = helper.protocol;
    host.add(eth0, *Prefix::parse("192.168.1.2/24"));
    packet.out = &eth0;
  }

  void say(uint8_t how, std::string_view text) {
    uint32_t& at = next[how & 1];
    at += static_cast<uint32_t>(how >> 3) - (how & 0x80 ? 32 : 0);
    bool whole = !(how & 4);
    HelperAnswer answer =
        helper.read({.packet = packet,
                     .payload = whole ? text : text.substr(0, text.size() / 2),
                     .whole = whole || text.empty(),
                     .sequence = at,
                     .tuple = tuple,
                     .direction = how & 1 ? Direction::kReply : Direction::kOriginal,
                     .established = (how & 2) != 0,
                     .host = &host},
                    memory);
    at += static_cast<uint32_t>(text.size());
    require(whole || answer.kind != HelperAnswer::Kind::kDrop);
    if (answer.kind != HelperAnswer::Kind::kExpect) return;
    const Expected& expected = answer.expected;
    bool there =
        expected.tuple.source == tuple.destination && expected.tuple.destination == tuple.source;
    bool back =
        expected.tuple.source == tuple.source && expected.tuple.destination == tuple.destination;
    require(there || back);
    require(expected.tuple.protocol == tuple.protocol && expected.tuple.family == tuple.family);
    require(expected.source_mask == Address{{~0u, ~0u, ~0u, ~0u}} || helper.permanent);
    require(helper.permanent == (expected.source_port_mask != 0));
    for (const HelperMemory::Lines& lines : memory.lines) require(lines.count <= 2);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::span<const Helper* const> all = all_helpers();
  const Helper& helper = *all[(data[0] & 3) % all.size()];
  Run run(helper, helper.ipv6 && data[0] & 4);
  for (size_t at = 1; at + 2 <= size;) {
    size_t length = std::min<size_t>(data[at + 1], size - at - 2);
    run.say(data[at], {reinterpret_cast<const char*>(data) + at + 2, length});
    at += 2 + length;
  }
  return 0;
}
