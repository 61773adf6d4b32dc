// Whatever goes out and comes in, an answer is let in only if it is UDP from an on-link
// host that is not this one, to a socket that has asked within the longest window.
//
// Trusted: that what goes out was accepted by the rules. Not trusted: its bytes (any
// program of the host's may send them), and everything about what comes in.
//
// Input: records of 4 bytes and a packet. Byte 0, bit 0: 1 for incoming; bit 1: by eth1;
// byte 1: time that has passed, in 64 ms; bytes 2 and 3: the packet's length; its upper bit:
// the capture kept only the half of it.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

#include "conntrack/discovery/discovery.h"
#include "packet/parse.h"

using namespace sallyport;

namespace {

const InterfaceName kEth0("eth0"), kEth1("eth1");

Host make_host() {
  Host host;
  host.add(kEth0, *Prefix::parse("192.168.1.2/24"));
  host.add(kEth0, *Prefix::parse("fe80::2/64"));
  host.join(Family::kIpv4, *Address::parse(Family::kIpv4, "239.255.255.250"));
  return host;
}

void require(bool held) {
  if (!held) std::abort();
}

struct Run {
  const Host& host;
  Discovery discovery;
  std::map<std::pair<Family, Address>, Tick> asked;  // when an address last asked
  Tick now = 1000;

  explicit Run(const Host& the_host)
      : host(the_host), discovery(builtin_descriptors(), the_host, make_hash_key(1)) {}

  void step(Packet& packet, bool incoming, const InterfaceName& interface) {
    parse(packet);
    if (packet.malformed != Reason::kNone) return;
    (incoming ? packet.in : packet.out) = &interface;
    if (!incoming) {
      if (discovery.sent(packet, FlowId{1, 1}, now)) {
        asked[{packet.family, packet.source()}] = now;
      }
      return;
    }
    Discovery::Answer answer = discovery.received(packet, now);
    require(answer.related || !answer.announcement);
    require(!answer.related || answer.refused == Reason::kNone);
    require((answer.descriptor != nullptr) == (answer.related || answer.refused != Reason::kNone));
    if (!answer.related) return;
    require(packet.protocol() == protocol::kUdp);
    require(host.is_on_link(packet.family, packet.source(), &interface));
    require(!host.is_local(packet.family, packet.source()));
    if (answer.announcement) {
      require(host.has_joined(packet.family, packet.destination()));
      return;
    }
    auto question = asked.find({packet.family, packet.destination()});
    require(question != asked.end() && answer.until > now);
    require(now - question->second < ticks(answer.descriptor->answer.longest() / 1000 + 1));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Host host = make_host();
  Run run(host);
  while (size > 4) {
    size_t length = (data[2] & 0x7fu) << 8 | data[3];
    length = std::min(length, size - 4);
    std::vector<uint8_t> bytes(data + 4, data + 4 + length);
    Packet packet;
    packet.data = bytes.data();
    packet.wire_length = static_cast<uint32_t>(length);
    packet.captured = data[2] & 0x80 ? packet.wire_length / 2 : packet.wire_length;
    bytes.resize(packet.captured);
    bytes.shrink_to_fit();  // so that a read beyond what was captured is seen
    packet.data = bytes.data();
    run.now += data[1] * Tick{16};
    run.step(packet, data[0] & 1, data[0] & 2 ? kEth1 : kEth0);
    data += 4 + length;
    size -= 4 + length;
  }
  return 0;
}
