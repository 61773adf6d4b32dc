// A block is its type, its length, its body and its length again; everything is aligned to four
// bytes, and in the byte order of this machine.
#include "attach/capture_writer.h"

#include <algorithm>

namespace sallyport {
namespace {

constexpr uint32_t kSection = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6;
constexpr uint32_t kOrder = 0x1a2b3c4d, kVersion = 1;  // 1.0
constexpr uint32_t kMostBytes = 0x40000;               // of a packet, as tcpdump has it
// An option is its code and its length, and its value.
constexpr uint32_t option(uint16_t code, uint16_t length) {
  return code | uint32_t{length} << 16;
}
constexpr uint32_t kEnd = option(0, 0);
constexpr uint16_t kIfName = 2, kIfTsresol = 9, kFlags = 2;
constexpr uint32_t kNanoseconds = 9;

constexpr size_t padded(size_t size) {
  return (size + 3) / 4 * 4;
}
constexpr size_t kSectionSize = 28;
constexpr size_t kMostInterfaceSize = 52;
constexpr size_t kPacketSize = 44;  // around its bytes

}  // namespace

CaptureWriter::CaptureWriter(size_t room, uint16_t link_type) : room_(room), link_type_(link_type) {
  bytes_.reserve(room_);
  interfaces_.reserve(kMostInterfaces);
  begin_section();
}

void CaptureWriter::put(const void* data, size_t size) {
  const auto* from = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), from, from + size);
}

void CaptureWriter::pad() {
  bytes_.resize(padded(bytes_.size()));
}

void CaptureWriter::begin_section() {
  clear();
  interfaces_.clear();
  for (const uint32_t word : {kSection, uint32_t{kSectionSize}, kOrder, kVersion, ~0u, ~0u,
                              uint32_t{kSectionSize}}) {  // ~0: who knows how long it gets
    put32(word);
  }
}

void CaptureWriter::put_interface(const InterfaceName& name) {
  interfaces_.push_back(name);
  const std::string_view text = name.text();
  const auto named = static_cast<uint32_t>(text.empty() ? 0 : 4 + padded(text.size()));
  const uint32_t length = 32 + named;
  for (const uint32_t word : {kInterface, length, uint32_t{link_type_}, kMostBytes}) put32(word);
  if (named) {
    put32(option(kIfName, static_cast<uint16_t>(text.size())));
    put(text.data(), text.size());
    pad();
  }
  for (const uint32_t word : {option(kIfTsresol, 1), kNanoseconds, kEnd, length}) put32(word);
}

uint32_t CaptureWriter::interface(const InterfaceName& name) {
  const auto found = std::ranges::find(interfaces_, name);
  if (found != interfaces_.end()) return static_cast<uint32_t>(found - interfaces_.begin());
  // The last one is for all that come too late.
  if (interfaces_.size() + 1 >= kMostInterfaces && name != InterfaceName()) {
    return interface(InterfaceName());
  }
  put_interface(name);
  return static_cast<uint32_t>(interfaces_.size() - 1);
}

bool CaptureWriter::add(const Frame& frame) {
  const auto held = static_cast<uint32_t>(frame.header.size() + frame.payload.size());
  const size_t length = kPacketSize + padded(held);
  if (!has_room(length + kMostInterfaceSize)) return false;
  const uint32_t number = interface(frame.interface);
  const auto time = static_cast<uint64_t>(frame.time.time_since_epoch().count());
  for (const uint32_t word :
       {kEnhancedPacket, static_cast<uint32_t>(length), number, static_cast<uint32_t>(time >> 32),
        static_cast<uint32_t>(time), held, frame.wire_length}) {
    put32(word);
  }
  put(frame.header.data(), frame.header.size());
  put(frame.payload.data(), frame.payload.size());
  pad();
  for (const uint32_t word : {option(kFlags, 4), static_cast<uint32_t>(frame.direction), kEnd,
                              static_cast<uint32_t>(length)}) {
    put32(word);
  }
  return true;
}

}  // namespace sallyport
