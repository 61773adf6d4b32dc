// The packet parser and the checksums, on any bytes and cut anywhere.
//
// Input: one byte says how much of the rest is "captured", the rest is the packet on
// the wire. Beside not crashing: what the capture lacks is never the packet's fault.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "packet/headers.h"
#include "packet/parse.h"

namespace {

using sallyport::ChecksumState;
using sallyport::Packet;
using sallyport::Presence;
using sallyport::Reason;

void require(bool holds) {
  if (!holds) std::abort();
}

// Parsed from a copy of exactly this size, so that the sanitizer sees every overrun.
struct Parsed {
  std::unique_ptr<uint8_t[]> bytes;
  Packet packet;
  Parsed(const uint8_t* data, size_t captured, size_t wire) : bytes(new uint8_t[captured]) {
    std::copy_n(data, captured, bytes.get());
    packet.data = bytes.get();
    packet.captured = static_cast<uint32_t>(captured);
    packet.wire_length = static_cast<uint32_t>(wire);
    parse(packet);
  }
};

void check(Packet& packet) {
  require(packet.length <= packet.wire_length);
  require(packet.bytes().size() <= packet.captured);
  if (packet.fragment_offset > 0) require(packet.is_fragment);
  ChecksumState state = verify_checksum(packet);
  require(state != ChecksumState::kUnknown && verify_checksum(packet) == state);
  if (packet.captured < packet.length) require(state == ChecksumState::kGood);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t wire = size - 1;
  const size_t captured = data[0] < wire ? data[0] : wire;
  Parsed whole(data + 1, wire, wire), cut(data + 1, captured, wire);
  check(whole.packet);
  check(cut.packet);
  require(whole.packet.malformed != Reason::kNotInCapture);
  if (whole.packet.malformed != Reason::kNone) return 0;
  const Packet& packet = cut.packet;
  require(packet.malformed == Reason::kNone || packet.malformed == Reason::kNotInCapture);
  if (packet.malformed != Reason::kNone) return 0;
  // Short in the cut record is short on the wire.
  if (packet.presence(packet.transport, 1) == Presence::kShort) {
    require(packet.transport == whole.packet.transport);
  }
  for (size_t i = 0; i < packet.fields.words.size(); i++) {
    const uint32_t seen = packet.fields.words[i];
    const bool protocol = i == static_cast<size_t>(sallyport::Field::kProtocol);
    require(protocol || seen == 0 || seen == whole.packet.fields.words[i]);
  }
  return 0;
}
