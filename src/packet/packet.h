// A packet: a view of bytes that an attachment owns, and what is known of them.
//
// Two lengths matter everywhere. The wire length is what the packet had; the
// captured length is how much of it we hold (`tcpdump -s` keeps the front). A
// header beyond the wire length is a short packet, which Linux punishes; one
// beyond the captured length is our ignorance, which must never look like a
// property of the packet.
//
// `parse` fills `fields` and the offsets; until then only the first group of
// members has a meaning. Offsets count from `data`, the first byte of the IP
// header.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "base/address.h"
#include "base/reason.h"
#include "base/time.h"
#include "packet/fields.h"

namespace sallyport {

// An interface as rules name it: at most 15 bytes, padded with zeroes, so that
// comparing two names is comparing two words.
struct InterfaceName {
  std::array<char, 16> bytes{};

  InterfaceName() = default;
  explicit InterfaceName(std::string_view name);  // cut at 15 bytes
  std::string_view text() const;
  [[gnu::always_inline]] friend bool operator==(const InterfaceName& a, const InterfaceName& b) {
    using Words = std::array<uint64_t, 2>;
    const auto one = std::bit_cast<Words>(a.bytes), other = std::bit_cast<Words>(b.bytes);
    return ((one[0] ^ other[0]) | (one[1] ^ other[1])) == 0;
  }
};

// The ports of a bridge that a frame comes in at and goes out by, which -m physdev asks about.
// `out` is empty where the packet is for the host or routed: that way it may have a port too, but a
// bridge looks for one when all rules have been passed.
struct BridgePorts {
  InterfaceName in;
  InterfaceName out;
};

// How much can be said about a run of bytes of a packet.
enum class Presence : uint8_t {
  kPresent,      // held
  kShort,        // beyond the packet's end on the wire
  kNotCaptured,  // on the wire, but not in the capture
};

// Whether the transport checksum is right, as far as the bytes tell.
enum class ChecksumState : uint8_t {
  kUnknown,  // nobody has looked
  kGood,     // right, or absent where it may be (UDP checksum 0), or not verifiable
  kBad,
};

struct Packet {
  // From the attachment.
  uint8_t* data = nullptr;   // of the IP header; mutable, owned by the attachment
  uint32_t captured = 0;     // bytes held at `data`
  uint32_t wire_length = 0;  // bytes of the network layer on the wire; >= captured
  Instant time{};
  const InterfaceName* in = nullptr;  // null: no such interface (OUTPUT has no `in`)
  const InterfaceName* out = nullptr;
  void* cookie = nullptr;  // the attachment's own
  uint32_t headroom = 0;   // writable bytes before `data`
  std::array<uint8_t, 6> mac_source{};
  bool has_mac = false;  // Ethernet: the frame's source address is known
  // Somebody has found the transport's checksum good, or it will be filled in when the packet
  // leaves: what the bytes say does not count, and the attachment sets `checksum` once they are
  // parsed.
  bool vouched = false;
  // The socket that sends it: a capture does not tell; a kernel's own packets have none.
  enum class Owner : uint8_t { kUnknown, kNone, kSocket } owner = Owner::kUnknown;
  uint32_t uid = 0, gid = 0;

  // From parse().
  Family family = Family::kIpv4;
  Reason malformed = Reason::kNone;  // not kNone: it reaches no chain
  bool bridge_minds_not = false;     // ... but on a bridge, which reads less of a header
  uint32_t length = 0;  // of the IP packet, from its header (wire_length where total length is 0)
  uint16_t transport = 0;  // offset of the transport header
  // IPv6: no transport header was reached, since the one before it is not there, or in another
  // fragment. `transport` and protocol() are those of the extension header that is missing.
  bool no_transport = false;
  bool is_fragment = false;  // any fragment, the first included
  bool more_fragments = false;
  bool is_icmp_error = false;
  uint32_t fragment_offset = 0;  // in bytes
  uint32_t fragment_id = 0;
  uint16_t fragment_header = 0;  // IPv6: offset of the fragment header
  // What nearly every packet is: UDP or TCP right behind the header of IP (no options, no extension
  // headers), whole and held, long enough for its own header, nothing wrong with it so far, and
  // with no address that may be only for loopback (parse_plain.h). All that may be skipped then.
  bool plain = false;
  ChecksumState checksum = ChecksumState::kUnknown;
  // Conntrack's: the hash of its tuple in zone 0, and the flow that this suggests, its number and
  // its entry; 0: not known. Where there is a guess, the tuple's words.
  uint64_t flow_hash = 0;
  void* flow_entry = nullptr;
  uint32_t flow_guess = 0;
  std::array<uint64_t, 2> flow_words{};
  Fields fields;

  // In the place of a packet before it: what an attachment says, and what it leaves unsaid. All
  // else is parse()'s. By the burst that is much faster than a new Packet, which is large.
  void arrive(uint8_t* bytes, uint32_t held, uint32_t on_wire, Instant when) {
    data = bytes;
    captured = held;
    wire_length = on_wire;
    time = when;
    static_assert(static_cast<int>(Owner::kUnknown) == 0);
    constexpr size_t kFirst = offsetof(Packet, in), kEnd = offsetof(Packet, uid);
    std::memset(static_cast<void*>(&in), 0, kEnd - kFirst);  // all of them: they lie together
    std::memset(&fields.words[kParsedFields], 0, sizeof fields - kParsedFields * sizeof(uint32_t));
  }

  // `size` bytes at `offset`: whether they are there, and the bytes if so.
  Presence presence(uint32_t offset, uint32_t size) const {
    if (uint64_t{offset} + size > length) return Presence::kShort;
    return uint64_t{offset} + size > captured ? Presence::kNotCaptured : Presence::kPresent;
  }
  template <typename Header>
  const Header* header(uint32_t offset) const {
    return presence(offset, sizeof(Header)) == Presence::kPresent
               ? reinterpret_cast<const Header*>(data + offset)
               : nullptr;
  }
  std::span<const uint8_t> bytes() const { return {data, length < captured ? length : captured}; }

  Address source() const { return address(Field::kSource0); }
  Address destination() const { return address(Field::kDestination0); }
  uint8_t protocol() const { return static_cast<uint8_t>(fields[Field::kProtocol]); }

 private:
  Address address(Field first) const {
    size_t i = static_cast<size_t>(first);
    return {{fields.words[i], fields.words[i + 1], fields.words[i + 2], fields.words[i + 3]}};
  }
};

// IANA protocol numbers that the engine treats by name.
namespace protocol {
constexpr uint8_t kHopByHop = 0, kIcmp = 1, kIgmp = 2, kTcp = 6, kUdp = 17, kDccp = 33,
                  kIpv6Routing = 43, kIpv6Fragment = 44, kGre = 47, kEsp = 50, kAh = 51,
                  kIcmpv6 = 58, kNoNextHeader = 59, kIpv6Destination = 60, kSctp = 132,
                  kMobility = 135, kUdpLite = 136;
}  // namespace protocol

// How reports and scripts call a protocol, "udp"; its number where the engine does not know it. Not
// iptables' names (lang/names.h): a file of the reader's machine must not change a report.
std::string protocol_word(uint8_t protocol);

}  // namespace sallyport
