// A capture being written: pcapng's blocks (draft-ietf-opsawg-pcapng) in a buffer of fixed size,
// for a file that somebody else appends them to. add() neither allocates nor formats.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "packet/packet.h"

namespace sallyport {

class CaptureWriter {
 public:
  // The bytes of blocks that it holds at most, and the link type of all its interfaces.
  CaptureWriter(size_t room, uint16_t link_type);

  // What follows stands for itself: the section's header, and its interfaces anew.
  void begin_section();

  enum class Direction : uint8_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };  // epb_flags
  struct Frame {
    Instant time{};
    InterfaceName interface;  // empty: none
    Direction direction = Direction::kUnknown;
    std::span<const uint8_t> header, payload;  // one behind the other
    uint32_t wire_length = 0;                  // of both; >= what is here
  };
  // False: there is no room for it before the next clear().
  bool add(const Frame& frame);

  // Since the last clear().
  std::string_view blocks() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  void clear() { bytes_.clear(); }

 private:
  static constexpr size_t kMostInterfaces = 256;  // of a section; more are as none
  bool has_room(size_t bytes) const { return bytes_.size() + bytes <= room_; }
  void put(const void* data, size_t size);
  void put32(uint32_t value) { put(&value, sizeof value); }
  void pad();
  void put_interface(const InterfaceName& name);
  uint32_t interface(const InterfaceName& name);

  const size_t room_;
  const uint16_t link_type_;
  std::vector<uint8_t> bytes_;
  std::vector<InterfaceName> interfaces_;  // by their number
};

}  // namespace sallyport
